"""Fakes that keep state: a Bot API behind the real `telegram.Bot`, and a sender on the in-memory store."""

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.request import BaseRequest, RequestData

from bot.app.records.messages import Lane, Outbox, OutboxState
from bot.app.work import Stores
from bot.clock import Clock, FrozenClock
from bot.core.screen import Contact, Screen, Text, Trend
from bot.delivery.outbox import Sender
from bot.delivery.transport import rate_limit_error
from bot.dialog.rendered import ContactCard, Rendered
from tests.fakes.databases import MemoryDatabase, Queued
from tests.polling import until  # noqa: F401 - the tests here import it from here

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
CHAT = 4711
CONTACT = Contact(number="+4930901820", name="Your team")
CARD = ContactCard("+4930901820", "Your team")
BUTTONS = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="y")]])


@dataclass(frozen=True)
class Call:
    method: str
    asked: dict[str, Any]
    at: datetime

    @property
    def chat(self) -> int:
        return self.asked["chat_id"]

    @property
    def text(self) -> str:
        return self.asked["text"]


class BotApi(BaseRequest):
    """Records every call and answers as configured. While `gate` is not set, it holds back the answers."""

    read_timeout = 5.0

    def __init__(self, clock: Clock) -> None:
        self.calls: list[Call] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.held: set[int] = set()
        """Chats; none: all."""
        self.held_methods: set[str] = set()
        """Methods; none: all."""
        self._clock = clock
        self._answers: list[tuple[str, Any]] = []
        self._message_id = 100

    async def initialize(self) -> None: ...
    async def shutdown(self) -> None: ...

    def fail(self, method: str, code: int, description: str = "no", **parameters: Any) -> None:
        """Make the next call of that method return an error."""
        body = {"ok": False, "error_code": code, "description": description}
        self._answers.append((method, (code, body | ({"parameters": parameters} if parameters else {}))))

    def breaks(self, method: str, error: Exception) -> None:
        """Make the next call of that method raise this error, without an answer."""
        self._answers.append((method, error))

    def sent(self, *methods: str) -> list[Call]:
        return [call for call in self.calls if not methods or call.method in methods]

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, **_: Any
    ) -> tuple[int, bytes]:
        name = url.rsplit("/", 1)[-1]
        asked = request_data.parameters if request_data is not None else {}
        self.calls.append(Call(name, asked, self._clock.now()))
        is_held = not self.held_methods or name in self.held_methods
        if is_held and (not self.held or asked["chat_id"] in self.held):
            await self.gate.wait()
        code, body = self._answer(name, asked)
        payload = json.dumps(body).encode()
        if (error := rate_limit_error(code, payload)) is not None:
            raise error
        return code, payload

    def _answer(self, name: str, asked: dict[str, Any]) -> tuple[int, Any]:
        for answer in self._answers:
            if answer[0] == name:
                self._answers.remove(answer)
                if isinstance(answer[1], Exception):
                    raise answer[1]
                return answer[1]
        if not name.startswith("edit"):
            self._message_id += 1
        chat = {"id": asked["chat_id"], "type": "private"}
        message_id = asked.get("message_id", self._message_id)
        return 200, {"ok": True, "result": {"message_id": message_id, "date": 0, "chat": chat}}


class Database(MemoryDatabase):
    """Counts transactions; while `down` is set, every transaction fails."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.transactions = 0

    async def transact(self, fn: Callable[[Stores], Any]) -> Any:
        self.transactions += 1
        if self.down:
            raise ConnectionError("no database, and this is a secret")
        return await super().transact(fn)


PNG = b"a picture"
TREND = Trend(
    title=Text(key="t"),
    points=(),
    severities=(),
    numbness=Text(key="n"),
    interference=Text(key="i"),
    start=Text(key="s"),
    alert=Text(key="a"),
    alerts=(),
    week=Text(key="w"),
    ici_start=AT.date(),
)
DRAWN_IN: list[int] = []
"""The threads in which pictures were drawn."""


def _card(contact: Contact | None) -> ContactCard | None:
    return ContactCard(contact.number, str(contact.name)) if contact is not None else None


def render(screen: Screen, language: str, chat_id: int) -> Rendered:
    """Return a message with the screen's name as its text; "broken" raises, a trend gets a picture."""
    if screen.trend is not None:
        DRAWN_IN.append(threading.get_ident())
    if screen.name == "broken":
        raise ValueError("a patient's words")
    return Rendered(
        text=f"<b>{screen.name}</b> &amp; {language}",
        markup=None if screen.contact else BUTTONS,
        protect=screen.protect,
        contact=_card(screen.contact),
        ahead=_card(screen.ahead),
        photo=PNG if screen.trend is not None else None,
    )


class Post:
    """A sender and its environment. The clock is frozen until `later`."""

    def __init__(self) -> None:
        self.clock = FrozenClock(AT)
        self.api = BotApi(self.clock)
        self.bot = Bot(TOKEN, request=self.api, get_updates_request=self.api)
        self.database = Database()
        self.gone: list[tuple[int, datetime]] = []
        self.sender = self.make_sender()

    def make_sender(self, owner: str = "one", **more: Any) -> Sender:
        return Sender(
            self.database, self.bot, render, self.clock, self._on_permanent, owner=owner, jitter=lambda: 0.0, **more
        )

    def _on_permanent(self, stores: Stores, chat_id: int, at: datetime) -> None:
        stores.settings.set(f"gone:{chat_id}", at.isoformat())
        self.gone.append((chat_id, at))

    def later(self, **by: float) -> None:
        self.clock.advance(timedelta(**by))

    def put(self, name: str = "hello", *, chat: int = CHAT, lane: Lane = Lane.REPLY, **more: Any) -> int | None:
        """Queue one message and return its id; its slot defaults to its name."""
        now = self.clock.now()
        screen = Screen(
            name=name,
            lines=(Text(key=name),),
            protect=more.pop("protect", False),
            contact=CONTACT if name == "card" else None,
            ahead=CONTACT if name == "emergency" else None,
            trend=TREND if name == "trend" else None,
        )
        usual = {"slot": name, "mode": "new", "revision": 0, "language": "en", "created_at": now, "not_before": now}
        row = Outbox(patient_id=None, chat_id=chat, lane=lane, screen=screen, **(usual | more))
        return self.database.run(lambda stores: stores.outbox.enqueue(row))

    async def send(self) -> bool:
        return await self.sender.send_once()

    async def send_all(self) -> None:
        while await self.sender.send_once():
            pass

    @property
    def texts(self) -> list[str]:
        """The names of the messages that were sent to Telegram, in order."""
        return [call.asked.get("text", "card").split("</b>")[0].removeprefix("<b>") for call in self.api.calls]

    def row(self, number: int | None) -> Queued:
        return next(queued for queued in self.database.outbox() if queued.row.id == number)

    def state(self, number: int | None) -> OutboxState:
        return self.row(number).state
