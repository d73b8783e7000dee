"""What is queued, replaced, claimed and ended."""

import pytest

from bot.app.store import Lane, OutboxState
from tests.contract.samples import AT, MINUTE, message, patient, screen

LANES = tuple(Lane)
LEASE = AT + MINUTE


def _put(database, *args, **kwargs):
    return database.run(lambda s: s.enqueue(message(*args, **kwargs)))


def _claim(database, at=AT, *, lanes=LANES, limit=10, owner="me", until=None):
    return database.run(
        lambda s: s.claim_outbox(at, lanes=lanes, limit=limit, owner=owner, lease_until=until or at + MINUTE)
    )


def _ids(claims):
    return [claim.row.id for claim in claims]


def _sent(database, number, message_id=None, at=AT):
    database.run(lambda s: s.mark_sent(number, owner="me", message_id=message_id, at=at))


def _drain(database, at=AT):
    """Send all there is, in order; return (id, mode, revision, message edited) of each."""
    sent = []
    while claims := _claim(database, at):
        for claim in claims:
            sent.append((claim.row.id, claim.row.mode, claim.row.revision, claim.message_id))
            _sent(database, claim.row.id, 100 + claim.row.id, at)
    return sent


def _states(database):
    counts = {}
    for (_, state), n in database.run(lambda s: s.outbox_counts()).items():
        counts[state] = counts.get(state, 0) + n
    return counts


# -- a row goes round


def test_a_message_comes_back_as_queued(database):
    one = database.run(lambda s: s.add_patient(patient()))
    row = message(
        -42, patient_id=one.id, language="es", lane=Lane.CHECKIN, mode="edit", revision=4, not_after=AT + MINUTE
    )
    number = database.run(lambda s: s.enqueue(row))
    (claim,) = _claim(database)
    assert claim.row == row.model_copy(update={"id": number})
    assert claim.row.screen == screen()
    assert (claim.attempt, claim.message_id) == (1, None)


def test_a_sent_message_becomes_that_of_its_slot(database):
    number = _put(database, slot="menu")
    _claim(database)
    _sent(database, number, 900)
    assert _states(database) == {OutboxState.SENT: 1}
    _put(database, slot="menu", mode="edit")
    _put(database, slot="other", mode="edit")
    _put(database, 78, slot="menu", mode="edit")
    found = {(c.row.chat_id, c.row.slot): c.message_id for c in _claim(database)}
    assert found == {(77, "menu"): 900, (78, "menu"): None}


def test_sending_without_a_message_id_leaves_the_slot(database):
    _sent(database, _put(database, slot="menu"), 900)
    _sent(database, _put(database, slot="menu", mode="edit"), None)
    _put(database, slot="menu", mode="edit")
    assert [c.message_id for c in _claim(database)] == [900]


def test_a_newer_message_takes_over_the_slot(database):
    _sent(database, _put(database), 900)
    _sent(database, _put(database), 901)
    _put(database, mode="edit")
    assert [c.message_id for c in _claim(database)] == [901]


def test_a_forgotten_slot_is_sent_anew(database):
    _sent(database, _put(database), 900)
    _sent(database, _put(database, 78), 901)
    database.run(lambda s: s.forget_slot(77, "checkin:1"))
    _put(database, mode="edit")
    _put(database, 78, mode="edit")
    assert {c.row.chat_id: c.message_id for c in _claim(database)} == {77: None, 78: 901}


# -- what replaces what


def test_a_newer_edit_replaces_an_unsent_one(database):
    _put(database, mode="edit", revision=1)
    second = _put(database, mode="edit", revision=2, screen=screen("second"))
    (claim,) = _claim(database)
    assert (claim.row.id, claim.row.screen.name) == (second, "second")
    assert _states(database) == {OutboxState.REPLACED: 1, OutboxState.WAITING: 1}


def test_an_edit_of_the_same_revision_replaces_too(database):
    _put(database, mode="edit")
    second = _put(database, mode="edit")
    assert _drain(database) == [(second, "edit", 0, None)]


@pytest.mark.parametrize("first", ["new", "edit"])
@pytest.mark.parametrize("then", ["new", "edit"])
def test_an_older_revision_is_not_queued_behind_a_newer(database, first, then):
    number = _put(database, mode=first, revision=5)
    assert _put(database, mode=then, revision=4) is None
    assert _drain(database) == [(number, first, 5, None)]


