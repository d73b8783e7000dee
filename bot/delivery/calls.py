"""Makes one rendered message one call of the Bot API: send, edit, contact card. It decides nothing about failures."""

import html
import re

from telegram import Bot, InlineKeyboardMarkup, InputFile, LinkPreviewOptions
from telegram.constants import ParseMode

from bot.app.ports import Rendered
from bot.app.store import Claim, Outbox

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_TAG = re.compile(r"</?[a-z][^<>]*>")


async def send(bot: Bot, claim: Claim, rendered: Rendered) -> int:
    """Send or edit as the row says; return the message's id. Raise TelegramError."""
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
    """Whether the slot's message can take this screen: Telegram edits no reply keyboard and no contact card."""
    plain_or_inline = rendered.markup is None or isinstance(rendered.markup, InlineKeyboardMarkup)
    words_alone = rendered.contact is None and rendered.photo is None
    return claim.row.mode == "edit" and claim.message_id is not None and words_alone and plain_or_inline


async def send_plain(bot: Bot, claim: Claim, rendered: Rendered) -> int:
    """Send the words alone, as a new message: no markup, no buttons, nothing that Telegram could refuse."""
    sent = await bot.send_message(
        claim.row.chat_id,
        plain_words(rendered),
        protect_content=rendered.protect or None,
        link_preview_options=NO_PREVIEW,
    )
    return sent.message_id


def plain_words(rendered: Rendered) -> str:
    """Return what the message says, without markup; of a contact card its name and number."""
    if rendered.contact is not None:
        return f"{rendered.contact.name}: {rendered.contact.number}"
    return html.unescape(_TAG.sub("", rendered.text))


async def _send_text(bot: Bot, row: Outbox, rendered: Rendered) -> int:
    # Never silent: Telegram's default rings, and only `disable_notification` would take that away.
    sent = await bot.send_message(
        row.chat_id,
        rendered.text,
        parse_mode=ParseMode.HTML,
        reply_markup=rendered.markup,
        protect_content=rendered.protect or None,
        link_preview_options=NO_PREVIEW,
    )
    return sent.message_id
