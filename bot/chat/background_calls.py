"""Best-effort calls to Telegram after the commit: answering a button press, saying good-bye to a group.

Nothing waits for them, and all of them may fail: the patient's screens are delivered by the outbox.
"""

import asyncio
from collections.abc import Awaitable, Sequence

import structlog
from telegram import Bot
from telegram.constants import ParseMode
from telegram.error import TelegramError

from bot.chat.handlers import Leave
from bot.chat.metrics import CALL_ERRORS
from bot.chat.screens import TextRenderer, toast_text
from bot.core.screen import Text
from bot.dialog.replies import TapResult

log = structlog.get_logger(__name__)


class BackgroundCalls:
    """Makes calls in the background. `languages` are the clinic's; the first is the default."""

    def __init__(self, bot: Bot, renderer: TextRenderer, languages: Sequence[str]) -> None:
        self._bot = bot
        self._renderer = renderer
        self._languages = languages
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving: set[int] = set()

    def answer(self, callback_id: str, outcome: TapResult | None) -> None:
        """Stop the tapped button's spinner, with the outcome's toast if there is one."""
        if outcome is None or outcome.toast is None:
            self._start("answerCallbackQuery", self._bot.answer_callback_query(callback_id))
            return
        toast = toast_text(self._renderer, outcome.toast, outcome.language)
        self._start(
            "answerCallbackQuery",
            self._bot.answer_callback_query(callback_id, text=toast, show_alert=outcome.urgent or None),
        )

    def leave(self, leave: Leave) -> None:
        """Say good-bye to a group or channel, once, and leave it."""
        if leave.chat_id not in self._leaving:
            self._leaving.add(leave.chat_id)
            self._start("leaveChat", self._say_and_leave(leave))

    async def finish(self, seconds: float) -> None:
        """Wait up to that long for the calls in progress, then cancel them."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            for task in late:
                task.cancel()

    async def _say_and_leave(self, leave: Leave) -> None:
        hinted = (leave.language_hint or "").split("-")[0]
        language = hinted if hinted in self._languages else self._languages[0]
        text = self._renderer.html(Text(key="group.goodbye"), language)
        try:
            await _tried("sendMessage", self._bot.send_message(leave.chat_id, text, parse_mode=ParseMode.HTML))
            await self._bot.leave_chat(leave.chat_id)
        finally:
            self._leaving.discard(leave.chat_id)

    def _start(self, call: str, coroutine: Awaitable[object]) -> None:
        task = asyncio.create_task(_tried(call, coroutine))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _tried(call: str, coroutine: Awaitable[object]) -> None:
    try:
        await coroutine
    except TelegramError as error:
        # Log the class alone: a network error's message may contain the address, and with it the token.
        CALL_ERRORS.labels(call).inc()
        log.info("a call to Telegram failed", action="call_failed", call=call, error=type(error).__name__)