def test_an_older_revision_is_not_queued_behind_a_newer_in_flight(database):
    _put(database, mode="edit", revision=5)
    _claim(database)
    assert _put(database, mode="edit", revision=4) is None


def test_once_the_newer_is_sent_any_revision_is_queued(database):
    _sent(database, _put(database, revision=5), 900)
    assert _put(database, mode="edit", revision=4) is not None


def test_an_edit_takes_the_place_of_an_unsent_new_message(database):
    number = _put(database, revision=1, lane=Lane.CHECKIN, not_before=AT - MINUTE, not_after=AT + MINUTE, language="en")
    late = AT + MINUTE
    edit = {"lane": Lane.REPLY, "not_before": late, "language": "ru", "screen": screen("later")}
    assert _put(database, mode="edit", revision=2, **edit) == number
    (claim,) = _claim(database)
    row = claim.row
    assert (row.id, row.mode, row.revision, row.screen.name) == (number, "new", 2, "later")
    assert (row.lane, row.not_before, row.not_after, row.language) == (Lane.REPLY, AT - MINUTE, None, "ru")
    assert _states(database) == {OutboxState.WAITING: 1}


def test_an_edit_never_slows_an_urgent_message_down(database):
    number = _put(database, lane=Lane.RED_FLAG)
    _put(database, mode="edit", lane=Lane.DIGEST)
    assert [(c.row.id, c.row.lane) for c in _claim(database)] == [(number, Lane.RED_FLAG)]


def test_a_new_message_never_takes_the_place_of_another(database):
    first, second = _put(database), _put(database)
    assert [row[0] for row in _drain(database)] == [first, second]


def test_a_new_message_replaces_an_unsent_edit(database):
    _put(database, mode="edit", revision=1)
    second = _put(database, mode="new", revision=1)
    assert _drain(database) == [(second, "new", 1, None)]


def test_slots_and_chats_are_apart(database):
    numbers = [_put(database, mode="edit"), _put(database, slot="menu", mode="edit"), _put(database, 78, mode="edit")]
    assert sorted(row[0] for row in _drain(database)) == numbers


# -- in flight: what may be at Telegram already is left alone


@pytest.mark.parametrize("mode", ["new", "edit"])
def test_a_message_in_flight_is_not_altered(database, mode):
    first = _put(database, mode=mode, revision=1, screen=screen("first"))
    (claim,) = _claim(database)
    second = _put(database, mode="edit", revision=2, screen=screen("second"))
    assert second != first
    assert _claim(database) == []
    _sent(database, first, 900)
    (claim,) = _claim(database)
    assert (claim.row.id, claim.row.screen.name, claim.message_id) == (second, "second", 900)


def test_what_waits_behind_a_message_in_flight_is_replaced_as_ever(database):
    _put(database, revision=1)
    _claim(database)
    _put(database, mode="edit", revision=2)
    third = _put(database, mode="edit", revision=3)
    _sent(database, 1, 900)
    assert _drain(database) == [(third, "edit", 3, 900)]


def test_a_message_that_has_to_be_tried_again_gives_way_to_a_newer_edit(database):
    first = _put(database, revision=1, lane=Lane.RED_FLAG)
    _claim(database)
    second = _put(database, mode="edit", revision=2)
    database.run(lambda s: s.mark_retry(first, owner="me", not_before=AT + MINUTE, error="x"))
    assert _claim(database) == []
    (claim,) = _claim(database, AT + MINUTE)
    assert (claim.row.id, claim.row.mode, claim.row.revision, claim.row.lane) == (second, "new", 2, Lane.RED_FLAG)
    assert _states(database) == {OutboxState.REPLACED: 1, OutboxState.WAITING: 1}


def test_a_message_whose_sender_died_gives_way_to_a_newer_edit(database):
    _put(database, mode="edit", revision=1)
    _claim(database, until=AT + MINUTE)
    second = _put(database, mode="edit", revision=2)
    later = AT + MINUTE
    assert _drain(database, later) + _drain(database, later) == [(second, "edit", 2, None)]
    assert _states(database) == {OutboxState.REPLACED: 1, OutboxState.SENT: 1}


def test_a_message_that_was_put_off_keeps_its_turn(database):
    number = _put(database, revision=1)
    _claim(database)
    database.run(lambda s: s.mark_retry(number, owner="me", not_before=AT + 2 * MINUTE, error="x"))
    assert _put(database, mode="edit", revision=2) == number
    assert _claim(database, AT + MINUTE) == []
    (claim,) = _claim(database, AT + 2 * MINUTE)
    assert (claim.row.revision, claim.attempt) == (2, 2)


