"""Sends one rendered message: text, edit, picture, contact card, card and text. It doesn't classify failures."""

import asyncio
import contextlib
import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from telegram import Bot, InlineKeyboardMarkup, InputFile, LinkPreviewOptions
from telegram.constants import ParseMode
from telegram.error import TelegramError

from bot.app.records.messages import Claim, Outbox
from bot.dialog.rendered import ContactCard, Rendered

log = structlog.get_logger(__name__)

CARD_SECONDS = 0.7
"""How long a message waits for the card that goes ahead of it: a few round trips, and no patient notices it."""
_deletions: set[asyncio.Task[None]] = set()
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_TAG = re.compile(r"</?[a-z][^<>]*>")


async def send(bot: Bot, claim: Claim, rendered: Rendered) -> int:
    """Send or edit as the row says, after the card that goes ahead; return the message's id or raise TelegramError."""
    async with _card_ahead(bot, claim, rendered.ahead):
        return await _send_message(bot, claim, rendered)


@asynccontextmanager
async def _card_ahead(bot: Bot, claim: Claim, card: ContactCard | None) -> AsyncIterator[None]:
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
            # The event loop has only a weak reference to a task.
            task = asyncio.create_task(_delete_late(bot, claim.row.chat_id, sent))
            _deletions.add(task)
            task.add_done_callback(_deletions.discard)


async def _send_card(bot: Bot, row: Outbox, card: ContactCard) -> int | None:
    """Send a card without a sound and return its message's id; None if it fails, as for a number that is too short."""
    try:
        sent = await bot.send_contact(row.chat_id, card.number, card.name, disable_notification=True)
    except TelegramError as error:
        log.info("a contact card was not sent", action="card_failed", error=type(error).__name__)
        return None
    return sent.message_id


async def _delete_late(bot: Bot, chat_id: int, card: asyncio.Task[int | None]) -> None:
    if (message_id := await card) is not None:
        with contextlib.suppress(TelegramError):
            await bot.delete_message(chat_id, message_id)


async def _send_message(bot: Bot, claim: Claim, rendered: Rendered) -> int:
    row = claim.row
    if rendered.contact is not None:
        card = await bot.send_contact(
            row.chat_id,
            phone_number=rendered.contact.number,
            first_name=rendered.contact.name,
            reply_markup=rendered.markup,
            protect_content=rendered.protect or None,
        )
        return card.message_id
    if rendered.photo is not None:
        picture = await bot.send_photo(
            row.chat_id,
            InputFile(rendered.photo, filename="answers.png"),
            caption=rendered.text,
            parse_mode=ParseMode.HTML,
            reply_markup=rendered.markup,
            protect_content=rendered.protect or None,
        )
        return picture.message_id
    if is_edit(claim, rendered) and claim.message_id is not None:
        await bot.edit_message_text(
            rendered.text,
            row.chat_id,
            claim.message_id,
            parse_mode=ParseMode.HTML,
            reply_markup=rendered.markup,
            link_preview_options=NO_PREVIEW,
        )
        return claim.message_id
    return await _send_text(bot, row, rendered)


def is_edit(claim: Claim, rendered: Rendered) -> bool:
    """Return whether the slot's message can be edited into this screen.

    Telegram can't edit a reply keyboard, a contact card or, from text, a picture.
    """
    has_editable_markup = rendered.markup is None or isinstance(rendered.markup, InlineKeyboardMarkup)
    is_text = rendered.contact is None and rendered.photo is None
    return claim.row.mode == "edit" and claim.message_id is not None and is_text and has_editable_markup


async def send_plain_text(bot: Bot, claim: Claim, rendered: Rendered) -> int:
    """Send the text alone as a new message and return its id: no markup or buttons, nothing Telegram could reject."""
    sent = await bot.send_message(
        claim.row.chat_id,
        plain_text(rendered),
        protect_content=rendered.protect or None,
        link_preview_options=NO_PREVIEW,
    )
    return sent.message_id


def plain_text(rendered: Rendered) -> str:
    """Return the message's text without markup; for a contact card, its name and number."""
    if rendered.contact is not None:
        return f"{rendered.contact.name}: {rendered.contact.number}"
    return html.unescape(_TAG.sub("", rendered.text))


async def _send_text(bot: Bot, row: Outbox, rendered: Rendered) -> int:
    # Never silent: messages notify by default, and only `disable_notification` would change that.
    sent = await bot.send_message(
        row.chat_id,
        rendered.text,
        parse_mode=ParseMode.HTML,
        reply_markup=rendered.markup,
        protect_content=rendered.protect or None,
        link_preview_options=NO_PREVIEW,
    )
    return sent.message_id
