from datetime import UTC, datetime

import pytest

from bot.app.records.messages import LimiterRow
from bot.app.records.operations import Audit
from bot.app.records.patients import PatientState
from bot.core.checkin import State
from tests.contract.samples import AT, MINUTE, active, alert, checkin, dead_update, message, patient


def test_the_budget_starts_unused_and_is_kept(database):
    start = database.run(lambda s: s.limits.budget())
    assert start.all_free_at == start.bulk_free_at == start.bulk_stopped_until == datetime(1970, 1, 1, tzinfo=UTC)
    row = LimiterRow(all_free_at=AT, bulk_free_at=AT + MINUTE, bulk_stopped_until=AT + 2 * MINUTE)
    database.run(lambda s: s.limits.save_budget(row))
    assert database.run(lambda s: s.limits.budget()) == row


def test_the_budget_can_be_saved_first(database):
    row = LimiterRow(all_free_at=AT, bulk_free_at=AT, bulk_stopped_until=AT)
    database.run(lambda s: s.limits.save_budget(row))
    assert database.run(lambda s: s.limits.budget()) == row


def test_rate_limits_are_kept_by_chat(database):
    database.run(lambda s: s.limits.save_chats_free_at({1: AT, -2: AT + MINUTE}))
    database.run(lambda s: s.limits.save_chats_free_at({1: AT + 2 * MINUTE}))
    database.run(lambda s: s.limits.save_chats_free_at({}))
    assert database.run(lambda s: s.limits.chats_free_at([1, -2, 3])) == {1: AT + 2 * MINUTE, -2: AT + MINUTE}
    assert database.run(lambda s: s.limits.chats_free_at([])) == {}


def test_rate_limit_is_replaced_by_a_later_one_only(database):
    for minutes in (2, 1, 3):
        database.run(lambda s, m=minutes: s.limits.save_chats_free_at({1: AT + m * MINUTE}))
        assert database.run(lambda s: s.limits.chats_free_at([1])) == {1: AT + max(2, minutes) * MINUTE}


def test_an_update_is_handled_once(database):
    assert database.run(
        lambda s: [s.updates.mark_processed(5, AT), s.updates.mark_processed(5, AT), s.updates.mark_processed(6, AT)]
    ) == [
        True,
        False,
        True,
    ]
    assert database.run(lambda s: s.updates.mark_processed(5, AT + MINUTE)) is False


def test_an_update_that_failed_is_handled_again(database):
    def fail(stores):
        assert stores.updates.mark_processed(5, AT)
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        database.run(fail)
    assert database.run(lambda s: s.updates.mark_processed(5, AT))


def test_old_updates_are_forgotten(database):
    for number, at in ((1, AT), (2, AT + MINUTE)):
        database.run(lambda s, n=number, a=at: s.updates.mark_processed(n, a))
    assert database.run(lambda s: s.updates.purge(AT + MINUTE)) == 1
    assert database.run(lambda s: (s.updates.mark_processed(1, AT), s.updates.mark_processed(2, AT))) == (True, False)


def test_dead_updates_are_kept_newest_first(database):
    rows = [dead_update(n, chat_id=chat, error=f"e{n}") for n, chat in ((7, -5), (None, None), (9, 5))]
    added = [database.run(lambda s, r=row: s.dead_letters.add_update(r)) for row in rows]
    assert database.run(lambda s: s.dead_letters.updates()) == added[::-1]
    assert database.run(lambda s: s.dead_letters.updates(limit=1)) == [added[2]]
    assert len(database.run(lambda s: s.dead_letters.updates())) == 3


def test_old_dead_updates_are_forgotten(database):
    for n in range(3):
        database.run(lambda s, n=n: s.dead_letters.add_update(dead_update(n, at=AT + n * MINUTE)))
    assert database.run(lambda s: s.dead_letters.purge_updates(AT + MINUTE)) == 1
    assert [dead.update_id for dead in database.run(lambda s: s.dead_letters.updates())] == [2, 1]


def test_settings_are_overwritten(database):
    assert database.run(lambda s: s.settings.get("offset")) is None
    for value in ("1", "2", ""):
        database.run(lambda s, v=value: s.settings.set("offset", v))
        assert database.run(lambda s: s.settings.get("offset")) == value


def test_audit_lines_are_kept_newest_first(database):
    lines = [
        Audit(at=AT, actor="a", action="x", subject="P-1", detail={"n": 1, "s": "t", "none": None}),
        Audit(at=AT, actor="b", action="y", subject="P-2"),
        Audit(at=AT, actor="c", action="z", subject="P-1"),
    ]
    for line in lines:
        database.run(lambda s, x=line: s.audit.add(x))
    assert database.run(lambda s: s.audit.lines()) == lines[::-1]
    assert database.run(lambda s: s.audit.lines("P-1")) == [lines[2], lines[0]]
    assert database.run(lambda s: s.audit.lines("P-1", limit=1)) == [lines[2]]


def test_the_next_event_is_the_earliest_of_all(database):
    def timestamp():
        return database.run(lambda s: s.clock.next_event_at())

    assert timestamp() is None
    one = database.run(lambda s: s.patients.add(active("one", AT + 9 * MINUTE)))
    assert timestamp() == AT + 9 * MINUTE
    database.run(lambda s: s.outbox.enqueue(message(not_before=AT + 8 * MINUTE)))
    assert timestamp() == AT + 8 * MINUTE
    database.run(lambda s: s.alerts.add(alert(one.id, next_patient_prompt_at=AT + 7 * MINUTE)))
    assert timestamp() == AT + 7 * MINUTE
    database.run(lambda s: s.checkins.add(checkin(one.id, next_action_at=AT + 6 * MINUTE)))
    assert timestamp() == AT + 6 * MINUTE
    # None of these will happen: paused, closed, sent.
    database.run(lambda s: s.patients.add(patient("two", state=PatientState.PAUSED, next_due_at=AT)))
    database.run(lambda s: s.checkins.add(checkin(one.id, AT + MINUTE, State.DONE, next_action_at=AT)))
    number = database.run(lambda s: s.outbox.enqueue(message(78, not_before=AT)))
    database.run(lambda s: s.outbox.mark_sent(number, owner="x", message_id=None, at=AT))
    assert timestamp() == AT + 6 * MINUTE
