"""Outbox, budget and leases by chance, against a plain model: nothing is lost, doubled or out of order.

Senders claim, are killed, come back, fail and succeed; the clock runs and jumps. What must hold is said in the model's
own words, without a query: a message is sent once unless its sender died; a chat has one in hand; lanes go in order.
"""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.app.store import Lane, Outbox, OutboxState
from bot.core.screen import Screen, Text
from bot.db.engine import open_database
from bot.delivery.budget import Books, Lease, Slots, Taken, take, write_end
from bot.delivery.lanes import PUBLISHED
from bot.delivery.verdicts import End, Verdict
from tests.fakes.databases import KEYRING, postgres_server, sqlite_database

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
LEASE = timedelta(seconds=60)
SENDERS = ("one", "two", "three")
CHATS = (1, 2, 3)
LANES = tuple(Lane)
SECOND = timedelta(seconds=1)
EXAMPLES = 30


class OutboxMachine(RuleBasedStateMachine):
    """Three senders on one outbox. Each message has a slot of its own, so none may stand for another."""

    def __init__(self) -> None:
        super().__init__()
        self._folder: Any = None
        self.at = START
        self.queued: dict[int, tuple[int, Lane]] = {}
        self.sent: dict[int, int] = {}
        self.hands: dict[str, list[tuple[Taken, datetime]]] = {name: [] for name in SENDERS}
        self.orphans: dict[int, datetime] = {}
        self.grants: list[datetime] = []

    @initialize()
    def open(self) -> None:
        self.database = self.made()

    def made(self) -> Any:
        self._folder = tempfile.TemporaryDirectory()
        return sqlite_database(Path(self._folder.name) / "test.db")

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.finish()
            self.database.shut()
        if self._folder is not None:
            self._folder.cleanup()

    # -- what happens

    @rule(chat=st.sampled_from(CHATS), lane=st.sampled_from(LANES))
    def queue(self, chat: int, lane: Lane) -> None:
        self.put(chat, lane, slot=f"s{len(self.queued)}", mode="new", revision=0)

    def put(self, chat: int, lane: Lane, *, slot: str, mode: Any, revision: int) -> None:
        row = Outbox(
            patient_id=None,
            chat_id=chat,
            language="en",
            lane=lane,
            slot=slot,
            mode=mode,
            revision=revision,
            screen=Screen(name="x", lines=(Text(key="x"),)),
            created_at=self.at,
            not_before=self.at,
        )
        number = self.database.run(lambda s: s.enqueue(row))
        self.queued[number] = (chat, lane)

    @rule(who=st.sampled_from(SENDERS), slots=st.integers(1, 4))
    def claim(self, who: str, slots: int) -> None:
        mine = frozenset(taken.claim.row.id for taken, _ in self.hands[who])
        lease = Lease(who, LEASE, mine)
        found = self.database.run(lambda s: take(s, lambda: self.at, Slots(slots, slots), lease, PUBLISHED))
        for taken in found.taken:
            number = taken.claim.row.id
            assert number not in self.sent, "what was sent is never taken again"
            assert number not in self.others_hold(), "nobody takes what another has in hand"
            chat, lane = self.queued[number]
            busy = [n for n in self.others_hold() | mine if self.queued[n][0] == chat]
            if lane is not Lane.RED_FLAG:
                assert not busy, "one chat, one message at a time"
            self.orphans.pop(number, None)
            self.grants.append(self.at)
            self.hands[who].append((taken, self.at + LEASE))
            self.taken_up(taken)
        order = [taken.claim.row.lane for taken in found.taken]
        assert order == sorted(order), "red flags first"

    def taken_up(self, taken: Taken) -> None:
        """Each message stands for itself."""
        assert taken.claim.row.slot == f"s{taken.claim.row.id - 1}"

    @precondition(lambda self: any(self.hands.values()))
    @rule(data=st.data(), how=st.sampled_from([End.SENT, End.RETRY]))
    def end(self, data: st.DataObject, how: End) -> None:
        who = data.draw(st.sampled_from([name for name in SENDERS if self.hands[name]]))
        taken, _ = self.hands[who].pop(data.draw(st.integers(0, len(self.hands[who]) - 1)))
        verdict = Verdict(how, message_id=1 if how is End.SENT else None, wait=2 * SECOND)
        books = Books(owner=who, speed=1.0, on_permanent=lambda *_: None)
        self.database.run(lambda s: write_end(s, taken.claim, verdict, self.at, books))
        if how is End.SENT:
            number = taken.claim.row.id
            self.sent[number] = self.sent.get(number, 0) + 1

    @precondition(lambda self: any(self.hands.values()))
    @rule(who=st.sampled_from(SENDERS))
    def kill(self, who: str) -> None:
        """What it had in hand nobody ends; when the leases run out others send it."""
        self.orphans |= {taken.claim.row.id: until for taken, until in self.hands[who]}
        self.hands[who] = []

    @rule(seconds=st.sampled_from([0.05, 0.5, 3.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        """A living sender renews or ends in time: leases are longer than any call."""
        self.at += seconds * SECOND
        self.renew()

    @rule(hours=st.sampled_from([-2, 2]))
    def clock_is_set(self, hours: int) -> None:
        """Each sender says anew what it has in hand, before any claims again."""
        self.at += timedelta(hours=hours)
        self.orphans = dict.fromkeys(self.orphans, self.at)
        self.grants.clear()
        self.renew()
        if hours < 0:
            self.database.run(lambda s: (s.forget_pace(), s.set_back(self.at, timedelta(hours=-hours))))

    def renew(self) -> None:
        for who, held in self.hands.items():
            ids = [taken.claim.row.id for taken, _ in held]
            self.database.run(lambda s, ids=ids, who=who: s.keep_leases(ids, owner=who, until=self.at + LEASE))
            self.hands[who] = [(taken, self.at + LEASE) for taken, _ in held]

    # -- what holds

    def others_hold(self) -> set[int]:
        return {taken.claim.row.id for held in self.hands.values() for taken, _ in held}

    @invariant()
    def no_more_than_telegram_allows(self) -> None:
        recent = [moment for moment in self.grants if moment > self.at - SECOND]
        assert len(recent) <= 30, "30 in any second"

    @invariant()
    def nothing_is_gone(self) -> None:
        if not hasattr(self, "database"):
            return
        counts = self.database.run(lambda s: s.outbox_counts())
        states = {state: sum(n for (_, st_), n in counts.items() if st_ is state) for state in OutboxState}
        assert states[OutboxState.SENT] == len(self.sent)
        assert states[OutboxState.WAITING] == len(self.queued) - len(self.sent)

    def finish(self) -> None:
        """With time enough everything is sent, each once."""
        for held in self.hands.values():
            held.clear()
        for _ in range(20 * len(self.queued) + 200):
            if len(self.sent) == len(self.queued):
                break
            self.at += 70 * SECOND
            self.claim("one", 4)
            self.end_all("one")
        assert set(self.sent) == set(self.queued), "nothing is lost"
        assert set(self.sent.values()) <= {1}, "nothing is doubled"

    def end_all(self, who: str) -> None:
        books = Books(owner=who, speed=1.0, on_permanent=lambda *_: None)
        while self.hands[who]:
            taken, _ = self.hands[who].pop()
            sent = Verdict(End.SENT, message_id=1)
            self.database.run(lambda s, t=taken, v=sent: write_end(s, t.claim, v, self.at, books))
            number = taken.claim.row.id
            self.sent[number] = self.sent.get(number, 0) + 1


class ScreensMachine(OutboxMachine):
    """Screens of a few check-ins, each of a later revision than the one before it: none is shown after a newer one."""

    def __init__(self) -> None:
        super().__init__()
        self.newest: dict[tuple[int, str], int] = {}
        self.shown: dict[tuple[int, str], int] = {}

    @rule(
        chat=st.sampled_from(CHATS[:2]),
        slot=st.sampled_from(("checkin:1", "checkin:2")),
        lane=st.sampled_from(LANES[1:]),
        mode=st.sampled_from(("new", "edit")),
    )
    def queue(self, chat: int, slot: str, lane: Lane, mode: str) -> None:
        revision = self.newest[chat, slot] = self.newest.get((chat, slot), -1) + 1
        self.put(chat, lane, slot=slot, mode=mode, revision=revision)

    def taken_up(self, taken: Taken) -> None:
        row = taken.claim.row
        before = self.shown.get((row.chat_id, row.slot), -1)
        assert row.revision >= before, "an older screen after a newer one leads back to what was answered"
        self.shown[row.chat_id, row.slot] = row.revision

    @invariant()
    def nothing_is_gone(self) -> None:
        """Others may stand for a screen; see `finish`."""

    def finish(self) -> None:
        for held in self.hands.values():
            held.clear()
        for _ in range(6 * len(self.queued) + 50):
            self.at += 70 * SECOND
            self.claim("one", 4)
            self.end_all("one")
        assert self.shown == self.newest, "what stands at the end is the newest"


class Postgres:
    """The same on PostgreSQL."""

    server: Any = None

    def made(self) -> Any:
        return open_database(self.server.emptied(), KEYRING)


class OnPostgres(Postgres, OutboxMachine):
    pass


class ScreensOnPostgres(Postgres, ScreensMachine):
    pass


def run(machine: type[OutboxMachine], examples: int) -> None:
    checks = list(HealthCheck)
    chosen = settings(max_examples=examples, stateful_step_count=40, suppress_health_check=checks, derandomize=True)
    run_state_machine_as_test(machine, settings=chosen)


def test_on_sqlite() -> None:
    run(OutboxMachine, EXAMPLES)


def test_screens_on_sqlite() -> None:
    run(ScreensMachine, EXAMPLES)


def test_on_postgresql() -> None:
    with postgres_server() as server:
        Postgres.server = server
        run(OnPostgres, EXAMPLES // 3)
        run(ScreensOnPostgres, EXAMPLES // 3)
