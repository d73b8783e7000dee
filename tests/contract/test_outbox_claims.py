"""What a sender is given, and how a message ends."""

from bot.app.records.messages import Lane, OutboxState
from tests.contract.samples import AT, MINUTE, patient
from tests.contract.sending import LANES, claimed, ids, put, sent, states
from tests.fakes.outbox import message_counts

# -- claiming


def test_lanes_go_strictly_in_order_then_by_time_then_by_number(database):
    numbers = [
        put(database, 1, lane=Lane.DIGEST, not_before=AT - 9 * MINUTE),
        put(database, 2, lane=Lane.CHECKIN, not_before=AT),
        put(database, 3, lane=Lane.CHECKIN, not_before=AT - MINUTE),
        put(database, 4, lane=Lane.CHECKIN, not_before=AT - MINUTE),
        put(database, 5, lane=Lane.RED_FLAG, not_before=AT),
        put(database, 6, lane=Lane.REPLY),
        put(database, 7, lane=Lane.REMINDER),
    ]
    assert ids(claimed(database, limit=3, lanes=LANES[::-1])) == [numbers[4], numbers[5], numbers[6]]
    assert ids(claimed(database)) == [numbers[2], numbers[3], numbers[1], numbers[0]]


def test_only_the_lanes_asked_for_are_claimed(database):
    put(database, 1, lane=Lane.CHECKIN)
    urgent = put(database, 2, lane=Lane.RED_FLAG)
    assert ids(claimed(database, lanes=[Lane.REPLY, Lane.RED_FLAG])) == [urgent]
    assert claimed(database, lanes=[]) == []


def test_what_is_not_due_or_too_late_is_not_claimed(database):
    put(database, 1, not_before=AT + MINUTE)
    put(database, 2, not_after=AT - MINUTE)
    last = put(database, 3, not_after=AT)
    assert ids(claimed(database)) == [last]


def test_a_chat_has_one_message_in_flight(database):
    first = put(database, 1, "a")
    second = put(database, 1, "b")
    other = put(database, 2, "a")
    assert sorted(ids(claimed(database))) == [first, other]
    third = put(database, 1, "c")
    assert claimed(database) == []
    sent(database, first)
    assert ids(claimed(database)) == [second]
    database.run(lambda s: s.outbox.mark_failed(second, error="gone", at=AT))
    assert ids(claimed(database)) == [third]


def test_a_red_flag_waits_for_no_other_message_of_its_chat(database):
    put(database, 1, lane=Lane.CHECKIN, slot="checkin:1")
    assert len(claimed(database)) == 1
    reply = put(database, 1, lane=Lane.REPLY, slot="menu")
    call = put(database, 1, lane=Lane.RED_FLAG, slot="alert:1")
    asked = put(database, 1, lane=Lane.RED_FLAG, slot="loopback:1:1")
    assert ids(claimed(database)) == [call], "neither the reply, which waits, nor the question, which comes after"
    assert not claimed(database)
    sent(database, call)
    assert ids(claimed(database)) == [asked]
    assert reply


def test_a_stop_of_bulk_can_be_forgotten(database):
    stopped = database.run(lambda s: s.limits.budget()).model_copy(update={"bulk_stopped_until": AT + 24 * 60 * MINUTE})
    database.run(lambda s: s.limits.save_budget(stopped))
    database.run(lambda s: s.limits.reset())
    after = database.run(lambda s: s.limits.budget())
    assert after.bulk_stopped_until < AT
    assert after.all_free_at == stopped.all_free_at, "what was sent still counts"


def test_reset_ends_all_rate_limits(database):
    number = put(database, 1)
    database.run(lambda s: s.limits.save_chats_free_at({1: AT + 24 * 60 * MINUTE}))
    assert not claimed(database)
    database.run(lambda s: s.limits.reset())
    assert ids(claimed(database)) == [number]


def test_a_chats_messages_keep_their_order_when_lanes_are_left_out(database):
    urgent = put(database, 1, "a", lane=Lane.RED_FLAG)
    put(database, 1, "b", lane=Lane.CHECKIN)
    assert claimed(database, lanes=[Lane.CHECKIN]) == []
    assert ids(claimed(database)) == [urgent]


def test_what_waits_for_later_does_not_hold_up_its_chat(database):
    put(database, 1, "a", lane=Lane.RED_FLAG, not_before=AT + MINUTE)
    put(database, 1, "b", lane=Lane.RED_FLAG, not_after=AT - MINUTE)
    third = put(database, 1, "c", lane=Lane.CHECKIN)
    assert ids(claimed(database)) == [third]


