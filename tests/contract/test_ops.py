"""Leases, a clock set back, what could not be done: the same in memory, on SQLite and on PostgreSQL."""

from datetime import timedelta

import pytest

from bot.app.records.messages import Lane, OutboxState
from bot.app.records.operations import DeadUpdate
from tests.contract.samples import AT, MINUTE, alert, patient, screen, task
from tests.contract.sending import claimed, ids, put, sent
from tests.fakes.outbox import message_counts

SECOND = timedelta(seconds=1)


def take(database, owner, at=AT, seconds=7):
    return database.run(lambda s: s.leases.take("polling", owner=owner, at=at, until=at + seconds * SECOND))


def test_a_lease_is_one_replicas_until_it_runs_out(database):
    assert take(database, "one")
    assert not take(database, "two", AT + 6 * SECOND)
    assert take(database, "one", AT + 6 * SECOND), "its holder keeps it"
    assert not take(database, "two", AT + 12 * SECOND)
    assert take(database, "two", AT + 13 * SECOND)


def test_a_lease_of_a_clock_that_is_a_little_ahead_is_none_the_less_held(database):
    assert take(database, "one", AT + 3 * SECOND)
    assert not take(database, "two", AT)


def test_a_lease_can_be_given_up_by_its_holder_alone(database):
    take(database, "one")
    database.run(lambda s: s.leases.drop("polling", owner="two"))
    assert not take(database, "two")
    database.run(lambda s: s.leases.drop("polling", owner="one"))
    assert take(database, "two")


def test_lease_written_by_a_clock_that_was_ahead_is_void(database):
    take(database, "one", AT + timedelta(hours=2))
    assert take(database, "two", AT)


def test_a_message_leased_by_a_clock_that_was_ahead_is_free(database):
    number = put(database)
    assert ids(claimed(database, AT + timedelta(hours=2), owner="ahead")) == [number]
    assert ids(claimed(database, AT, owner="other")) == [number]


def test_renewed_lease_stays_with_its_sender(database):
    number = put(database)
    claimed(database, owner="me")
    later = AT + timedelta(hours=2)
    database.run(lambda s: s.outbox.renew([number], owner="other", until=later + MINUTE))
    database.run(lambda s: s.outbox.renew([number], owner="me", until=later + MINUTE))
    assert claimed(database, later, owner="other") == []
    assert ids(claimed(database, later + MINUTE, owner="other")) == [number]


def test_a_clock_set_back_lets_messages_go_now_and_alerts_be_asked_about_earlier(database):
    two_hours = timedelta(hours=2)
    number = put(database, lane=Lane.RED_FLAG, not_before=AT + two_hours)
    anna = database.run(lambda s: s.patients.add(patient()))
    soon = AT + two_hours + 15 * MINUTE
    first = database.run(
        lambda s: s.alerts.add(alert(anna.id, next_patient_prompt_at=soon, next_escalation_at=AT + MINUTE))
    )
    assert claimed(database) == []
    database.run(lambda s: s.clock.shift_back(AT, two_hours))
    assert ids(claimed(database)) == [number]
    moved = database.run(lambda s: s.alerts.get(first.id))
    assert (moved.next_patient_prompt_at, moved.next_escalation_at) == (AT + 15 * MINUTE, AT)


def test_dead_updates_one_by_one(database):
    dead = database.run(
        lambda s: s.dead_letters.add_update(DeadUpdate(update_id=1, chat_id=7, raw="{}", error="KeyError", at=AT))
    )
    assert database.run(lambda s: s.dead_letters.update(dead.id)) == dead
    assert database.run(lambda s: s.dead_letters.update(dead.id + 1)) is None
    assert database.run(lambda s: s.dead_letters.discard_update(dead.id))
    assert not database.run(lambda s: s.dead_letters.discard_update(dead.id))
    assert database.run(lambda s: s.dead_letters.updates()) == []


def test_messages_given_up_are_listed_sent_again_and_struck_off(database):
    first, second = put(database, 1, "a"), put(database, 2, "b", not_after=AT + 5 * MINUTE)
    for number in (first, second):
        database.run(lambda s, n=number: s.outbox.mark_failed(n, error="BadRequest: x", at=AT))
    listed = database.run(lambda s: s.dead_letters.messages())
    assert [(row.id, row.slot, row.why, row.failed_at) for row in listed] == [
        (second, "b", "BadRequest: x", AT),
        (first, "a", "BadRequest: x", AT),
    ]
    found = database.run(lambda s: s.dead_letters.message(first))
    assert (found.row.id, found.row.screen, found.superseded) == (first, screen(), False)
    assert database.run(lambda s: s.dead_letters.message(first + 100)) is None
    later = AT + 5 * MINUTE
    assert database.run(lambda s: s.dead_letters.retry_message(second, later))
    assert not database.run(lambda s: s.dead_letters.retry_message(second, later)), "it waits already"
    assert [(c.row.id, c.attempt) for c in claimed(database, later)] == [(second, 1)]
    assert database.run(lambda s: s.dead_letters.discard_message(first, later))
    assert not database.run(lambda s: s.dead_letters.discard_message(first, later))
    assert database.run(lambda s: s.dead_letters.messages()) == []
    assert OutboxState.FAILED not in {state for _, state in database.run(message_counts)}


