"""Best-effort calls to Telegram after the commit: answering a button press, saying good-bye to a group.

Nothing waits for them, and all of them may fail: the patient's screens are delivered by the outbox. The answer to a
button that came by webhook is no call of its own: it goes in the response.
"""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

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


_in_response: ContextVar[dict[str, Any] | None] = ContextVar("_in_response", default=None)
"""The call that the response to the webhook will make, of the update that this task and its children process."""


@contextmanager
def answered_in_response() -> Iterator[dict[str, Any]]:
    """Yield the call that the response should make (its `method` and parameters); it stays empty if there is none."""
    call: dict[str, Any] = {}
    token = _in_response.set(call)
    try:
        yield call
    finally:
        _in_response.reset(token)


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
        toast: dict[str, Any] = {}
        if outcome is not None and outcome.toast is not None:
            toast["text"] = toast_text(self._renderer, outcome.toast, outcome.language)
            toast |= {"show_alert": True} if outcome.urgent else {}
        if (response := _in_response.get()) is not None:
            response |= {"method": "answerCallbackQuery", "callback_query_id": callback_id, **toast}
            return
        self._start("answerCallbackQuery", self._bot.answer_callback_query(callback_id, **toast))

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
