"""Sends a number that a tap calls, as a rich message (Bot API 10.1). Where a server has none, or refuses it: nothing.

A rich message is never the call screen itself: phones whose Telegram can't show it show "not supported" or nothing,
with no plain text in its place, and a bot does not learn of it (deploy/decisions.md).
"""

import html
import time

import structlog
from telegram import Bot
from telegram.error import EndPointNotFound, InvalidToken, TelegramError

from bot.delivery import metrics
from bot.dialog.rendered import ContactCard

log = structlog.get_logger(__name__)

RETRY_SECONDS = 3600.0
"""How long a server that does not know the method is not asked again: it may be upgraded meanwhile."""
_not_offered_until = 0.0


async def send_number(bot: Bot, chat_id: int, card: ContactCard) -> int | None:
    """Send the number without a sound and return the message's id; None if the server sends no such message."""
    global _not_offered_until  # noqa: PLW0603 - one process talks to one server
    if time.monotonic() < _not_offered_until:
        return None
    message = {"html": f"<p>{_linked(card)}</p>", "skip_entity_detection": True}
    request = {"chat_id": chat_id, "rich_message": message, "disable_notification": True}
    try:
        sent = await bot.do_api_request("sendRichMessage", api_kwargs=request)
    except (EndPointNotFound, InvalidToken):
        _not_offered_until = time.monotonic() + RETRY_SECONDS
        log.info("the Bot API server has no rich messages", action="rich_messages_not_offered")
        return None
    except TelegramError as error:
        metrics.COMPANION_ERRORS.labels("number").inc()
        log.info("a tappable number was not sent", action="number_failed", error=type(error).__name__)
        return None
    return sent.get("message_id") if isinstance(sent, dict) else None


def _linked(card: ContactCard) -> str:
    """Return name and number as one link; a name that has the number in it ("Emergency: 112") is enough."""
    words = card.name if card.number in card.name else f"{card.name}: {card.number}"
    return f'<a href="tel:{html.escape(card.number)}">{html.escape(words)}</a>'
