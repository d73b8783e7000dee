"""Sends messages that are more than text: a contact card, a picture, a file. It doesn't classify failures."""

from telegram import Bot, InputFile, Message
from telegram.constants import ParseMode

from bot.app.records.messages import Outbox
from bot.dialog.rendered import Rendered


async def send_attachment(bot: Bot, row: Outbox, rendered: Rendered) -> Message | None:
    """Send the card, picture or file with its caption, and return the message; None if the message is text alone."""
    protect = rendered.protect or None
    if rendered.contact is not None:
        return await bot.send_contact(
            row.chat_id,
            phone_number=rendered.contact.number,
            first_name=rendered.contact.name,
            reply_markup=rendered.markup,
            protect_content=protect,
        )
    if rendered.photo is not None:
        return await bot.send_photo(
            row.chat_id,
            InputFile(rendered.photo, filename="answers.png"),
            caption=rendered.text,
            # A sentence first, then the picture.
            show_caption_above_media=True,
            parse_mode=ParseMode.HTML,
            reply_markup=rendered.markup,
            protect_content=protect,
        )
    if rendered.document is not None:
        return await bot.send_document(
            row.chat_id,
            InputFile(rendered.document.content, filename=rendered.document.name),
            caption=rendered.text,
            parse_mode=ParseMode.HTML,
            reply_markup=rendered.markup,
            protect_content=protect,
        )
    return None