def test_unsent_messages_of_a_slot_are_dropped(database):
    _put(database)
    _put(database, slot="menu")
    database.run(lambda s: s.drop_unsent(77, "checkin:1"))
    assert [c.row.slot for c in _claim(database)] == ["menu"]
    assert _states(database) == {OutboxState.REPLACED: 1, OutboxState.WAITING: 1}


def test_a_dropped_message_in_flight_is_not_tried_again(database):
    number = _put(database)
    _claim(database)
    database.run(lambda s: s.drop_unsent(77, "checkin:1"))
    behind = _put(database, slot="menu")
    assert _claim(database) == []
    database.run(lambda s: s.mark_retry(number, owner="me", not_before=AT, error="x"))
    assert _ids(_claim(database)) == [behind]
    assert _states(database) == {OutboxState.REPLACED: 1, OutboxState.WAITING: 1}


def test_a_dropped_message_that_arrived_after_all_is_the_slots(database):
    number = _put(database)
    _claim(database)
    database.run(lambda s: s.drop_unsent(77, "checkin:1"))
    _sent(database, number, 900)
    _put(database, mode="edit")
    assert [c.message_id for c in _claim(database)] == [900]


# -- claiming


def test_lanes_go_strictly_in_order_then_by_time_then_by_number(database):
    numbers = [
        _put(database, 1, lane=Lane.DIGEST, not_before=AT - 9 * MINUTE),
        _put(database, 2, lane=Lane.CHECKIN, not_before=AT),
        _put(database, 3, lane=Lane.CHECKIN, not_before=AT - MINUTE),
        _put(database, 4, lane=Lane.CHECKIN, not_before=AT - MINUTE),
        _put(database, 5, lane=Lane.RED_FLAG, not_before=AT),
        _put(database, 6, lane=Lane.REPLY),
        _put(database, 7, lane=Lane.REMINDER),
    ]
    assert _ids(_claim(database, limit=3, lanes=LANES[::-1])) == [numbers[4], numbers[5], numbers[6]]
    assert _ids(_claim(database)) == [numbers[2], numbers[3], numbers[1], numbers[0]]


def test_only_the_lanes_asked_for_are_claimed(database):
    _put(database, 1, lane=Lane.CHECKIN)
    urgent = _put(database, 2, lane=Lane.RED_FLAG)
    assert _ids(_claim(database, lanes=[Lane.REPLY, Lane.RED_FLAG])) == [urgent]
    assert _claim(database, lanes=[]) == []


def test_what_is_not_due_or_too_late_is_not_claimed(database):
    _put(database, 1, not_before=AT + MINUTE)
    _put(database, 2, not_after=AT - MINUTE)
    last = _put(database, 3, not_after=AT)
    assert _ids(_claim(database)) == [last]


def test_a_chat_has_one_message_in_flight(database):
    first = _put(database, 1, "a")
    second = _put(database, 1, "b")
    other = _put(database, 2, "a")
    assert sorted(_ids(_claim(database))) == [first, other]
    urgent = _put(database, 1, "c", lane=Lane.RED_FLAG)
    assert _claim(database) == []
    _sent(database, first)
    assert _ids(_claim(database)) == [urgent]
    database.run(lambda s: s.mark_failed(urgent, error="gone", at=AT))
    assert _ids(_claim(database)) == [second]


def test_a_chats_messages_keep_their_order_when_lanes_are_left_out(database):
    urgent = _put(database, 1, "a", lane=Lane.RED_FLAG)
    _put(database, 1, "b", lane=Lane.CHECKIN)
    assert _claim(database, lanes=[Lane.CHECKIN]) == []
    assert _ids(_claim(database)) == [urgent]


def test_what_waits_for_later_does_not_hold_up_its_chat(database):
    _put(database, 1, "a", lane=Lane.RED_FLAG, not_before=AT + MINUTE)
    _put(database, 1, "b", lane=Lane.RED_FLAG, not_after=AT - MINUTE)
    third = _put(database, 1, "c", lane=Lane.CHECKIN)
    assert _ids(_claim(database)) == [third]


def test_a_paced_chat_is_passed_over(database):
    _put(database, 1)
    other = _put(database, 2)
    database.run(lambda s: s.save_chat_free_at({1: AT + MINUTE, 2: AT}))
    assert _ids(_claim(database)) == [other]
    assert [c.row.chat_id for c in _claim(database, AT + MINUTE)] == [1, 2]


