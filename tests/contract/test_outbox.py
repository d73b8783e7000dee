"""What is queued, replaced, claimed and ended."""

import pytest

from bot.app.records.messages import Lane, OutboxState
from tests.contract.samples import AT, MINUTE, message, patient, screen
from tests.contract.sending import claimed, drain, ids, put, sent, states

# -- a row goes round


def test_a_message_comes_back_as_queued(database):
    one = database.run(lambda s: s.patients.add(patient()))
    row = message(
        -42, patient_id=one.id, language="es", lane=Lane.CHECKIN, mode="edit", revision=4, not_after=AT + MINUTE
    )
    number = database.run(lambda s: s.outbox.enqueue(row))
    (claim,) = claimed(database)
    assert claim.row == row.model_copy(update={"id": number})
    assert claim.row.screen == screen()
    assert (claim.attempt, claim.message_id) == (1, None)


def test_a_sent_message_becomes_that_of_its_slot(database):
    number = put(database, slot="menu")
    claimed(database)
    sent(database, number, 900)
    assert states(database) == {OutboxState.SENT: 1}
    put(database, slot="menu", mode="edit")
    put(database, slot="other", mode="edit")
    put(database, 78, slot="menu", mode="edit")
    found = {(c.row.chat_id, c.row.slot): c.message_id for c in claimed(database)}
    assert found == {(77, "menu"): 900, (78, "menu"): None}


def test_sending_without_a_message_id_leaves_the_slot(database):
    sent(database, put(database, slot="menu"), 900)
    sent(database, put(database, slot="menu", mode="edit"), None)
    put(database, slot="menu", mode="edit")
    assert [c.message_id for c in claimed(database)] == [900]


def test_a_newer_message_takes_over_the_slot(database):
    sent(database, put(database), 900)
    sent(database, put(database), 901)
    put(database, mode="edit")
    assert [c.message_id for c in claimed(database)] == [901]


def test_forgotten_slot_is_sent_as_a_new_message(database):
    sent(database, put(database), 900)
    sent(database, put(database, 78), 901)
    database.run(lambda s: s.outbox.forget_slot(77, "checkin:1", message_id=900))
    put(database, mode="edit")
    put(database, 78, mode="edit")
    assert {c.row.chat_id: c.message_id for c in claimed(database)} == {77: None, 78: 901}


# -- what replaces what


def test_a_newer_edit_replaces_an_unsent_one(database):
    put(database, mode="edit", revision=1)
    second = put(database, mode="edit", revision=2, screen=screen("second"))
    (claim,) = claimed(database)
    assert (claim.row.id, claim.row.screen.name) == (second, "second")
    assert states(database) == {OutboxState.REPLACED: 1, OutboxState.WAITING: 1}


def test_an_edit_of_the_same_revision_replaces_too(database):
    put(database, mode="edit")
    second = put(database, mode="edit")
    assert drain(database) == [(second, "edit", 0, None)]


@pytest.mark.parametrize("first", ["new", "edit"])
@pytest.mark.parametrize("then", ["new", "edit"])
def test_an_older_revision_is_not_queued_behind_a_newer(database, first, then):
    number = put(database, mode=first, revision=5)
    assert put(database, mode=then, revision=4) is None
    assert drain(database) == [(number, first, 5, None)]


def test_an_older_revision_is_not_queued_behind_a_newer_in_flight(database):
    put(database, mode="edit", revision=5)
    claimed(database)
    assert put(database, mode="edit", revision=4) is None


def test_once_the_newer_is_sent_any_revision_is_queued(database):
    sent(database, put(database, revision=5), 900)
    assert put(database, mode="edit", revision=4) is not None


def test_edit_is_merged_into_an_unsent_new_message(database):
    number = put(database, revision=1, lane=Lane.CHECKIN, not_before=AT - MINUTE, not_after=AT + MINUTE, language="en")
    late = AT + MINUTE
    edit = {"lane": Lane.REPLY, "not_before": late, "language": "ru", "screen": screen("later")}
    assert put(database, mode="edit", revision=2, **edit) == number
    (claim,) = claimed(database)
    row = claim.row
    assert (row.id, row.mode, row.revision, row.screen.name) == (number, "new", 2, "later")
    assert (row.lane, row.not_before, row.not_after, row.language) == (Lane.REPLY, AT - MINUTE, None, "ru")
    assert states(database) == {OutboxState.WAITING: 1}


def test_an_edit_never_slows_an_urgent_message_down(database):
    number = put(database, lane=Lane.RED_FLAG)
    put(database, mode="edit", lane=Lane.DIGEST)
    assert [(c.row.id, c.row.lane) for c in claimed(database)] == [(number, Lane.RED_FLAG)]


def test_new_message_never_replaces_another(database):
    first, second = put(database), put(database)
    assert [row[0] for row in drain(database)] == [first, second]


def test_a_new_message_replaces_an_unsent_edit(database):
    put(database, mode="edit", revision=1)
    second = put(database, mode="new", revision=1)
    assert drain(database) == [(second, "new", 1, None)]


