"""Replicas side by side: row locks, leases, and what is run again."""

import asyncio
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from bot.app.patients import registry
from bot.app.ports.errors import StoreDownError
from bot.app.records.concerns import ClockJump
from bot.app.records.messages import Lane
from bot.app.records.operations import BEGINNING
from bot.app.records.patients import Invite
from bot.db.opening import open_database
from bot.db.postgres import TRIES
from bot.db.stores import alerts, checkins
from tests.contract.samples import (
    AT,
    MINUTE,
    active,
    alert,
    answer,
    checkin,
    message,
    patient,
    task,
)
from tests.db.replicas import in_thread, opened, until_somebody_waits
from tests.fakes.databases import KEYRING
from tests.fakes.work import work_on


def _claim(stores, owner="me", limit=10):
    claims = stores.outbox.claim(AT, lanes=list(Lane), limit=limit, owner=owner, lease_until=AT + MINUTE)
    return [claim.row.id for claim in claims]


# -- locks


def test_sweep_skips_patients_locked_by_another_replica(pg):
    for code in ("a", "b", "c"):
        pg.run(lambda s, c=code: s.patients.add(active(c, AT)))
    with opened(pg) as one, opened(pg) as two:
        assert [p.code for p in one.patients.due(AT, 2)] == ["a", "b"]
        assert [p.code for p in two.patients.due(AT, 2)] == ["c"]


def test_jump_of_the_clock_that_comes_meanwhile_is_for_the_next_transaction(pg):
    """Within one, days were counted before and after it would forget them: the result was that of neither order."""
    jump = ClockJump(at=AT, back_by=0)
    with opened(pg) as one:
        assert one.concerns.last_jump() == 0
        pg.run(lambda s: s.concerns.add_jump(jump))
        assert (one.concerns.last_jump(), list(one.concerns.jumps_after(0))) == (0, [])
    with opened(pg) as two:
        assert [found.back_by for found in two.concerns.jumps_after(0)] == [0]
        assert two.concerns.add_jump(jump).id == two.concerns.last_jump()


def test_locked_patient_is_skipped_by_every_sweep(pg):
    one, other = (pg.run(lambda s, c=code: s.patients.add(active(c, AT))) for code in ("a", "b"))
    for who in (one, other):
        pg.run(lambda s, w=who: s.checkins.add(checkin(w.id, next_action_at=AT)))
        pg.run(lambda s, w=who: s.alerts.add(alert(w.id, next_patient_prompt_at=AT)))
    with opened(pg) as tap, opened(pg) as sweep:
        tap.patients.get(one.id, lock=True)
        assert [p.id for p in sweep.patients.due(AT, 9)] == [other.id]
        assert [c.patient_id for c in sweep.checkins.due(AT, 9)] == [other.id]
        assert [a.patient_id for a in sweep.alerts.prompts_due(AT, 9)] == [other.id]


def test_rows_of_a_locked_patient_can_still_be_added_by_others(pg):
    one = pg.run(lambda s: s.patients.add(patient()))
    with opened(pg) as tap, opened(pg) as other:
        tap.patients.get(one.id, lock=True)
        other.patients._connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
        assert other.alerts.add(alert(one.id)).id


def test_two_taps_of_one_patient_take_their_turns(pg):
    one = pg.run(lambda s: s.patients.add(patient()))
    with opened(pg) as first:
        locked = first.patients.get(one.id, lock=True)
        thread, wait = in_thread(lambda: pg.run(lambda s: s.patients.get(one.id, lock=True)))
        thread.join(0.1)
        assert thread.is_alive()
        first.patients.save(locked.model_copy(update={"enrol_revision": 1}))
    assert wait().enrol_revision == 1


@pytest.mark.parametrize("kind", ["checkin", "alert"])
def test_what_another_replica_has_just_stepped_is_not_stepped_again(pg, kind):
    one = pg.run(lambda s: s.patients.add(patient()))
    if kind == "checkin":
        row = pg.run(lambda s: s.checkins.add(checkin(one.id, next_action_at=AT)))
    else:
        row = pg.run(lambda s: s.alerts.add(alert(one.id, next_patient_prompt_at=AT)))
    due = "next_action_at" if kind == "checkin" else "next_patient_prompt_at"
    later = row.model_copy(update={due: AT + MINUTE})
    # The second sweep has its snapshot, but no lock yet, when the first one commits.
    with pg.engine.connect() as gate:
        gate.exec_driver_sql("SELECT pg_advisory_lock(7)")
        _, wait = in_thread(lambda: _sweep_held_up(pg, kind))
        until_somebody_waits(gate)
        pg.run(lambda s: s.checkins.save(later) if kind == "checkin" else s.alerts.save(later))
        gate.exec_driver_sql("SELECT pg_advisory_unlock(7)")
        assert wait() == []


