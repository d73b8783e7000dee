"""Classifies a delivery attempt's error: retry, chat unreachable, rejected, resend as new. Stores and sends nothing."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot.app.records.messages import Claim, Lane
from bot.delivery.lanes import URGENT

URGENT_FIRST = timedelta(milliseconds=500)
URGENT_MAX = timedelta(seconds=15)
BULK_FIRST = timedelta(seconds=2)
BULK_MAX = timedelta(minutes=5)
JITTER_SHARE = 0.25
"""Up to this share of a backoff is cut at random, so that messages that failed together aren't retried together."""
MAX_DOUBLINGS = 16

# Parts of Telegram's error descriptions, in lower case. They are undocumented and come from the server's source.
UNREACHABLE_PHRASES = ("chat not found", "peer_id_invalid")
NOT_MODIFIED_PHRASE = "message is not modified"
RESEND_PHRASES = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "there is no text in the message to edit",
)


class DeliveryOutcome(StrEnum):
    """The outcome of one delivery attempt."""

    SENT = "sent"
    CHAT_UNREACHABLE = "chat_unreachable"
    """The person blocked the bot or deleted the account, or the chat never existed: nothing will ever arrive."""
    REJECTED = "rejected"
    """Telegram rejects the content of the message; sending the same content again would not help."""
    RESEND_AS_NEW = "resend_as_new"
    """The message to edit no longer exists: the screen is sent as a new message."""
    RETRY = "retry"


class PauseScope(StrEnum):
    """What a rate-limit error pauses: one chat, or the bulk lanes of the whole bot."""

    CHAT = "chat"
    BULK = "bulk"


@dataclass(frozen=True)
class DeliveryResult:
    """The result of one delivery attempt.

    `error` is the error's class name, with Telegram's description where it is safe to store. `retry_in` is the real
    time until the next attempt. `pause_scope`, if any, is paused for `pause_for` (real time).
    """

    outcome: DeliveryOutcome
    error: str = ""
    message_id: int | None = None
    retry_in: timedelta = timedelta(0)
    pause_scope: PauseScope | None = None
    pause_for: timedelta = timedelta(0)


def classify_error(error: Exception, claim: Claim, *, has_full_burst: bool, jitter: float) -> DeliveryResult:
    """Return the result of an attempt that raised `error`.

    `has_full_burst`: a 429 can't be due to the chat (see ClaimedMessage). `jitter` (0..1) is the backoff's random part.
    """
    if isinstance(error, RetryAfter):
        return _rate_limited(_requested_wait(error), claim, has_full_burst=has_full_burst, jitter=jitter)
    if isinstance(error, Forbidden):
        return DeliveryResult(DeliveryOutcome.CHAT_UNREACHABLE, _name_and_message(error))
    if isinstance(error, BadRequest):
        return _bad_request(error, claim)
    if isinstance(error, ChatMigrated):
        return DeliveryResult(DeliveryOutcome.REJECTED, _name(error))
    if isinstance(error, TelegramError) or claim.row.lane in URGENT:
        # In an urgent lane our own errors are retried as well: a fixed version may be running by then.
        return DeliveryResult(
            DeliveryOutcome.RETRY, _name(error), retry_in=backoff(claim.attempt, claim.row.lane, jitter)
        )
    return DeliveryResult(DeliveryOutcome.REJECTED, _name(error))


def is_our_fault(error: Exception) -> bool:
    """Return whether an operator has to act: our code failed, or Telegram doesn't know the token."""
    return isinstance(error, InvalidToken) or not isinstance(error, TelegramError)


def backoff(attempt: int, lane: Lane, jitter: float) -> timedelta:
    """Return the real time to wait after the n-th attempt (from 1).

    The time doubles with each attempt up to a maximum; both are shorter in the urgent lanes, where a person is waiting.
    """
    first, longest = (URGENT_FIRST, URGENT_MAX) if lane in URGENT else (BULK_FIRST, BULK_MAX)
    doubled = first * (1 << min(max(attempt, 1) - 1, MAX_DOUBLINGS))
    return min(doubled, longest) * (1 - JITTER_SHARE * jitter)


def _rate_limited(requested: timedelta, claim: Claim, *, has_full_burst: bool, jitter: float) -> DeliveryResult:
    """Return the result of a 429.

    Telegram doesn't say what it limits: it is the chat if we have just written to it, otherwise the whole bot.
    Our own limits keep each chat within Telegram's, so a chat with its full burst can't have caused the 429. A bot-wide
    429 pauses the bulk lanes; the message itself, if urgent, is retried after its own backoff, no later than requested.
    """
    lane = claim.row.lane
    pause_scope = PauseScope.BULK if has_full_burst else PauseScope.CHAT
    own_backoff = pause_scope is PauseScope.BULK and lane in URGENT
    retry_in = min(requested, backoff(claim.attempt, lane, jitter)) if own_backoff else requested
    return DeliveryResult(
        DeliveryOutcome.RETRY, "RetryAfter", retry_in=retry_in, pause_scope=pause_scope, pause_for=requested
    )


def _bad_request(error: BadRequest, claim: Claim) -> DeliveryResult:
    text = error.message.lower()
    if any(phrase in text for phrase in UNREACHABLE_PHRASES):
        return DeliveryResult(DeliveryOutcome.CHAT_UNREACHABLE, _name_and_message(error))
    if claim.row.mode == "buttons":
        # The message is gone, can't be edited, or has no buttons: there is nothing left to take away.
        return DeliveryResult(DeliveryOutcome.SENT)
    if claim.message_id is not None and NOT_MODIFIED_PHRASE in text:
        return DeliveryResult(DeliveryOutcome.SENT, message_id=claim.message_id)
    if claim.message_id is not None and any(phrase in text for phrase in RESEND_PHRASES):
        if claim.row.screen.ahead is not None:
            # The person deleted the call screen: what was added to it is not worth an old one below what came since.
            return DeliveryResult(DeliveryOutcome.SENT)
        return DeliveryResult(DeliveryOutcome.RESEND_AS_NEW, _name_and_message(error))
    return DeliveryResult(DeliveryOutcome.REJECTED, _name_and_message(error))


def _requested_wait(error: RetryAfter) -> timedelta:
    requested = error.retry_after
    return requested if isinstance(requested, timedelta) else timedelta(seconds=requested)


def _name(error: Exception) -> str:
    """Return the class name alone: the message of an arbitrary error may contain an address, a text or a value."""
    return type(error).__name__


def _name_and_message(error: TelegramError) -> str:
    return f"{_name(error)}: {error.message}"