def test_slots_and_chats_are_apart(database):
    numbers = [put(database, mode="edit"), put(database, slot="menu", mode="edit"), put(database, 78, mode="edit")]
    assert sorted(row[0] for row in drain(database)) == numbers


# -- in flight: what may be at Telegram already is left alone


@pytest.mark.parametrize("mode", ["new", "edit"])
def test_a_message_in_flight_is_not_altered(database, mode):
    first = put(database, mode=mode, revision=1, screen=screen("first"))
    (claim,) = claimed(database)
    second = put(database, mode="edit", revision=2, screen=screen("second"))
    assert second != first
    assert claimed(database) == []
    sent(database, first, 900)
    (claim,) = claimed(database)
    assert (claim.row.id, claim.row.screen.name, claim.message_id) == (second, "second", 900)


def test_what_waits_behind_a_message_in_flight_is_replaced_as_ever(database):
    put(database, revision=1)
    claimed(database)
    put(database, mode="edit", revision=2)
    third = put(database, mode="edit", revision=3)
    sent(database, 1, 900)
    assert drain(database) == [(third, "edit", 3, 900)]


def test_retry_is_superseded_by_a_newer_edit(database):
    first = put(database, revision=1, lane=Lane.RED_FLAG)
    claimed(database)
    second = put(database, mode="edit", revision=2)
    database.run(lambda s: s.outbox.mark_retry(first, owner="me", not_before=AT + MINUTE, error="x"))
    assert claimed(database) == []
    (claim,) = claimed(database, AT + MINUTE)
    assert (claim.row.id, claim.row.mode, claim.row.revision, claim.row.lane) == (second, "new", 2, Lane.RED_FLAG)
    assert states(database) == {OutboxState.REPLACED: 1, OutboxState.WAITING: 1}


def test_orphan_is_superseded_by_a_newer_edit(database):
    put(database, mode="edit", revision=1)
    claimed(database, until=AT + MINUTE)
    second = put(database, mode="edit", revision=2)
    later = AT + MINUTE
    assert drain(database, later) + drain(database, later) == [(second, "edit", 2, None)]
    assert states(database) == {OutboxState.REPLACED: 1, OutboxState.SENT: 1}


@pytest.mark.parametrize("mode", ["new", "edit"])
def test_a_message_whose_sender_died_is_not_sent_after_a_newer_one_of_a_more_urgent_lane(database, mode):
    put(database, revision=0, lane=Lane.CHECKIN)
    claimed(database, until=AT + MINUTE)
    second = put(database, mode=mode, revision=1, lane=Lane.REPLY)
    (claim,) = claimed(database, AT + MINUTE)
    assert (claim.row.id, claim.row.mode) == (second, "new"), "nobody knows whether the first one arrived"
    assert drain(database, AT + 2 * MINUTE) == [(second, "new", 1, None)], "its sender died, too"
    assert states(database) == {OutboxState.REPLACED: 1, OutboxState.SENT: 1}


def test_successor_of_an_orphan_is_of_the_same_slot_and_later(database):
    first = put(database, revision=1, lane=Lane.CHECKIN)
    claimed(database, until=AT + MINUTE)
    same = put(database, revision=1, lane=Lane.REPLY)
    other = put(database, slot="menu", revision=2, lane=Lane.REPLY)
    red = put(database, revision=2, lane=Lane.RED_FLAG)
    assert [row[0] for row in drain(database, AT + MINUTE)] == [red, same, other, first]


def test_a_message_that_was_put_off_keeps_its_turn(database):
    number = put(database, revision=1)
    claimed(database)
    database.run(lambda s: s.outbox.mark_retry(number, owner="me", not_before=AT + 2 * MINUTE, error="x"))
    assert put(database, mode="edit", revision=2) == number
    assert claimed(database, AT + MINUTE) == []
    (claim,) = claimed(database, AT + 2 * MINUTE)
    assert (claim.row.revision, claim.attempt) == (2, 2)


def test_unsent_messages_of_a_slot_are_dropped(database):
    put(database)
    put(database, slot="menu")
    database.run(lambda s: s.outbox.drop_unsent(77, "checkin:1"))
    assert [c.row.slot for c in claimed(database)] == ["menu"]
    assert states(database) == {OutboxState.REPLACED: 1, OutboxState.WAITING: 1}


def test_waiting_messages_of_a_patient_are_dropped(database):
    one = database.run(lambda s: s.patients.add(patient()))
    sent(database, put(database, patient_id=one.id), 900)
    put(database, patient_id=one.id)
    put(database, 78, slot="menu", patient_id=one.id)
    other = put(database, 79)
    database.run(lambda s: s.outbox.drop_waiting_of(one.id))
    assert [c.row.id for c in claimed(database)] == [other]
    assert states(database) == {OutboxState.SENT: 1, OutboxState.REPLACED: 2, OutboxState.WAITING: 1}


def test_waiting_messages_about_a_patient_are_dropped_in_one_chat(database):
    one = database.run(lambda s: s.patients.add(patient()))
    put(database, patient_id=one.id)
    other_patient = put(database, slot="menu")
    other_chat = put(database, 78, patient_id=one.id)
    database.run(lambda s: s.outbox.drop_waiting_of(one.id, 77))
    assert sorted(c.row.id for c in claimed(database)) == [other_patient, other_chat]


