"""Several real processes: failover after a kill, a single poller, an upgrade, a stop that hands over its work."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from bot.db.migrate import SCRIPTS, current
from bot.sandbox.journal import Call
from tests.chaos.auditor import table
from tests.chaos.fleet import Replica
from tests.chaos.processes import until
from tests.chaos.run import Orders, Run, opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LEASE = timedelta(seconds=61)
"""A sender's lease (60 s) and a second."""
LATER = '''"""of a later version"""

import sqlalchemy as sa
from alembic import op

revision = "later"
down_revision = "{head}"


def upgrade() -> None:
    op.add_column("patient", sa.Column("of_a_later_version", sa.Integer(), nullable=True))
    op.create_table("of_a_later_version", sa.Column("id", sa.Integer(), primary_key=True))
'''


def later_version(folder: Path) -> Path:
    """This version's migrations and one more."""
    scripts = folder / "migrations"
    shutil.copytree(SCRIPTS, scripts)
    head = max(path.name for path in (scripts / "versions").glob("0*.py"))[:4]
    (scripts / "versions" / "later.py").write_text(LATER.format(head=head), encoding="utf-8")
    return scripts


@asynccontextmanager
async def started(orders: Orders, folder: Path) -> AsyncIterator[Run]:
    async with opened(orders, folder) as made:
        for replica in made.replicas:
            await replica.start()
        try:
            for replica in made.replicas:
                await until(replica.is_ready)
            yield made
        finally:
            for replica in made.replicas:
                await replica.stop()


def last_led(replica: Replica) -> str:
    """Return when it last became the polling leader; "" if never."""
    lines = [line for line in replica.log.read_text(encoding="utf-8").splitlines() if '"poll_leads"' in line]
    return str(json.loads(lines[-1])["timestamp"]) if lines else ""


def sends(made: Run) -> list[Call]:
    return made.server.sandbox.journal.calls("sendMessage")


def all_worked(made: Run) -> bool:
    """Whether each process that runs now has sent something, and the one that polls has answered a tap."""
    pids = {str(replica.process.pid): replica for replica in made.replicas if replica.process is not None}
    answered = {call.params["outbox_pid"] for call in made.server.sandbox.journal.calls("answerCallbackQuery")}
    leader = max(pids, key=lambda pid: last_led(pids[pid]))
    return {call.params["outbox_pid"] for call in sends(made)} >= set(pids) and leader in answered


async def test_failover_and_upgrade_while_patients_answer(tmp_path: Path) -> None:
    """Three processes; nothing goes wrong but a kill: no message may come twice, and not too many within a second."""
    orders = Orders(database="postgres", replicas=3, robots=100, settled=30, seed=5, faults=False)
    async with started(orders, tmp_path) as made:
        tapping = asyncio.create_task(made.tap())
        await until(lambda: len(sends(made)) > 60)
        await until(lambda: all_worked(made))
        leader = max(made.replicas, key=last_led)
        began = last_led(leader)
        assert began
        made.kills.append(await leader.kill())
        others = [replica for replica in made.replicas if replica is not leader]
        await until(lambda: any(last_led(replica) > began for replica in others))
        answered = len(sends(made))
        await until(lambda: len(sends(made)) > answered + 30)

        scripts = later_version(tmp_path)
        for replica in (leader, *others):
            code, _ = await replica.stop() if replica.is_up else (0, 0.0)
            assert code == 0
            replica.scripts = scripts
            await replica.start()
            await until(replica.is_ready)
            assert current(made.trouble.url) == "later"
            assert all([await each.is_ready() for each in made.replicas]), (
                "the old processes continue next to the new ones"
            )
        answered = len(sends(made))
        await until(lambda: len(sends(made)) > answered + 30)
        await until(lambda: all_worked(made))

        tapping.cancel()
        await asyncio.gather(tapping, return_exceptions=True)
        await made._quiet()
        await made.stop()
        findings = await asyncio.to_thread(made.audited)
    assert findings.losses == [], table(findings, "lost")
    assert findings.found["doubled, answer lost on the way"] == []


async def test_killed_senders_messages_are_sent_after_lease_expiry(tmp_path: Path) -> None:
    async with started(Orders(database="postgres", replicas=2, robots=1), tmp_path) as made:
        box = made.server.sandbox
        box.faults.add("half_open", methods=["sendMessage"], count=1)
        made.robots[0].act(box)
        await until(lambda: sends(made))
        (held,) = sends(made)
        assert held.error == (0, "half-open")
        (holder,) = [
            r for r in made.replicas if r.process is not None and str(r.process.pid) == held.params["outbox_pid"]
        ]
        await holder.kill()
        made.clock.jump(LEASE)
        await until(lambda: len(sends(made)) > 1)
        sent = sends(made)[-1]
        assert sent.params["outbox_row"] == held.params["outbox_row"]
        assert sent.params["outbox_pid"] != held.params["outbox_pid"]
        assert sent.error is None
        await made._quiet()
        assert [call.params["outbox_row"] for call in sends(made)].count(held.params["outbox_row"]) == 2, "and once"


async def test_stop_finishes_in_flight_while_the_next_starts(tmp_path: Path) -> None:
    async with started(Orders(robots=1), tmp_path) as made:
        box, first = made.server.sandbox, made.replicas[0]
        second = Replica(1, first.folder, first.clock_file, first.environ)
        await second.start()
        assert second.process is not None
        assert await second.process.wait() == 1
        assert "Another process runs on this SQLite file" in second.log.read_text(encoding="utf-8")

        box.faults.add("slow", seconds=3, methods=["sendMessage"], count=1)
        made.robots[0].act(box)
        shown = box.chat(made.robots[0].person).messages
        await until(lambda: len(shown) > 1)
        assert sends(made) == [], "Telegram has not answered yet"
        stopping = asyncio.create_task(first.stop())
        await until(lambda: '"stopping"' in first.log.read_text(encoding="utf-8"))
        await second.start()
        assert not stopping.done(), "both are there"
        code, _ = await stopping
        assert code == 0
        await until(second.is_ready)
        await made._quiet()
        assert len(sends(made)) == 1, "it was sent once, and the second knows it"
        code, _ = await second.stop()
        assert code == 0