def _sweep_held_up(pg, kind):
    statement = (checkins.DUE if kind == "checkin" else alerts.PROMPTS_DUE)["postgresql"]
    held_up = statement.where(text("CAST((SELECT pg_advisory_xact_lock_shared(7)) AS text) IS NOT NULL"))
    with pg.engine.connect() as connection, connection.begin():
        return connection.execute(held_up, {"at": AT, "top": 9, "after_at": BEGINNING.at, "after_id": 0}).all()


# -- the outbox


def test_senders_share_the_messages_without_waiting(pg):
    numbers = [pg.run(lambda s, c=chat: s.outbox.enqueue(message(c))) for chat in range(6)]
    with opened(pg) as one, opened(pg) as two:
        assert _claim(one, "one", 3) == numbers[:3]
        assert _claim(two, "two", 9) == numbers[3:]
    assert pg.run(_claim) == []


def test_two_senders_never_hold_two_messages_of_one_chat(pg):
    first = pg.run(lambda s: s.outbox.enqueue(message(1, "a", lane=Lane.CHECKIN)))
    with opened(pg) as one:
        assert _claim(one, "one") == [first]
        # Not seen by the first sender; its lease isn't seen by the second.
        urgent = pg.run(lambda s: s.outbox.enqueue(message(1, "b", lane=Lane.REPLY)))
        with opened(pg) as two:
            assert _claim(two, "two") == []
    assert pg.run(_claim) == []
    pg.run(lambda s: s.outbox.mark_sent(first, owner="one", message_id=1, at=AT))
    assert pg.run(_claim) == [urgent]


