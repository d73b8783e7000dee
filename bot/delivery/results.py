"""Records and logs the result of each attempt to send. Classifies no error (outcomes.py does), runs no transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog

from bot.app.records.messages import Claim
from bot.app.work import Stores
from bot.delivery import limiter, metrics
from bot.delivery.outcomes import DeliveryOutcome, DeliveryResult, PauseScope, is_our_fault

log = structlog.get_logger(__name__)

OnChatUnreachable = Callable[[Stores, int, datetime], None]
UNREACHABLE_ATTEMPTS = 5
"""Attempts in total, one per lease, while handling the unreachable chat fails."""


@dataclass(frozen=True)
class SenderContext:
    """What `record_result` needs to know of the sender. `speed`: clock seconds per real second.

    `on_chat_unreachable` runs in the transaction that records that a chat is unreachable.
    """

    owner: str
    speed: float
    on_chat_unreachable: OnChatUnreachable


def record_result(stores: Stores, claim: Claim, result: DeliveryResult, at: datetime, context: SenderContext) -> None:
    """Record the result of an attempt that ended at `at`.

    Raise what `on_chat_unreachable` raises, except after the last attempt.
    """
    row = claim.row
    if result.pause_scope is not None:
        _pause(stores, row.chat_id, result.pause_scope, at + result.pause_for * context.speed)
    match result.outcome:
        case DeliveryOutcome.SENT:
            stores.outbox.mark_sent(row.id, owner=context.owner, message_id=result.message_id, at=at)
        case DeliveryOutcome.CHAT_UNREACHABLE:
            stores.outbox.mark_failed(row.id, error=result.error, at=at)
            if (error := stores.attempt(partial(context.on_chat_unreachable, stores, row.chat_id, at))) is not None:
                metrics.SENDER_ERRORS.labels("gone").inc()
                if claim.attempt < UNREACHABLE_ATTEMPTS:
                    raise error
        case DeliveryOutcome.REJECTED:
            stores.outbox.mark_failed(row.id, error=result.error, at=at)
        case DeliveryOutcome.RESEND_AS_NEW:
            if claim.message_id is not None:
                stores.outbox.forget_slot(row.chat_id, row.slot, message_id=claim.message_id)
            stores.outbox.mark_retry(row.id, owner=context.owner, not_before=at, error=result.error)
        case DeliveryOutcome.RETRY:
            not_before = at + result.retry_in * context.speed
            stores.outbox.mark_retry(row.id, owner=context.owner, not_before=not_before, error=result.error)


def _pause(stores: Stores, chat_id: int, pause_scope: PauseScope, until: datetime) -> None:
    if pause_scope is PauseScope.BULK:
        stores.limits.save_budget(limiter.pause_bulk(stores.limits.budget(), until))
        return
    stores.limits.save_chats_free_at({chat_id: until})


def log_error(error: Exception, claim: Claim, result: DeliveryResult) -> None:
    """Log an error, but never a text, an address or a chat."""
    details = {"outbox": claim.row.id, "lane": claim.row.lane.name, "screen": claim.row.screen.name}
    details |= {"attempt": claim.attempt, "error": result.error}
    if result.pause_scope is PauseScope.BULK:
        log.warning("Telegram limits the bot", action="bulk_paused", seconds=result.pause_for.total_seconds())
    if is_our_fault(error):
        log.error("our code failed, or the token is invalid", action="send_broken", **details)
    elif result.outcome is DeliveryOutcome.REJECTED:
        log.error("Telegram rejected a message", action="send_rejected", **details)
    elif result.outcome is DeliveryOutcome.CHAT_UNREACHABLE:
        log.info("a chat is unreachable", action="chat_unreachable", **details)
    elif result.outcome is DeliveryOutcome.RETRY:
        log.info("a message will be retried", action="send_retry", **details)
