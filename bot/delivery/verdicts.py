"""Decides what a Telegram error means for a message: gone, refused, again, anew. It stores and sends nothing."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot.app.store import Claim, Lane
from bot.delivery.lanes import URGENT

URGENT_FIRST = timedelta(milliseconds=500)
URGENT_LONGEST = timedelta(seconds=15)
BULK_FIRST = timedelta(seconds=2)
BULK_LONGEST = timedelta(minutes=5)
SPREAD = 0.25
"""Up to this share of a wait is left off at random, so that messages that failed together don't come back together."""
MOST_DOUBLINGS = 16

# Telegram's words, in small letters. They stand in the sources of its server, not in its documentation.
GONE_WORDS = ("chat not found", "peer_id_invalid")
SAME_WORDS = "message is not modified"
ANEW_WORDS = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "there is no text in the message to edit",
)


class End(StrEnum):
    """How one attempt ended."""

    SENT = "sent"
    GONE = "gone"
    """Blocked, deactivated or never there: nothing will ever arrive."""
    REFUSED = "refused"
    """Telegram won't take what we made; sending the same again would not help."""
    ANEW = "anew"
    """The message to edit is gone: the screen is sent as a new one."""
    RETRY = "retry"


class Stop(StrEnum):
    """What a `retry_after` names."""

    CHAT = "chat"
    BULK = "bulk"


@dataclass(frozen=True)
class Verdict:
    """`error` is a class name and Telegram's own words; `wait` is real time until the next attempt.

    `stops` is held for `stops_for`.
    """

    end: End
    error: str = ""
    message_id: int | None = None
    wait: timedelta = timedelta(0)
    stops: Stop | None = None
    stops_for: timedelta = timedelta(0)


def judge(error: Exception, claim: Claim, *, rested: bool, spread: float) -> Verdict:
    """Say what an error means. `rested`: the chat had its whole burst; `spread` in 0..1 is the random part of waits."""
    if isinstance(error, RetryAfter):
        return _too_fast(_asked_wait(error), claim, rested=rested, spread=spread)
    if isinstance(error, Forbidden):
        return Verdict(End.GONE, _words(error))
    if isinstance(error, BadRequest):
        return _bad_request(error, claim)
    if isinstance(error, ChatMigrated):
        return Verdict(End.REFUSED, _name(error))
    if isinstance(error, TelegramError) or claim.row.lane in URGENT:
        # A fault of ours in an urgent lane is tried again, too: the next version may be running by then.
        return Verdict(End.RETRY, _name(error), wait=backoff(claim.attempt, claim.row.lane, spread))
    return Verdict(End.REFUSED, _name(error))


def is_our_fault(error: Exception) -> bool:
    """Whether an operator has to do something: our code failed, or Telegram doesn't know the token."""
    return isinstance(error, InvalidToken) or not isinstance(error, TelegramError)


def backoff(attempt: int, lane: Lane, spread: float) -> timedelta:
    """Return the wait after the n-th attempt (from 1): doubling, bounded, shorter where someone is waiting."""
    first, longest = (URGENT_FIRST, URGENT_LONGEST) if lane in URGENT else (BULK_FIRST, BULK_LONGEST)
    doubled = first * (1 << min(max(attempt, 1) - 1, MOST_DOUBLINGS))
    return min(doubled, longest) * (1 - SPREAD * spread)


def _too_fast(asked: timedelta, claim: Claim, *, rested: bool, spread: float) -> Verdict:
    """Telegram doesn't say whom a 429 is for: a chat that was written to a moment ago, else the whole bot.

    Our own pace keeps each chat within its limit, so a chat with its whole burst can't have earned it. A bot-wide one
    stops the bulk lanes; the message itself, if urgent, comes again by its own backoff, and no later than asked.
    """
    lane = claim.row.lane
    stops = Stop.BULK if rested else Stop.CHAT
    own_pace = stops is Stop.BULK and lane in URGENT
    wait = min(asked, backoff(claim.attempt, lane, spread)) if own_pace else asked
    return Verdict(End.RETRY, "RetryAfter", wait=wait, stops=stops, stops_for=asked)


def _bad_request(error: BadRequest, claim: Claim) -> Verdict:
    words = error.message.lower()
    if any(known in words for known in GONE_WORDS):
        return Verdict(End.GONE, _words(error))
    if claim.message_id is not None and SAME_WORDS in words:
        return Verdict(End.SENT, message_id=claim.message_id)
    if claim.message_id is not None and any(known in words for known in ANEW_WORDS):
        return Verdict(End.ANEW, _words(error))
    return Verdict(End.REFUSED, _words(error))


def _asked_wait(error: RetryAfter) -> timedelta:
    asked = error.retry_after
    return asked if isinstance(asked, timedelta) else timedelta(seconds=asked)


def _name(error: Exception) -> str:
    """The class only: the words of other errors may hold an address, a text or a value."""
    return type(error).__name__


def _words(error: TelegramError) -> str:
    return f"{_name(error)}: {error.message}"
