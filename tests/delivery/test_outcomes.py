from datetime import timedelta

import pytest
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    TelegramError,
    TimedOut,
)

from bot.app.records.messages import Claim, Lane, Outbox
from bot.core.screen import Contact, Screen, Text
from bot.delivery.lanes import BULK, URGENT
from bot.delivery.outcomes import DeliveryOutcome, PauseScope, backoff, classify_error, is_our_fault
from bot.delivery.transport import RateLimitError

from .stand_ins import AT, CHAT

SECRET = "https://host/bot1:secret/sendMessage"


def claim(lane: Lane = Lane.REPLY, *, attempt: int = 1, message_id: int | None = None) -> Claim:
    row = Outbox(
        patient_id=None,
        chat_id=CHAT,
        language="en",
        lane=lane,
        slot="s",
        mode="new" if message_id is None else "edit",
        revision=0,
        screen=Screen(name="s", lines=(Text(key="s"),)),
        created_at=AT,
        not_before=AT,
    )
    return Claim(row=row, attempt=attempt, message_id=message_id)


def result(error: Exception, on: Claim | None = None, *, has_full_burst: bool = True, jitter: float = 0.0):
    return classify_error(error, on or claim(), has_full_burst=has_full_burst, jitter=jitter)


@pytest.mark.parametrize(
    "error",
    [
        Forbidden("Forbidden: bot was blocked by the user"),
        Forbidden("Forbidden: user is deactivated"),
        Forbidden("Forbidden: bot was kicked from the group chat"),
        BadRequest("Chat not found"),
        BadRequest("PEER_ID_INVALID"),
    ],
)
@pytest.mark.parametrize("lane", [Lane.RED_FLAG, Lane.CHECKIN])
def test_classify_error_chat_unreachable(error, lane):
    assert result(error, claim(lane)).outcome is DeliveryOutcome.CHAT_UNREACHABLE


@pytest.mark.parametrize(
    "error", [NetworkError("Bad Gateway"), TimedOut(), TelegramError("Invalid server response"), Conflict("x")]
)
@pytest.mark.parametrize("lane", list(Lane))
def test_classify_error_transient_is_retried_in_every_lane(error, lane):
    judged = result(error, claim(lane, attempt=400))
    assert judged.outcome is DeliveryOutcome.RETRY
    assert judged.error == type(error).__name__
    assert judged.pause_scope is None


def test_classify_error_invalid_token_retries_as_our_fault():
    error = InvalidToken("Unauthorized")
    assert result(error, claim(Lane.CHECKIN)).outcome is DeliveryOutcome.RETRY
    assert is_our_fault(error)
    assert is_our_fault(KeyError("x"))
    assert not is_our_fault(NetworkError("x"))


@pytest.mark.parametrize("error", [BadRequest("BUTTON_DATA_INVALID"), ChatMigrated(-5)])
@pytest.mark.parametrize("lane", list(Lane))
def test_classify_error_bad_request_is_rejected(error, lane):
    assert result(error, claim(lane)).outcome is DeliveryOutcome.REJECTED


def test_classify_error_our_fault_retries_only_urgent_lanes():
    assert result(ValueError("a patient's words"), claim(Lane.CHECKIN)).outcome is DeliveryOutcome.REJECTED
    for lane in URGENT:
        assert result(ValueError("a patient's words"), claim(lane)).outcome is DeliveryOutcome.RETRY


def test_classify_error_not_modified_counts_as_sent():
    judged = result(BadRequest("Message is not modified: specified new message content ..."), claim(message_id=7))
    assert (judged.outcome, judged.message_id) == (DeliveryOutcome.SENT, 7)


