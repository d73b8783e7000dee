"""One run: robots answer, faults are played, processes are killed; at the end the auditor compares.

`python -m tests.chaos.run --database sqlite --kills 50 --taps 20000`, or `--database postgres --replicas 3`. The sandbox
runs in this process, each bot in its own. Virtual days pass by setting the clock all processes share.
"""

import argparse
import asyncio
import contextlib
import pickle
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from bot.app.operations import outages
from bot.config import Settings
from bot.db.crypto import new_key
from bot.db.migrate import migrate
from bot.db.opening import open_database
from bot.sandbox.journal import Journal
from bot.sandbox.server import SandboxServer
from bot.sandbox.updates import FIRST_UPDATE_ID
from bot.wiring import App, build
from tests.chaos.auditor import audit, table
from tests.chaos.cast import Wanted, invited
from tests.chaos.databases import PostgresServer, SqliteFile, Trouble, postgres_server
from tests.chaos.evidence import ClockSet, Evidence, Findings, Timeline
from tests.chaos.fault_player import FaultPlayer
from tests.chaos.fleet import Balancer, Kill, Replica, environ_of
from tests.chaos.offset import OffsetClock
from tests.chaos.robots import Robot
from tests.chaos.stored import is_sending_urgently
from tests.chaos.watchdog import report_of, watch

STEP = 0.02
LONGEST_SKIP = timedelta(hours=9)
"""With a jump of the clock below the cutoff of a check-in (12 h): what is later is skipped by design."""
MORE = timedelta(hours=6)
"""How far beyond the next event a skip goes, at most."""
QUIET_SECONDS = 1.5
BUSY = 40
"""At rest is also when no more than one robot of so many does something: somebody always has an alert to answer."""
IDLE_STRAYS = 0.000015
"""How likely each robot does something of its own at each look: about one of 300 in four seconds."""


@dataclass
class Orders:
    """What a run is to do. `webhook`: updates are brought, through a balancer; else they are polled."""

    database: str = "sqlite"
    replicas: int = 1
    webhook: bool = False
    kills: int = 5
    taps: int = 600
    robots: int = 60
    settled: int = 0
    """So many of the robots have been patients for days; their first check-ins come at once."""
    ill: float = 0.002
    """The chance that an answer is anything but the mildest."""
    seed: int = 1
    every: float = 6.0
    """Seconds between two faults, about."""
    outage_seconds: float = 30.0
    kill_every: float = 12.0
    settle_seconds: float = 900.0
    """How long all may take to come to rest, each of five times."""
    stall_seconds: float = 180.0
    """A run in which nothing is tapped, delivered or skipped for so long is ended with a report."""
    faults: bool = True
    days: int = 0
    """So many virtual days are to pass at least, the last of them without faults and kills."""