def test_many_senders_send_each_message_once_and_each_chats_in_order(pg):
    chats, each, sent, lock = 8, 6, [], threading.Lock()
    for n in range(chats * each):
        pg.run(lambda s, n=n: s.outbox.enqueue(message(n % chats, f"slot{n}")))

    def sender(owner):
        while len(sent) < chats * each:
            claims = pg.run(
                lambda s: s.outbox.claim(AT, lanes=list(Lane), limit=3, owner=owner, lease_until=AT + MINUTE)
            )
            for claim in claims:
                with lock:
                    sent.append((claim.row.chat_id, claim.row.id))
                pg.run(lambda s, c=claim: s.outbox.mark_sent(c.row.id, owner=owner, message_id=1, at=AT))

    threads = [threading.Thread(target=sender, args=(f"sender{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(sent) == len(set(sent)) == chats * each
    for chat in range(chats):
        of_chat = [number for c, number in sent if c == chat]
        assert of_chat == sorted(of_chat)


def test_message_being_replaced_is_skipped(pg):
    number = pg.run(lambda s: s.outbox.enqueue(message(1)))
    with opened(pg) as tap, opened(pg) as sender:
        assert tap.outbox.enqueue(message(1, mode="edit")) == number
        assert _claim(sender) == []
    assert pg.run(_claim) == [number]


# -- the same thing twice at once


async def test_a_checkin_falls_due_once_for_all_replicas(pg):
    one = pg.run(lambda s: s.patients.add(patient()))
    rows = await asyncio.gather(*(pg.transact(lambda s: s.checkins.add(checkin(one.id))) for _ in range(8)))
    assert sum(row is not None for row in rows) == 1
    assert len(pg.run(lambda s: s.checkins.of_patient(one.id))) == 1


async def test_an_update_is_handled_once_by_all_replicas(pg):
    first = await asyncio.gather(*(pg.transact(lambda s: s.updates.mark_processed(5, AT)) for _ in range(8)))
    assert sum(first) == 1


async def test_task_is_opened_once_by_all_replicas(pg):
    items = await asyncio.gather(*(pg.transact(lambda s: s.tasks.add(task(None))) for _ in range(8)))
    assert sum(item is not None for item in items) == 1


async def test_the_budget_is_spent_by_one_at_a_time(pg):
    def spend(stores):
        row = stores.limits.budget()
        stores.limits.save_budget(row.model_copy(update={"all_free_at": row.all_free_at + MINUTE}))

    start = pg.run(lambda s: s.limits.budget()).all_free_at
    await asyncio.gather(*(pg.transact(spend) for _ in range(20)))
    assert pg.run(lambda s: s.limits.budget()).all_free_at - start == 20 * MINUTE


async def test_rate_limits_of_the_same_chats_never_deadlock(pg):
    orders = [list(range(10)), list(range(9, -1, -1))] * 10
    await asyncio.gather(
        *(pg.transact(lambda s, o=o: s.limits.save_chats_free_at(dict.fromkeys(o, AT))) for o in orders)
    )
    assert len(pg.run(lambda s: s.limits.chats_free_at(range(10)))) == 10


# -- what is run again


class DriverError(Exception):
    """What the driver raises, as far as it is looked at."""

    def __init__(self, sqlstate):
        super().__init__("x")
        self.sqlstate = sqlstate


def _fails(times, sqlstate, *, lost=False, statement="SELECT 1"):
    """A function that fails so many times; it counts its runs."""
    runs = []

    def fn(stores):
        stores.settings.set("runs", str(len(runs)))
        runs.append(1)
        if len(runs) <= times:
            raise OperationalError(statement, {}, DriverError(sqlstate), connection_invalidated=lost)
        return len(runs)

    return fn, runs


@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
async def test_what_was_undone_for_others_is_run_again(pg, sqlstate):
    fn, _ = _fails(2, sqlstate)
    assert await pg.transact(fn) == 3


async def test_a_connection_lost_before_the_commit_is_replaced(pg):
    fn, _ = _fails(1, None, lost=True)
    assert await pg.transact(fn) == 2


async def test_a_connection_lost_in_the_commit_is_the_callers_to_know(pg):
    fn, runs = _fails(1, None, lost=True, statement=None)
    with pytest.raises(StoreDownError):
        await pg.transact(fn)
    assert len(runs) == 1


async def test_it_is_not_run_for_ever(pg):
    fn, runs = _fails(99, "40001")
    with pytest.raises(StoreDownError):
        await pg.transact(fn)
    assert len(runs) == TRIES


async def test_a_row_that_met_a_deadlock_is_not_its_own_fault(pg):
    fn, runs = _fails(1, "40P01")
    assert await pg.transact(lambda s: s.attempt(lambda: fn(s))) is None
    assert len(runs) == 2


async def test_other_errors_are_the_callers(pg):
    fn, runs = _fails(1, "23505")
    with pytest.raises(DBAPIError):
        await pg.transact(fn)
    assert len(runs) == 1


async def test_a_real_deadlock_ends_well(pg):
    ids = [pg.run(lambda s, c=code: s.patients.add(patient(c))).id for code in ("a", "b")]
    pg.run(lambda s: s.patients._connection.exec_driver_sql("SELECT 1") and None)
    meet = threading.Barrier(2)

    def lock_both(first, second):
        met = []

        def fn(stores):
            stores.patients._connection.exec_driver_sql("SET LOCAL deadlock_timeout = '20ms'")
            stores.patients.get(first, lock=True)
            if not met:
                met.append(1)
                meet.wait(10)
            stores.patients.get(second, lock=True)
            return True

        return fn

    results = await asyncio.gather(pg.transact(lock_both(*ids)), pg.transact(lock_both(*reversed(ids))))
    assert results == [True, True]


async def test_a_read_cannot_write(pg):
    with pytest.raises(DBAPIError, match="read-only"):
        await pg.read(lambda s: s.settings.set("a", "1"))


async def test_a_server_that_dropped_the_connections_is_met_again(pg):
    await pg.transact(lambda s: s.settings.set("a", "1"))
    with pg.engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    results = await asyncio.gather(*(pg.transact(lambda s: s.settings.get("a")) for _ in range(4)))
    assert results == ["1"] * 4
    one = pg.run(lambda s: s.patients.add(patient()))
    row = pg.run(lambda s: s.checkins.add(checkin(one.id)))
    assert pg.run(lambda s: s.answers.record(answer(row.id, one.id, "a", "b"))).id


def test_an_invite_opened_by_two_chats_at_once_is_one_chats(pg):
    clinic = SimpleNamespace(hash_token=lambda token: token)
    one = pg.run(lambda s: s.patients.add(patient()))
    pg.run(lambda s: s.invites.add(Invite(patient_id=one.id, token_hash="t", expires_at=AT + MINUTE)))
    first_has_it, second_asks = threading.Event(), threading.Event()
    opened = {}

    def first(stores):
        found = registry.accept_invite(work_on(stores, clinic, AT), "t", 111)
        stores.patients.save(found.model_copy(update={"chat_id": 111}))
        first_has_it.set()
        second_asks.wait(5)
        until_somebody_waits(stores.patients._connection)
        opened[111] = found

    def second(stores):
        second_asks.set()
        opened[222] = registry.accept_invite(work_on(stores, clinic, AT), "t", 222)

    threads = [threading.Thread(target=pg.run, args=(first,)), threading.Thread(target=pg.run, args=(second,))]
    threads[0].start()
    first_has_it.wait(5)
    threads[1].start()
    for thread in threads:
        thread.join()
    assert opened[111].id == one.id
    assert opened[222] is None
    assert pg.run(lambda s: s.patients.get(one.id)).chat_id == 111


# -- the clock that replicas share


def test_shared_database_returns_its_clock(pg):
    url = pg.engine.url.render_as_string(hide_password=False)
    assert pg.run(lambda s: s.clock.shared_now()) is None
    keeper = open_database(url, KEYRING, keeps_time=True)
    first, second = keeper.run(lambda s: (s.clock.shared_now(), s.clock.shared_now()))
    assert first < second, "read at the call, not when the transaction began"
    theirs = keeper.run(lambda s: s.patients._connection.exec_driver_sql("SELECT now()").scalar_one())
    assert timedelta(0) <= theirs - first < timedelta(minutes=1)
    assert first.utcoffset() == timedelta(0)
    keeper.shut()