@pytest.mark.parametrize(
    "words",
    [
        "Message to edit not found",
        "Message can't be edited",
        "MESSAGE_ID_INVALID",
        "There is no text in the message to edit",
    ],
)
def test_classify_error_uneditable_is_resent_as_new(words):
    assert result(BadRequest(words), claim(message_id=7)).outcome is DeliveryOutcome.RESEND_AS_NEW
    of_call = claim(message_id=7)
    screen = of_call.row.screen.model_copy(update={"ahead": Contact(number="112", name="112")})
    of_call = of_call.model_copy(update={"row": of_call.row.model_copy(update={"screen": screen})})
    found = result(BadRequest(words), of_call)
    assert (found.outcome, found.message_id) == (DeliveryOutcome.SENT, None), "a deleted call screen stays deleted"
    assert result(BadRequest(words), claim()).outcome is DeliveryOutcome.REJECTED


def test_error_text_is_kept_only_for_telegrams_rejections():
    assert result(BadRequest("BUTTON_DATA_INVALID")).error == "BadRequest: BUTTON_DATA_INVALID"
    for error in (NetworkError(SECRET), TimedOut(SECRET), ValueError(SECRET), TelegramError(SECRET), ChatMigrated(-77)):
        assert result(error).error == type(error).__name__


def test_429_of_a_recent_chat_pauses_the_chat():
    for lane in Lane:
        judged = result(RateLimitError(30), claim(lane), has_full_burst=False)
        assert (judged.outcome, judged.pause_scope, judged.pause_for) == (
            DeliveryOutcome.RETRY,
            PauseScope.CHAT,
            timedelta(seconds=30),
        )
        assert judged.retry_in == timedelta(seconds=30)


@pytest.mark.parametrize("lane", BULK)
def test_429_with_full_burst_pauses_the_bulk_lanes(lane):
    judged = result(RateLimitError(30), claim(lane), has_full_burst=True)
    assert (judged.pause_scope, judged.pause_for, judged.retry_in) == (
        PauseScope.BULK,
        timedelta(seconds=30),
        timedelta(seconds=30),
    )


@pytest.mark.parametrize("lane", URGENT)
def test_429_bot_wide_retries_urgent_messages_sooner(lane):
    judged = result(RateLimitError(30), claim(lane), has_full_burst=True)
    assert (judged.pause_scope, judged.retry_in) == (PauseScope.BULK, timedelta(seconds=0.5))
    assert result(RateLimitError(3), claim(lane, attempt=9), has_full_burst=True).retry_in == timedelta(seconds=3)


def test_backoff_doubles_up_to_its_maximum():
    def seconds(lane: Lane) -> list[float]:
        return [backoff(attempt, lane, 0.0).total_seconds() for attempt in (1, 2, 3, 4, 5, 6, 9, 1000)]

    assert seconds(Lane.RED_FLAG) == [0.5, 1, 2, 4, 8, 15, 15, 15]
    assert seconds(Lane.CHECKIN) == [2, 4, 8, 16, 32, 64, 300, 300]


def test_backoff_jitter_shortens_by_at_most_a_quarter():
    for lane in Lane:
        assert backoff(3, lane, 1.0) == 0.75 * backoff(3, lane, 0.0)


@pytest.mark.parametrize(
    "text",
    [
        "Message is not modified: specified new message content is the same",
        "Message to edit not found",
        "Message can't be edited",
        "MESSAGE_ID_INVALID",
        "something new",
    ],
)
def test_buttons_that_cannot_be_taken_away_are_no_fault(text):
    row = claim(Lane.DIGEST, message_id=7).row.model_copy(update={"mode": "buttons"})
    buttons = Claim(row=row, attempt=1, message_id=7)
    assert result(BadRequest(text), buttons).outcome is DeliveryOutcome.SENT


def test_buttons_in_a_chat_that_is_gone_and_without_a_network_are_as_any_message():
    row = claim(Lane.DIGEST, message_id=7).row.model_copy(update={"mode": "buttons"})
    buttons = Claim(row=row, attempt=1, message_id=7)
    assert result(BadRequest("Chat not found"), buttons).outcome is DeliveryOutcome.CHAT_UNREACHABLE
    assert result(NetworkError("x"), buttons).outcome is DeliveryOutcome.RETRY
