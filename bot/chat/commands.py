"""The list of commands that Telegram shows beside the text field, in each language. Answers no command itself."""

from collections.abc import Sequence

import structlog
from telegram import Bot, BotCommand, BotCommandScopeAllPrivateChats
from telegram.error import TelegramError

from bot.app.conversation import Command
from bot.chat.metrics import CALL_ERRORS
from bot.chat.screens import Words
from bot.core.screen import Text

log = structlog.get_logger(__name__)

SHOWN: tuple[Command, ...] = ("menu", "answers", "learn", "language", "settings", "help", "privacy", "stop")
"""In this order; each is described by `command.<name>`."""


async def publish_commands(bot: Bot, words: Words, languages: Sequence[str]) -> int:
    """Set the list for private chats, in the first language for everyone and in each for its speakers.

    Best effort: return how many of the calls failed; they are logged and counted.
    """
    failed = 0
    for shown_in, language in ((None, languages[0]), *((code, code) for code in languages)):
        try:
            await bot.set_my_commands(
                [BotCommand(name, words.plain(Text(key=f"command.{name}"), language)) for name in SHOWN],
                scope=BotCommandScopeAllPrivateChats(),
                language_code=shown_in.split("-")[0] if shown_in else None,
            )
        except TelegramError as error:
            failed += 1
            CALL_ERRORS.labels("setMyCommands").inc()
            log.warning(
                "the commands were not set", action="commands_failed", language=language, error=type(error).__name__
            )
    return failed