def test_rate_limited_chat_is_skipped(database):
    put(database, 1)
    other = put(database, 2)
    database.run(lambda s: s.limits.save_chats_free_at({1: AT + MINUTE, 2: AT}))
    assert ids(claimed(database)) == [other]
    assert [c.row.chat_id for c in claimed(database, AT + MINUTE)] == [1, 2]


def test_leases_of_dead_senders_are_released_at_once(database):
    number = put(database)
    assert ids(claimed(database, owner="killed")) == [number]
    assert not claimed(database, owner="next")
    assert database.run(lambda s: s.outbox.release_orphaned(AT)) == 1
    (claim,) = claimed(database, owner="next")
    assert (claim.row.id, claim.attempt) == (number, 2)
    assert database.run(lambda s: s.outbox.release_orphaned(AT + 2 * MINUTE)) == 0, "an expired lease is none"


def test_a_lease_ends_and_the_attempt_is_counted(database):
    number = put(database)
    claimed(database, owner="dead", until=AT + MINUTE)
    assert claimed(database, AT + MINUTE / 2) == []
    (claim,) = claimed(database, AT + MINUTE)
    assert (claim.row.id, claim.attempt) == (number, 2)


def test_message_sent_by_a_former_owner_is_sent(database):
    number = put(database)
    claimed(database, owner="slow", until=AT + MINUTE)
    claimed(database, AT + MINUTE, owner="other")
    database.run(lambda s: s.outbox.mark_sent(number, owner="slow", message_id=900, at=AT))
    assert states(database) == {OutboxState.SENT: 1}


def test_only_its_owner_puts_a_message_off(database):
    number = put(database)
    claimed(database, owner="slow", until=AT + MINUTE)
    claimed(database, AT + MINUTE, owner="other")
    database.run(lambda s: s.outbox.mark_retry(number, owner="slow", not_before=AT, error="x"))
    assert claimed(database, AT + MINUTE) == []


def test_a_message_put_off_is_tried_again_then(database):
    number = put(database)
    claimed(database)
    database.run(lambda s: s.outbox.mark_retry(number, owner="me", not_before=AT + MINUTE, error="x" * 2000))
    assert claimed(database) == []
    (claim,) = claimed(database, AT + MINUTE)
    assert (claim.row.id, claim.row.not_before, claim.attempt) == (number, AT + MINUTE, 2)


def test_ending_what_was_erased_does_nothing(database):
    sent(database, 99, 900)
    database.run(lambda s: s.outbox.mark_failed(99, error="x", at=AT))
    database.run(lambda s: s.outbox.mark_retry(99, owner="me", not_before=AT, error="x"))
    assert states(database) == {}


# -- the end


def test_what_is_too_late_expires(database):
    put(database, 1, not_after=AT - MINUTE)
    put(database, 2, not_after=AT)
    put(database, 3)
    put(database, 4, not_after=AT - MINUTE)
    database.run(lambda s: s.outbox.claim(AT - MINUTE, lanes=LANES, limit=1, owner="x", lease_until=AT))
    assert database.run(lambda s: s.outbox.expire(AT)) == 2
    assert database.run(lambda s: s.outbox.expire(AT)) == 0
    assert states(database) == {OutboxState.EXPIRED: 2, OutboxState.WAITING: 2}


def test_what_is_in_flight_does_not_expire(database):
    put(database, not_after=AT)
    claimed(database, until=AT + 2 * MINUTE)
    assert database.run(lambda s: s.outbox.expire(AT + MINUTE)) == 0


def test_old_messages_are_forgotten_but_not_waiting_ones(database):
    for chat in (1, 2, 3):
        put(database, chat)
    database.run(lambda s: s.outbox.mark_failed(2, error="gone", at=AT))
    sent(database, 3, 900)
    sent(database, put(database, 4, created_at=AT + MINUTE))
    assert database.run(lambda s: s.outbox.purge(AT)) == 0
    assert database.run(lambda s: s.outbox.purge(AT + MINUTE)) == 2
    assert states(database) == {OutboxState.WAITING: 1, OutboxState.SENT: 1}
    put(database, 3, mode="edit")
    assert [c.message_id for c in claimed(database)] == [None, 900]