def test_a_dropped_message_in_flight_is_not_tried_again(database):
    number = put(database)
    claimed(database)
    database.run(lambda s: s.outbox.drop_unsent(77, "checkin:1"))
    behind = put(database, slot="menu")
    assert claimed(database) == []
    database.run(lambda s: s.outbox.mark_retry(number, owner="me", not_before=AT, error="x"))
    assert ids(claimed(database)) == [behind]
    assert states(database) == {OutboxState.REPLACED: 1, OutboxState.WAITING: 1}


def test_a_dropped_message_that_arrived_after_all_is_the_slots(database):
    number = put(database)
    claimed(database)
    database.run(lambda s: s.outbox.drop_unsent(77, "checkin:1"))
    sent(database, number, 900)
    put(database, mode="edit")
    assert [c.message_id for c in claimed(database)] == [900]


def test_new_message_of_a_later_revision_replaces_the_unsent_one(database):
    put(database, 1, "q", revision=0, lane=Lane.CHECKIN)
    later = put(database, 1, "q", revision=1, lane=Lane.REPLY)
    assert ids(claimed(database)) == [later], "the older would lead back to a question that was answered"


def test_red_flag_is_neither_replaced_nor_replaces(database):
    flag = put(database, 1, "q", revision=0, lane=Lane.RED_FLAG)
    reply = put(database, 1, "q", revision=1, lane=Lane.REPLY)
    again = put(database, 1, "q", revision=2, lane=Lane.RED_FLAG)
    assert ids(claimed(database)) == [flag]
    database.run(lambda s: s.outbox.mark_sent(flag, owner="me", message_id=5, at=AT))
    assert ids(claimed(database)) == [again]
    database.run(lambda s: s.outbox.mark_sent(again, owner="me", message_id=6, at=AT))
    assert ids(claimed(database)) == [reply]


def test_retry_is_superseded_by_a_new_one_of_a_later_revision(database):
    old = put(database, 1, "q", revision=0)
    assert ids(claimed(database)) == [old]
    new = put(database, 1, "q", revision=1)
    database.run(lambda s: s.outbox.mark_retry(old, owner="me", not_before=AT + MINUTE, error="x"))
    assert claimed(database) == []
    assert [(c.row.id, c.row.mode) for c in claimed(database, AT + MINUTE)] == [(new, "new")]


def test_an_edit_leaves_no_other_unsent_message_of_an_earlier_revision_behind(database):
    put(database, 1, "q", revision=0)
    second = put(database, 1, "q", revision=0)
    put(database, 1, "q", mode="edit", revision=1)
    assert [(row[0], row[2]) for row in drain(database)] == [(second, 1)]


# -- buttons alone


@pytest.mark.parametrize("first", ["new", "edit"])
def test_row_for_buttons_replaces_nothing_and_is_sent_after_the_screen(database, first):
    screen_row = put(database, mode=first, revision=3, lane=Lane.REPLY)
    buttons = put(database, mode="buttons", lane=Lane.DIGEST)
    assert buttons not in {None, screen_row}
    assert [(number, mode) for number, mode, *_ in drain(database)] == [(screen_row, first), (buttons, "buttons")]


@pytest.mark.parametrize("then", ["new", "edit"])
def test_screen_that_is_queued_later_leaves_the_row_for_buttons(database, then):
    sent(database, put(database), 900)
    buttons = put(database, mode="buttons", lane=Lane.DIGEST, not_before=AT + MINUTE)
    number = put(database, mode=then, lane=Lane.REPLY)
    assert [row[:2] for row in drain(database)] == [(number, then)]
    assert [row[:2] for row in drain(database, AT + MINUTE)] == [(buttons, "buttons")]


def test_buttons_that_will_be_taken_away_are_no_event_to_skip_to(database):
    put(database, mode="buttons", lane=Lane.DIGEST, not_before=AT + MINUTE)
    assert database.run(lambda s: s.clock.next_event_at()) is None
    put(database, slot="digest:1", lane=Lane.DIGEST, not_before=AT + 2 * MINUTE)
    assert database.run(lambda s: s.clock.next_event_at()) == AT + 2 * MINUTE


def test_screen_that_is_tried_again_is_not_replaced_by_its_buttons(database):
    number = put(database, mode="new", revision=1)
    (claim,) = claimed(database)
    put(database, mode="buttons", revision=9, lane=Lane.DIGEST)
    database.run(lambda s: s.outbox.mark_retry(claim.row.id, owner="me", not_before=AT, error="x"))
    assert next(row[:2] for row in drain(database)) == (number, "new")


def test_screen_of_a_sender_that_died_is_not_replaced_by_its_buttons(database):
    number = put(database, mode="edit", lane=Lane.DIGEST, revision=0)
    claimed(database)
    put(database, mode="buttons", lane=Lane.DIGEST, revision=9)
    later = AT + 2 * MINUTE
    assert next(row[:2] for row in drain(database, later)) == (number, "edit")
