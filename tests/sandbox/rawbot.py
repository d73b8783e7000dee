"""A minimal bot on plain HTTP for tests of the sandbox and its page: a question, an edit, a call screen."""

import asyncio
import contextlib

import aiohttp

from tests.polling import until

QUESTION = "Time for your check-in. 4 taps.\n\nSince your last check-in, is anything <b>new or worse</b>?"
CALL = (
    '<b>Call 112 now.</b>\nTell them: <i>"I am on immunotherapy for cancer."</i> Then call your team: <b>+49 30 901820</b> (24 hours).\n'
    "Do not drive yourself. Do not wait for an answer here."
)
ROUTINE = "Thank you. Nothing here needs a call today.\n\n<blockquote>Test bath water with your elbow before you step in.</blockquote>"
MENU = {
    "keyboard": [
        [{"text": "I feel worse now", "style": "danger"}, {"text": "Tips"}],
        [{"text": "My team"}, {"text": "Menu"}],
    ],
    "is_persistent": True,
    "resize_keyboard": True,
}


def buttons(*labels_and_data, style=None):
    rows = [
        [{"text": text, "callback_data": data, **({"style": style} if style else {})}] for text, data in labels_and_data
    ]
    return {"inline_keyboard": rows}


class RawBot:
    """Polls the sandbox and answers like a minimal check-in."""

    def __init__(self, api_url: str, token: str) -> None:
        self._base = f"{api_url}/bot{token}/"
        self._task: asyncio.Task | None = None
        self.session: aiohttp.ClientSession | None = None

    async def __aenter__(self):
        self.session = aiohttp.ClientSession()
        self._task = asyncio.create_task(self._poll())
        return self

    async def __aexit__(self, *_exc):
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self.session.close()

    async def call(self, method, **params):
        async def answered():
            async with self.session.post(self._base + method, json=params) as answer:
                return await answer.json() if answer.status != 429 else None

        return await until(answered)

    async def _poll(self):
        offset = 0

        async def asked():
            with contextlib.suppress(aiohttp.ClientError):
                return await self.call("getUpdates", offset=offset, timeout=20)

        while True:
            answer = await until(asked)
            for update in answer["result"]:
                offset = update["update_id"] + 1
                await self._handle(update)

    async def _handle(self, update):
        if "callback_query" in update:
            await self._on_tap(update["callback_query"])
        elif "text" in update.get("message", {}):
            await self._on_text(update["message"]["chat"]["id"], update["message"]["text"])

    async def _on_text(self, chat, text):
        if text.startswith("/start"):
            await self.call(
                "sendMessage",
                chat_id=chat,
                text="Hello. I ask short questions about your nerves and muscles.",
                reply_markup=MENU,
            )
        question = buttons(("No, nothing new", "no"), ("Yes, something", "yes"), ("Not sure", "unsure"))
        question["inline_keyboard"].append(
            [{"text": t, "callback_data": d} for t, d in (("Back", "b"), ("Skip", "s"), ("Need help now", "h"))]
        )
        await self.call("sendMessage", chat_id=chat, text=QUESTION, parse_mode="HTML", reply_markup=question)

    async def _on_tap(self, query):
        chat, message_id = query["message"]["chat"]["id"], query["message"]["message_id"]
        await self.call(
            "answerCallbackQuery", callback_query_id=query["id"], text="Saved" if query["data"] == "no" else ""
        )
        if query["data"] == "no":
            good = buttons(("Helpful", "helpful"), style="success")
            await self.call(
                "editMessageText",
                chat_id=chat,
                message_id=message_id,
                text=ROUTINE,
                parse_mode="HTML",
                reply_markup=good,
            )
        if query["data"] in {"yes", "h"}:
            urgent = buttons(("I have called", "called"), style="success")
            urgent["inline_keyboard"].insert(0, [{"text": "Copy number", "copy_text": {"text": "+49 30 901820"}}])
            urgent["inline_keyboard"].append([{"text": "I can't call", "callback_data": "cant", "style": "danger"}])
            await self.call("editMessageText", chat_id=chat, message_id=message_id, text="Saved.")
            await self.call("sendMessage", chat_id=chat, text=CALL, parse_mode="HTML", reply_markup=urgent)
            await self.call("sendContact", chat_id=chat, phone_number="+49 30 901820", first_name="Your care team")