@dataclass
class Run:
    """A run under way, and what came of it."""

    orders: Orders
    folder: Path
    trouble: Trouble
    clock: OffsetClock
    server: SandboxServer
    ready: App
    replicas: list[Replica]
    robots: list[Robot]
    fault_player: FaultPlayer
    rng: Random
    kills: list[Kill] = field(default_factory=list)
    taps: int = 0
    acted: deque[float] = field(default_factory=lambda: deque([time.monotonic()], maxlen=100))
    """When the last taps were made."""
    calm: bool = False
    skipped: int = 0
    restless: bool = False
    exits: list[tuple[int, float]] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    shown: datetime = field(default_factory=lambda: datetime.now(UTC))
    """What the clock showed at the real time `started`."""
    seconds: float = 0.0

    @property
    def is_done(self) -> bool:
        played = not self.orders.faults or self.fault_player.kinds() <= set(self.fault_player.played)
        return played and self.taps >= self.orders.taps and len(self.kills) >= self.orders.kills

    @property
    def days(self) -> int:
        return (self.clock.now() - datetime.now(UTC)).days

    # -- robots

    async def tap(self) -> None:
        """Let every robot do what it can, a few at a time, until cancelled."""
        box = self.server.sandbox
        while True:
            acted = 0
            for robot in self.robots:
                acted += robot.act(box)
                if acted >= 8:
                    self._count(acted)
                    acted = 0
                    await asyncio.sleep(STEP)
            self._count(acted)
            if not self.calm and self.rng.random() < IDLE_STRAYS * len(self.robots):
                self.taps += self.rng.choice(self.robots).stray(box)
            await asyncio.sleep(STEP)

    async def tell(self) -> None:
        """Say how far it is, now and then, until cancelled."""
        while True:
            await asyncio.sleep(10)
            box = self.server.sandbox
            recent = Counter((t.action.kind, t.action.choice) for r in self.robots for t in r.taps[-1:])
            sys.stderr.write(
                f"taps {self.taps}, kills {len(self.kills)}, skips {self.skipped}, updates waiting {len(box.updates)}, "
                f"calls {len(box.journal.calls())}, faults {dict(self.fault_player.played)}, settling {self.calm}, {recent.most_common(6)}\n"
            )

    def _count(self, acted: int) -> None:
        if acted:
            self.taps += acted
            self.acted += [time.monotonic()] * acted

    def _rests(self, most: int = 0) -> bool:
        """Whether there were no more than so many taps in the last seconds, and all processes run for as long."""
        since = time.monotonic() - QUIET_SECONDS
        return sum(at > since for at in self.acted) <= most and all(r.started_at < since for r in self.replicas)

    # -- a run without progress

    async def watch(self) -> None:
        """End the run with a report when it makes no progress; until cancelled."""
        await watch(self._progress, self._report, seconds=self.orders.stall_seconds)

    def _progress(self) -> object:
        box = self.server.sandbox
        confirmed = box.updates.next_id - len(box.updates)
        return {"taps": self.taps, "skips": self.skipped, "updates confirmed": confirmed, "virtual days": self.days}

    async def _report(self) -> str:
        box = self.server.sandbox
        hook = box.webhook
        failed = "polling" if hook is None else f"webhook, last error {hook.last_error!r}"
        faults = [fault.kind for fault in box.faults.active()]
        return await report_of(self.replicas, f"{len(box.updates)} updates wait, {failed}, faults {faults}")

    # -- kills

    async def kill(self) -> None:
        """Kill random processes at random times until cancelled."""
        while True:
            await asyncio.sleep(self.orders.kill_every * self.rng.random() * 2)
            if up := [replica for replica in self.replicas if replica.is_up]:
                self.kills.append(await self.rng.choice(up).kill())

    async def supervise(self) -> None:
        """Restart ended processes a little later, as a service manager does, until cancelled."""
        while True:
            await asyncio.sleep(self.rng.random() * 2)
            for replica in self.replicas:
                if not replica.is_up:
                    await replica.start()

    # -- time

    async def skip(self) -> None:
        """Let hours pass whenever the robots are nearly idle, until cancelled."""
        while True:
            await asyncio.sleep(0.2)
            read_at = time.monotonic()
            if not self._rests(len(self.robots) // BUSY) or self.server.sandbox.updates or not await self._is_at_work():
                continue
            ahead = await self._until_next()
            if await self._calls_wait():
                continue
            if self.server.sandbox.updates or any(at >= read_at for at in self.acted):
                continue  # what somebody did while that was read would be answered hours later
            if ahead > timedelta(0):
                # Work that is already due would be late by the skipped hours, and omitted as too late.
                self.clock.jump(min(LONGEST_SKIP, ahead + MORE * self.rng.random()))
                self.skipped += 1
                await asyncio.sleep(QUIET_SECONDS)

    async def pass_days(self) -> None:
        """Wait until so many days were let pass."""
        for _ in range(int(5 * self.orders.settle_seconds)):
            if self.days >= self.orders.days:
                return
            await asyncio.sleep(1)

    async def _until_next(self) -> timedelta:
        """How far ahead the next event is; nothing or less: something is due, or it can't be read just now."""
        with contextlib.suppress(Exception):  # locked, full, restarted
            event_at = await asyncio.to_thread(self._read, lambda stores: stores.clock.next_event_at())
            return event_at - self.clock.now() if event_at is not None else LONGEST_SKIP
        return timedelta(0)

    async def _calls_wait(self) -> bool:
        """Whether a call screen is in flight or is tried again, as far as can be read: a skip would make it hours late."""
        with contextlib.suppress(Exception):  # locked, full, restarted
            return await asyncio.to_thread(self._read, is_sending_urgently)
        return True

    async def _is_at_work(self) -> bool:
        """Return whether the bot has run its sweeps since the clock was last set."""
        with contextlib.suppress(Exception):  # locked, full, restarted: then it isn't
            kept = await asyncio.to_thread(self._read, lambda stores: stores.settings.get(outages.UP_AT))
            return kept is not None and abs(self.clock.now() - datetime.fromisoformat(kept)) < timedelta(minutes=2)
        return False

    def _read(self, fn: Any) -> Any:
        database = open_database(self.trouble.url, self.ready.keyring)
        try:
            return database.run(fn) if isinstance(self.trouble, PostgresServer) else _read_only(database, fn)
        finally:
            database.shut()

    # -- the end

    async def settle(self) -> None:
        """End the faults and finish what is in progress, including what falls due within two hours."""
        self.calm = True
        for robot in self.robots:
            robot.calm = True
        self.server.sandbox.faults.clear()
        for _ in range(4):
            await self._quiet()
            self.clock.jump(timedelta(minutes=30))
        await self._quiet()

    async def _quiet(self) -> None:
        give_up_at = time.monotonic() + self.orders.settle_seconds
        while time.monotonic() < give_up_at:
            await asyncio.sleep(0.5)
            if (
                self._rests()
                and not self.server.sandbox.updates
                and await self._is_at_work()
                and await self._is_empty()
            ):
                return
        self.restless = True

    async def _is_empty(self) -> bool:
        return await self._until_next() > timedelta(0)

    async def stop(self) -> None:
        self.exits = [await replica.stop() for replica in self.replicas]

    def audited(self) -> Findings:
        box = self.server.sandbox
        seen = Evidence(
            calls=box.journal.calls(),
            taps=[tap for robot in self.robots for tap in robot.taps],
            kills=self.kills,
            first_update=FIRST_UPDATE_ID,
            next_update=box.updates.next_id,
            unconfirmed=len(box.updates),
            key=self.ready.keyring.derive("buttons"),
            timeline=Timeline(self.started, self.shown, self._sets()),
            until=self.clock.now(),
            # Who is settled has answered the first questions before.
            already=self.orders.settled,
            in_turn=not self.orders.webhook,
            windows=tuple(self.fault_player.windows),
            chats={robot.person.id: box.messages(robot.person) for robot in self.robots},
            faults=self.orders.faults,
        )
        # To look into a finding: the only witness, once the database is gone.
        (self.folder / "evidence.pickle").write_bytes(pickle.dumps(seen))
        findings: Findings = self._read(lambda stores: audit(stores, self.ready.clinic, seen))
        for number, (code, seconds) in enumerate(self.exits):
            if code != 0:
                findings.found["stops that were not graceful"].append(f"process {number}: exit {code}, {seconds:.1f} s")
        if self.restless:
            findings.found["never quiet"].append("something was still due, or still tapped, at the end")
        for replica in self.replicas:
            if "Traceback" in replica.log.read_text(encoding="utf-8"):
                findings.found["stack traces in a log"].append(str(replica.number))
        findings.counts |= {f"played: {kind}": n for kind, n in sorted(self.fault_player.played.items())}
        findings.counts |= {"slowest stop, seconds": max((int(seconds + 1) for _, seconds in self.exits), default=0)}
        findings.counts |= {"virtual days": self.days, "seconds": int(self.seconds)}
        return findings

    def _sets(self) -> tuple[ClockSet, ...]:
        chance = self.fault_player.set_clock
        return tuple(ClockSet(at, by, number in chance) for number, (at, by) in enumerate(self.clock.jumps))


def _read_only(database: Any, fn: Any) -> Any:
    return database._read(fn)


def _wanted(orders: Orders) -> Wanted:
    return Wanted(new=orders.robots - orders.settled, settled=orders.settled, ill=orders.ill)


@contextlib.asynccontextmanager
async def opened(orders: Orders, folder: Path) -> AsyncIterator[Run]:
    """Everything made and started."""
    async with contextlib.AsyncExitStack() as stack:
        trouble: Trouble = (
            await stack.enter_async_context(postgres_server())
            if orders.database == "postgres"
            else SqliteFile(folder / "bot.db")
        )
        clock = OffsetClock(folder / "clock")
        server = SandboxServer(clock)
        server.sandbox.journal = Journal(size=1_000_000)
        server.sandbox.faults.seed = orders.seed
        url = await server.start()
        stack.push_async_callback(server.stop)
        settings = {
            "NERVECHECK_API_URL": url,
            "NERVECHECK_KEYS": new_key(),
            "NERVECHECK_DATABASE_URL": trouble.url,
        }
        rng = Random(orders.seed)
        replicas = [Replica(n, folder, folder / "clock", {}) for n in range(orders.replicas)]
        if orders.webhook:
            balancer = Balancer([replica.port for replica in replicas])
            settings["NERVECHECK_WEBHOOK_URL"] = f"http://127.0.0.1:{await balancer.start()}"
            stack.push_async_callback(balancer.stop)
        environ = environ_of(settings)
        for replica in replicas:
            replica.environ = environ
        ready = build(Settings.load(environ), sandbox=False)
        migrate(trouble.url)
        robots = await asyncio.to_thread(invited, ready, server.sandbox, clock, rng, _wanted(orders))
        fault_player = FaultPlayer(
            server.sandbox.faults,
            trouble,
            clock,
            rng,
            lambda: [r.process.pid for r in replicas if r.process is not None and r.is_up],
            every=orders.every,
            outage_seconds=orders.outage_seconds,
        )
        yield Run(orders, folder, trouble, clock, server, ready, replicas, robots, fault_player, rng)


async def run(orders: Orders, folder: Path) -> tuple[Findings, Run]:
    """Execute the orders; return what the auditor found."""
    async with opened(orders, folder) as made:
        begun = time.monotonic()
        for replica in made.replicas:
            await replica.start()
        if orders.faults:
            made.fault_player.always()
        always = [asyncio.create_task(one) for one in (made.tap(), made.skip(), made.tell(), made.supervise())]
        trouble = [asyncio.create_task(made.kill())]
        watching = asyncio.create_task(made.watch())
        if orders.faults:
            trouble.append(asyncio.create_task(made.fault_player.run()))
        try:
            while not made.is_done:
                await asyncio.sleep(0.5)
                for task in (*always, *trouble, watching):
                    if task.done() and (error := task.exception()) is not None:
                        raise error
            await _end(trouble)
            days = asyncio.create_task(made.pass_days())
            await asyncio.wait((days, watching), return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                await _end([days])
                await watching
            # From here on each wait has an end of its own.
            await _end([watching, always[1]])
            await made.settle()
        finally:
            await _end([*always, *trouble, watching])
            await made.stop()
        made.seconds = time.monotonic() - begun
        return await asyncio.to_thread(made.audited), made


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--webhook", action="store_true")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--taps", type=int, default=20_000)
    parser.add_argument("--robots", type=int, default=300)
    parser.add_argument("--settled", type=int, default=240)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=15.0)
    parser.add_argument("--kill-every", type=float, default=18.0)
    parser.add_argument("--folder", type=Path, help="where logs and the database stay")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="nervecheck-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {name: value for name, value in vars(given).items() if name != "folder"}
    findings, _ = asyncio.run(run(Orders(**wanted), folder))
    lines = [table(findings, f"{given.database}, {given.replicas} process(es), seed {given.seed}")]
    lines += [f"LOST {loss}" for loss in findings.losses[:50]]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if findings.losses else 0


if __name__ == "__main__":
    raise SystemExit(main())