def test_leases_of_senders_that_are_gone_are_ended_at_once(database):
    number = _put(database)
    assert _ids(_claim(database, owner="killed")) == [number]
    assert not _claim(database, owner="next")
    assert database.run(lambda s: s.end_leases(AT)) == 1
    (claim,) = _claim(database, owner="next")
    assert (claim.row.id, claim.attempt) == (number, 2)
    assert database.run(lambda s: s.end_leases(AT + 2 * MINUTE)) == 0, "a lease that is over is none"


def test_a_lease_ends_and_the_attempt_is_counted(database):
    number = _put(database)
    _claim(database, owner="dead", until=AT + MINUTE)
    assert _claim(database, AT + MINUTE / 2) == []
    (claim,) = _claim(database, AT + MINUTE)
    assert (claim.row.id, claim.attempt) == (number, 2)


def test_whoever_sent_it_it_is_sent(database):
    number = _put(database)
    _claim(database, owner="slow", until=AT + MINUTE)
    _claim(database, AT + MINUTE, owner="other")
    database.run(lambda s: s.mark_sent(number, owner="slow", message_id=900, at=AT))
    assert _states(database) == {OutboxState.SENT: 1}


def test_only_its_owner_puts_a_message_off(database):
    number = _put(database)
    _claim(database, owner="slow", until=AT + MINUTE)
    _claim(database, AT + MINUTE, owner="other")
    database.run(lambda s: s.mark_retry(number, owner="slow", not_before=AT, error="x"))
    assert _claim(database, AT + MINUTE) == []


def test_a_message_put_off_is_tried_again_then(database):
    number = _put(database)
    _claim(database)
    database.run(lambda s: s.mark_retry(number, owner="me", not_before=AT + MINUTE, error="x" * 2000))
    assert _claim(database) == []
    (claim,) = _claim(database, AT + MINUTE)
    assert (claim.row.id, claim.row.not_before, claim.attempt) == (number, AT + MINUTE, 2)


def test_ending_what_was_erased_does_nothing(database):
    _sent(database, 99, 900)
    database.run(lambda s: s.mark_failed(99, error="x", at=AT))
    database.run(lambda s: s.mark_retry(99, owner="me", not_before=AT, error="x"))
    assert _states(database) == {}


# -- the end


def test_what_is_too_late_expires(database):
    _put(database, 1, not_after=AT - MINUTE)
    _put(database, 2, not_after=AT)
    _put(database, 3)
    _put(database, 4, not_after=AT - MINUTE)
    database.run(lambda s: s.claim_outbox(AT - MINUTE, lanes=LANES, limit=1, owner="x", lease_until=AT))
    assert database.run(lambda s: s.expire_outbox(AT)) == 2
    assert database.run(lambda s: s.expire_outbox(AT)) == 0
    assert _states(database) == {OutboxState.EXPIRED: 2, OutboxState.WAITING: 2}


def test_what_is_in_flight_does_not_expire(database):
    _put(database, not_after=AT)
    _claim(database, until=AT + 2 * MINUTE)
    assert database.run(lambda s: s.expire_outbox(AT + MINUTE)) == 0


def test_old_messages_are_forgotten_but_not_waiting_ones(database):
    for chat in (1, 2, 3):
        _put(database, chat)
    database.run(lambda s: s.mark_failed(2, error="gone", at=AT))
    _sent(database, 3, 900)
    _sent(database, _put(database, 4, created_at=AT + MINUTE))
    assert database.run(lambda s: s.forget_messages(AT)) == 0
    assert database.run(lambda s: s.forget_messages(AT + MINUTE)) == 2
    assert _states(database) == {OutboxState.WAITING: 1, OutboxState.SENT: 1}
    _put(database, 3, mode="edit")
    assert [c.message_id for c in _claim(database)] == [None, 900]


def test_counts_are_by_lane_and_state(database):
    for chat, lane in ((1, Lane.RED_FLAG), (2, Lane.CHECKIN), (3, Lane.CHECKIN)):
        _put(database, chat, lane=lane)
    _sent(database, 1)
    assert database.run(lambda s: s.outbox_counts()) == {
        (Lane.RED_FLAG, OutboxState.SENT): 1,
        (Lane.CHECKIN, OutboxState.WAITING): 2,
    }
