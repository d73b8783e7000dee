"""The command list that Telegram shows next to the text field, in each language. Handles no commands itself."""

from collections.abc import Sequence

import structlog
from telegram import Bot, BotCommand, BotCommandScopeAllPrivateChats
from telegram.error import TelegramError

from bot.chat.metrics import CALL_ERRORS
from bot.chat.screens import TextRenderer
from bot.core.screen import Text
from bot.dialog.conversation import Command

log = structlog.get_logger(__name__)

SHOWN: tuple[Command, ...] = (
    "menu",
    "answers",
    "learn",
    "language",
    "settings",
    "help",
    "privacy",
    "export",
    "stop",
    "delete",
)
"""The commands in display order; the text `command.<name>` describes each."""


async def publish_commands(bot: Bot, renderer: TextRenderer, languages: Sequence[str]) -> int:
    """Set the list for private chats: the first language as the default, and each language for its speakers.

    Best effort: return the number of failed calls, which are logged and counted.
    """
    failed = 0
    for shown_in, language in ((None, languages[0]), *((code, code) for code in languages)):
        try:
            await bot.set_my_commands(
                [BotCommand(name, renderer.plain(Text(key=f"command.{name}"), language)) for name in SHOWN],
                scope=BotCommandScopeAllPrivateChats(),
                language_code=shown_in.split("-")[0] if shown_in else None,
            )
        except TelegramError as error:
            failed += 1
            CALL_ERRORS.labels("setMyCommands").inc()
            log.warning(
                "the command list was not set", action="commands_failed", language=language, error=type(error).__name__
            )
    return failed
