"""Sends one rendered message: text, edit, or what attachments.py sends. It doesn't classify failures."""

import html
import re

from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions
from telegram.constants import ParseMode

from bot.app.records.messages import Claim, Outbox
from bot.delivery.attachments import send_attachment
from bot.delivery.companions import card_ahead, former_deleted
from bot.dialog.rendered import Rendered

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_TAG = re.compile(r"</?[a-z][^<>]*>")


async def send(bot: Bot, claim: Claim, rendered: Rendered) -> int | None:
    """Send or edit as the row says, after the card that goes ahead; return the message's id or raise TelegramError.

    None if a row is about the buttons of a message that was never sent.
    """
    if claim.row.mode == "buttons":
        return await _change_buttons(bot, claim, rendered)
    async with card_ahead(bot, claim, rendered.ahead), former_deleted(bot, claim):
        return await _send_message(bot, claim, rendered)


async def _change_buttons(bot: Bot, claim: Claim, rendered: Rendered) -> int | None:
    if claim.message_id is not None:
        await bot.edit_message_reply_markup(claim.row.chat_id, claim.message_id, reply_markup=rendered.markup)
    return claim.message_id


async def _send_message(bot: Bot, claim: Claim, rendered: Rendered) -> int:
    row = claim.row
    attachment = await send_attachment(bot, row, rendered)
    if attachment is not None:
        return attachment.message_id
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
    is_text = rendered.contact is None and rendered.photo is None and rendered.document is None
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
    sent = await bot.send_message(
        row.chat_id,
        rendered.text,
        disable_notification=rendered.silent or None,
        parse_mode=ParseMode.HTML,
        reply_markup=rendered.markup,
        protect_content=rendered.protect or None,
        link_preview_options=NO_PREVIEW,
    )
    return sent.message_id