def test_a_message_that_is_sent_again_lasts_no_longer_than_before(database):
    number = put(database, not_after=AT + 5 * MINUTE)
    fail(database, number)
    database.run(lambda s: s.dead_letters.retry_message(number, AT + MINUTE))
    assert database.run(lambda s: s.outbox.expire(AT + 6 * MINUTE)) == 1


def fail(database, number):
    database.run(lambda s: s.outbox.mark_failed(number, error="BadRequest: x", at=AT))


@pytest.mark.parametrize(
    ("first", "then", "superseded"),
    [
        ({"revision": 1}, {"revision": 5, "mode": "edit"}, True),
        ({"revision": 1}, {"revision": 1}, True),
        ({"revision": 1}, {"revision": 5, "slot": "checkin:2"}, False),
        ({"revision": 1}, {"revision": 5, "chat_id": 78}, False),
        ({"lane": Lane.RED_FLAG}, {"lane": Lane.RED_FLAG}, False),
        ({"lane": Lane.RED_FLAG}, {"revision": 1}, True),
    ],
)
def test_dead_letter_is_superseded_by_a_later_one_of_its_slot(database, first, then, superseded):
    old = put(database, **first)
    fail(database, old)
    new = put(database, **then)
    assert database.run(lambda s: s.dead_letters.message(old)).superseded == superseded, "it waits"
    sent(database, new, 55)
    assert database.run(lambda s: s.dead_letters.message(old)).superseded == superseded, "it was sent"


def test_dead_letter_is_not_superseded_by_another_dead_letter(database):
    old = put(database, revision=1)
    fail(database, old)
    fail(database, put(database, revision=2))
    assert not database.run(lambda s: s.dead_letters.message(old)).superseded


def test_undelivered_red_flags_are_listed_until_a_task_exists(database):
    anna, ben = (database.run(lambda s, c=code: s.patients.add(patient(c))) for code in ("P-0001", "P-0002"))
    red = {"lane": Lane.RED_FLAG, "patient_id": anna.id}
    for number in (put(database, 1, "a", **red), put(database, 1, "b", patient_id=ben.id), put(database, 2, "c")):
        fail(database, number)
    assert database.run(lambda s: s.dead_letters.undelivered(10)) == [anna.id]
    assert database.run(lambda s: s.dead_letters.undelivered(0)) == []
    item = database.run(lambda s: s.tasks.add(task(anna.id, kind="not_delivered")))
    also = put(database, 1, "d", **red)
    database.run(lambda s: s.outbox.mark_failed(also, error="x", at=AT + MINUTE))
    assert database.run(lambda s: s.dead_letters.undelivered(10)) == []
    database.run(lambda s: s.tasks.close(item.id, AT + 2 * MINUTE))
    assert database.run(lambda s: s.dead_letters.undelivered(10)) == [], "somebody has seen to it"
    again = put(database, 1, "e", **red)
    database.run(lambda s: s.outbox.mark_failed(again, error="x", at=AT + 3 * MINUTE))
    assert database.run(lambda s: s.dead_letters.undelivered(10)) == [anna.id]


def test_whose_check_in_waits_unsent_is_known(database):
    anna, ben = (database.run(lambda s, c=code: s.patients.add(patient(c))) for code in ("P-0001", "P-0002"))
    put(database, 1, "checkin:1", lane=Lane.CHECKIN, patient_id=anna.id)
    put(database, 1, "checkin:2", lane=Lane.CHECKIN, patient_id=anna.id)
    put(database, 2, "menu", lane=Lane.REPLY, patient_id=ben.id)
    assert database.run(lambda s: s.checkins.overdue(AT + MINUTE, 10)) == ["P-0001"]
    assert database.run(lambda s: s.checkins.overdue(AT, 10)) == []


def test_reset_from_a_time_keeps_shorter_rate_limits(database):
    database.run(lambda s: s.limits.save_chats_free_at({1: AT + 5 * MINUTE, 2: AT + 50 * MINUTE}))
    stopped = database.run(lambda s: s.limits.budget()).model_copy(update={"bulk_stopped_until": AT + 5 * MINUTE})
    database.run(lambda s: s.limits.save_budget(stopped))
    database.run(lambda s: s.limits.reset(AT + 10 * MINUTE))
    assert set(database.run(lambda s: s.limits.chats_free_at([1, 2]))) == {1}
    assert database.run(lambda s: s.limits.budget()).bulk_stopped_until == AT + 5 * MINUTE
