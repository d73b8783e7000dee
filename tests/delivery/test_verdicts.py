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

from bot.app.store import Claim, Lane, Outbox
from bot.core.screen import Screen, Text
from bot.delivery.lanes import BULK, URGENT
from bot.delivery.transport import FloodError
from bot.delivery.verdicts import End, Stop, backoff, is_our_fault, judge

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


def verdict(error: Exception, on: Claim | None = None, *, rested: bool = True, spread: float = 0.0):
    return judge(error, on or claim(), rested=rested, spread=spread)


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
def test_a_chat_that_is_gone(error, lane):
    assert verdict(error, claim(lane)).end is End.GONE


@pytest.mark.parametrize(
    "error", [NetworkError("Bad Gateway"), TimedOut(), TelegramError("Invalid server response"), Conflict("x")]
)
@pytest.mark.parametrize("lane", list(Lane))
def test_what_may_pass_is_tried_again_in_every_lane_however_often(error, lane):
    judged = verdict(error, claim(lane, attempt=400))
    assert judged.end is End.RETRY
    assert judged.error == type(error).__name__
    assert judged.stops is None


def test_a_token_that_is_refused_is_tried_again_and_told_to_the_operator():
    error = InvalidToken("Unauthorized")
    assert verdict(error, claim(Lane.CHECKIN)).end is End.RETRY
    assert is_our_fault(error)
    assert is_our_fault(KeyError("x"))
    assert not is_our_fault(NetworkError("x"))


@pytest.mark.parametrize("error", [BadRequest("BUTTON_DATA_INVALID"), ChatMigrated(-5)])
@pytest.mark.parametrize("lane", list(Lane))
def test_what_telegram_refuses_is_not_sent_again(error, lane):
    assert verdict(error, claim(lane)).end is End.REFUSED


def test_a_fault_of_ours_ends_bulk_and_is_tried_again_where_someone_waits():
    assert verdict(ValueError("a patient's words"), claim(Lane.CHECKIN)).end is End.REFUSED
    for lane in URGENT:
        assert verdict(ValueError("a patient's words"), claim(lane)).end is End.RETRY


def test_an_edit_that_changes_nothing_is_sent():
    judged = verdict(BadRequest("Message is not modified: specified new message content ..."), claim(message_id=7))
    assert (judged.end, judged.message_id) == (End.SENT, 7)


@pytest.mark.parametrize(
    "words",
    [
        "Message to edit not found",
        "Message can't be edited",
        "MESSAGE_ID_INVALID",
        "There is no text in the message to edit",
    ],
)
def test_a_message_that_cannot_be_edited_is_sent_anew(words):
    assert verdict(BadRequest(words), claim(message_id=7)).end is End.ANEW
    assert verdict(BadRequest(words), claim()).end is End.REFUSED


def test_words_are_kept_of_telegrams_refusals_and_of_nothing_else():
    assert verdict(BadRequest("BUTTON_DATA_INVALID")).error == "BadRequest: BUTTON_DATA_INVALID"
    for error in (NetworkError(SECRET), TimedOut(SECRET), ValueError(SECRET), TelegramError(SECRET), ChatMigrated(-77)):
        assert verdict(error).error == type(error).__name__


def test_a_429_for_a_chat_that_was_just_written_to_stops_the_chat():
    for lane in Lane:
        judged = verdict(FloodError(30), claim(lane), rested=False)
        assert (judged.end, judged.stops, judged.stops_for) == (End.RETRY, Stop.CHAT, timedelta(seconds=30))
        assert judged.wait == timedelta(seconds=30)


@pytest.mark.parametrize("lane", BULK)
def test_a_429_for_a_rested_chat_stops_the_bulk_lanes(lane):
    judged = verdict(FloodError(30), claim(lane), rested=True)
    assert (judged.stops, judged.stops_for, judged.wait) == (Stop.BULK, timedelta(seconds=30), timedelta(seconds=30))


@pytest.mark.parametrize("lane", URGENT)
def test_a_bot_wide_429_does_not_make_an_urgent_message_wait_that_long(lane):
    judged = verdict(FloodError(30), claim(lane), rested=True)
    assert (judged.stops, judged.wait) == (Stop.BULK, timedelta(seconds=0.5))
    assert verdict(FloodError(3), claim(lane, attempt=9), rested=True).wait == timedelta(seconds=3)


def test_backoff_doubles_up_to_its_bound():
    def seconds(lane: Lane) -> list[float]:
        return [backoff(attempt, lane, 0.0).total_seconds() for attempt in (1, 2, 3, 4, 5, 6, 9, 1000)]

    assert seconds(Lane.RED_FLAG) == [0.5, 1, 2, 4, 8, 15, 15, 15]
    assert seconds(Lane.CHECKIN) == [2, 4, 8, 16, 32, 64, 300, 300]


def test_the_random_part_only_shortens_and_by_a_quarter_at_most():
    for lane in Lane:
        assert backoff(3, lane, 1.0) == 0.75 * backoff(3, lane, 0.0)
