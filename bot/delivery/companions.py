"""Sends what goes with a message: a contact card ahead of it, and the deletion of the copy that it replaces.

Where Telegram refuses the card, its number goes as a link (tappable_numbers.py). None of this is ever a reason not to
send the message, or to send it late.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

import structlog
from telegram import Bot
from telegram.error import BadRequest, TelegramError

from bot.app.records.messages import Claim, Outbox
from bot.delivery import metrics
from bot.delivery.tappable_numbers import send_number
from bot.dialog.rendered import ContactCard

log = structlog.get_logger(__name__)

CARD_SECONDS = 0.7
"""How long a message waits for the card that goes ahead of it: a few round trips, and no patient notices it."""
_deletions: set[asyncio.Task[None]] = set()


@asynccontextmanager
async def former_deleted(bot: Bot, claim: Claim) -> AsyncIterator[None]:
    """Delete the slot's former message, if this one replaces it, once this one was sent; nothing waits for that."""
    yield
    row, former = claim.row, claim.message_id
    if row.screen.replaces and row.mode == "new" and former is not None:
        _in_background(_delete(bot, row.chat_id, former))


@asynccontextmanager
async def card_ahead(bot: Bot, claim: Claim, card: ContactCard | None) -> AsyncIterator[None]:
    """Send a card first, which is tried once. Its message never waits longer than `CARD_SECONDS` for it.

    The message stays the last one of the chat: a card that comes later is deleted.
    """
    if card is None or not claim.has_card:
        yield
        return
    sent = asyncio.create_task(_send_card(bot, claim.row, card))
    await asyncio.wait({sent}, timeout=CARD_SECONDS)
    is_late = not sent.done()
    try:
        yield
    finally:
        if is_late:
            _in_background(_delete_late(bot, claim.row.chat_id, sent))


async def _send_card(bot: Bot, row: Outbox, card: ContactCard) -> int | None:
    """Send a card without a sound and return its message's id; None if it fails.

    If Telegram refuses the card, as it may for a number that is too short, a link that calls it goes instead, while the
    message still waits.
    """
    deadline = time.monotonic() + CARD_SECONDS
    try:
        sent = await bot.send_contact(row.chat_id, card.number, card.name, disable_notification=True)
    except TelegramError as error:
        metrics.COMPANION_ERRORS.labels("card").inc()
        log.info("a contact card was not sent", action="card_failed", error=type(error).__name__)
        is_refused_in_time = isinstance(error, BadRequest) and time.monotonic() < deadline
        return await send_number(bot, row.chat_id, card) if is_refused_in_time else None
    return sent.message_id


async def _delete_late(bot: Bot, chat_id: int, card: asyncio.Task[int | None]) -> None:
    if (message_id := await card) is not None:
        await _delete(bot, chat_id, message_id)


async def _delete(bot: Bot, chat_id: int, message_id: int) -> None:
    """Delete a message; of one that is too old for that (48 hours), only the buttons, if it has any."""
    try:
        await bot.delete_message(chat_id, message_id)
    except TelegramError:
        metrics.COMPANION_ERRORS.labels("copy").inc()
    else:
        return
    try:
        await bot.edit_message_reply_markup(chat_id, message_id)
    except TelegramError:
        metrics.COMPANION_ERRORS.labels("buttons").inc()


def _in_background(deletion: Coroutine[None, None, None]) -> None:
    # The event loop has only a weak reference to a task.
    task = asyncio.create_task(deletion)
    _deletions.add(task)
    task.add_done_callback(_deletions.discard)
