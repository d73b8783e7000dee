"""Two senders at once: neither undoes what the other has recorded of a message, a slot or a chat."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.app.records.messages import Lane, OutboxState
from bot.db import tables as t
from bot.delivery import budget, results
from bot.delivery.lanes import TELEGRAM_LIMITS
from bot.delivery.outcomes import DeliveryOutcome, DeliveryResult, PauseScope
from tests.contract.samples import AT, MINUTE, message, patient
from tests.contract.sending import claimed, put
from tests.db.interleaved import interleaved, interleaved_in

CHAT = 77
CONTEXT = results.SenderContext("me", 1.0, lambda *_: None)


def _mark_sent(number, message_id, owner="me"):
    return lambda db: db.run(lambda s: s.outbox.mark_sent(number, owner=owner, message_id=message_id, at=AT))


def _slot_messages(pg):
    return [row["message_id"] for row in pg.run(lambda s: s.outbox._all(select(t.slot_message.c.message_id)))]


def _state(pg, number):
    found = pg.run(lambda s: s.outbox._first(select(t.outbox.c.state).where(t.outbox.c.id == number)))
    return OutboxState(found["state"])


def _paused(chat_id, seconds):
    """Telegram's answer that a chat was written to too often, recorded by a sender; `claim` is its message."""
    pause = timedelta(seconds=seconds)
    result = DeliveryResult(
        DeliveryOutcome.RETRY, "RetryAfter", retry_in=pause, pause_scope=PauseScope.CHAT, pause_for=pause
    )
    return lambda claim: lambda db: db.run(lambda s: results.record_result(s, claim, result, AT, CONTEXT))


def _claims(stores):
    lease = budget.Lease("other", MINUTE, frozenset())
    batch = budget.claim_batch(stores, lambda: AT, budget.Capacity(9, 9), lease, TELEGRAM_LIMITS)
    return [claimed_message.claim.row.id for claimed_message in batch.messages]


# -- the message of a slot


@pytest.mark.parametrize("order", ["older first", "newer first"])
def test_slot_keeps_the_newest_of_two_messages_sent_at_once(pg, order):
    older = put(pg, CHAT, "menu", mode="new")
    claimed(pg)
    newer = put(pg, CHAT, "menu", mode="new")
    runs = [_mark_sent(older, 900), _mark_sent(newer, 902, "other")]
    interleaved_in(pg, "slot_message", *(runs if order == "older first" else reversed(runs)))
    assert _slot_messages(pg) == [902]


def test_late_refusal_of_an_edit_keeps_the_message_sent_since(pg):
    _mark_sent(put(pg, CHAT, "menu"), 900)(pg)
    edit = put(pg, CHAT, "menu", mode="edit", revision=1)
    (late,) = claimed(pg)
    assert (late.row.id, late.message_id) == (edit, 900)
    (again,) = claimed(pg, AT + MINUTE, owner="other")
    # Somebody deleted message 900: the other sender has sent the screen as a new one by now.
    _mark_sent(again.row.id, 902, "other")(pg)
    gone = DeliveryResult(DeliveryOutcome.RESEND_AS_NEW, "BadRequest: message to edit not found")
    pg.run(lambda s: results.record_result(s, late, gone, AT, CONTEXT))
    assert _slot_messages(pg) == [902]


def test_slot_of_a_message_erased_meanwhile_is_not_stored(pg):
    def add(stores):
        anna = stores.patients.add(patient(chat_id=CHAT))
        return anna.id, stores.outbox.enqueue(message(CHAT, patient_id=anna.id))

    anna, number = pg.run(add)
    claimed(pg)
    interleaved_in(pg, "FROM outbox", _mark_sent(number, 900), lambda db: db.run(lambda s: s.patients.erase_data(anna)))
    assert _slot_messages(pg) == []


# -- the state of a message


def test_orphan_recorded_as_sent_during_a_claim_stays_sent(pg):
    orphan = put(pg, CHAT, "menu", lane=Lane.CHECKIN)
    claimed(pg)
    later = put(pg, CHAT, "menu", lane=Lane.REPLY, revision=1)

    def claims(database):
        return [claim.row.id for claim in claimed(database, AT + MINUTE, owner="other")]

    found, _ = interleaved_in(pg, "outbox.owner IS NOT NULL", claims, _mark_sent(orphan, 900))
    assert found == [later]
    assert _state(pg, orphan) is OutboxState.SENT


# -- the pause of a chat


@pytest.fixture
def reply(pg):
    """The claim of a reply, in flight; a red flag of the same chat waits."""
    put(pg, CHAT, "menu", lane=Lane.REPLY)
    (claim,) = claimed(pg)
    put(pg, CHAT, "alert:1", lane=Lane.RED_FLAG)
    return claim


def test_claim_keeps_the_pause_that_telegram_set_meanwhile(pg, reply):
    interleaved(pg, "limits.chats_free_at", lambda db: db.run(_claims), _paused(CHAT, 30)(reply))
    assert pg.run(lambda s: s.limits.chats_free_at([CHAT]))[CHAT] >= AT + timedelta(seconds=30)


@pytest.mark.parametrize("seconds", [(30, 37), (37, 30)])
def test_longer_of_two_pauses_at_once_remains(pg, reply, seconds):
    one, other = (_paused(CHAT, each)(reply) for each in seconds)
    interleaved_in(pg, "chat_rate_limit", one, other)
    assert pg.run(lambda s: s.limits.chats_free_at([CHAT]))[CHAT] == AT + timedelta(seconds=37)