def test_counts_are_by_lane_and_state(database):
    for chat, lane in ((1, Lane.RED_FLAG), (2, Lane.CHECKIN), (3, Lane.CHECKIN)):
        put(database, chat, lane=lane)
    sent(database, 1)
    assert database.run(message_counts) == {
        (Lane.RED_FLAG, OutboxState.SENT): 1,
        (Lane.CHECKIN, OutboxState.WAITING): 2,
    }


# -- in-flight messages, and late reports


def test_in_flight_message_is_not_claimed_and_holds_its_chat(database):
    """A retry that was written and not heard of yet: leased now, nobody would send it until the lease expires."""
    number = put(database, 1, "a")
    claimed(database)
    database.run(lambda s: s.outbox.mark_retry(number, owner="me", not_before=AT, error="x"))
    put(database, 1, "b")
    assert claimed(database, but_for=[number]) == []
    assert ids(claimed(database)) == [number], "and was leased to nobody meanwhile"


def test_lease_is_renewed_for_an_in_flight_message(database):
    number = put(database, 1, "a")
    claimed(database)
    database.run(lambda s: s.outbox.renew([number], owner="other", until=AT + 5 * MINUTE))
    assert ids(claimed(database, AT + MINUTE, owner="other")) == [number], "only its owner renews"
    database.run(lambda s: s.outbox.renew([number], owner="other", until=AT + 5 * MINUTE))
    assert claimed(database, AT + 4 * MINUTE, until=AT + 5 * MINUTE) == []


def test_claim_with_unknown_result_is_released(database):
    heard, lost = put(database, 1, "a"), put(database, 2, "a")
    claimed(database)
    others = put(database, 3, "a")
    claimed(database, owner="other")
    assert database.run(lambda s: s.outbox.release_unknown(owner="me", but_for=[heard])) == 1
    assert ids(claimed(database)) == [lost]
    assert others not in ids(claimed(database))


def test_late_report_does_not_point_the_slot_at_an_older_message(database):
    number = put(database, 1, "a")
    claimed(database)
    claimed(database, AT + MINUTE, owner="other")
    database.run(lambda s: s.outbox.mark_sent(number, owner="other", message_id=102, at=AT))
    database.run(lambda s: s.outbox.mark_sent(number, owner="me", message_id=101, at=AT))
    put(database, 1, "a", mode="edit", revision=1)
    (claim,) = claimed(database)
    assert claim.message_id == 102


def test_a_late_refusal_changes_nothing_that_was_sent_or_replaced(database):
    number, old = put(database, 1, "a"), put(database, 2, "b", mode="edit")
    claimed(database)
    sent(database, number, 101)
    put(database, 2, "b", mode="edit", revision=1)
    database.run(lambda s: s.outbox.mark_retry(old, owner="me", not_before=AT, error="x"))
    for each in (number, old):
        database.run(lambda s, n=each: s.outbox.mark_failed(n, error="BadRequest", at=AT))
    assert OutboxState.FAILED not in states(database)


def test_newest_message_of_some_slots_of_a_chat(database):
    anna = database.run(lambda s: s.patients.add(patient())).id

    def newest(slots, chat=1):
        row = database.run(lambda s: s.outbox.newest(anna, chat, slots))
        return row.id if row is not None else None

    first = put(database, 1, slot="alert:1:0", patient_id=anna)
    assert newest("alert:1:") is None, "it was not sent yet"
    sent(database, first)
    assert newest("alert:1:") == first
    edit = put(database, 1, slot="alert:1:0", mode="edit", patient_id=anna)
    assert newest("alert:1:") == edit, "what it will read as"
    second = put(database, 1, slot="alert:1:a", patient_id=anna)
    assert newest("alert:1:") is None, "a newer one was not sent yet"
    sent(database, second)
    put(database, 1, slot="alert:12:0", patient_id=anna)
    put(database, 2, slot="alert:1:b", patient_id=anna)
    put(database, 1, slot="alert:1:c")
    assert newest("alert:1:") == second
    assert newest("alert:2:") is None
    third = put(database, 1, slot="alert:1:d", patient_id=anna)
    database.run(lambda s: s.outbox.mark_failed(third, error="no", at=AT))
    assert newest("alert:1:") == second, "one that failed is on no phone"
    put(database, 1, slot="alert:1:a", mode="buttons", patient_id=anna)
    assert newest("alert:1:") == second, "what takes buttons away has no text"
    shown = database.run(lambda s: s.outbox.shown(anna, 1, ("alert:1:", "alert:12:")))
    assert [row.id for row in shown] == [second, edit], "one of each slot; what was not sent yet is on no phone"
