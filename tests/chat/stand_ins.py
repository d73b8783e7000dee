"""Fakes that keep state: a Bot API behind the real `telegram.Bot`, the use cases, a database that can fail."""

import asyncio
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, time
from types import SimpleNamespace
from typing import Any, cast

from telegram import Bot
from telegram.request import BaseRequest, RequestData

from bot.app.ports.clinic import Clinic
from bot.app.records.messages import Outbox
from bot.app.records.operations import DeadUpdate
from bot.app.records.patients import Patient, TreatmentPeriod
from bot.app.work import Stores, Work
from bot.chat.background_calls import BackgroundCalls
from bot.chat.handlers import Handlers
from bot.chat.reply_keyboard import keyboard_commands
from bot.chat.screens import TextRenderer
from bot.chat.updates import Dispatcher
from bot.clock import FrozenClock
from bot.content.typed import TypedWords
from bot.core.screen import Text
from bot.dialog.replies import TapResult
from tests.polling import until  # noqa: F401 - the tests here import it from here

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEY = b"k" * 32
TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
CATALOG = {
    "keyboard.worse": {"en": "I feel worse now", "es": "Me siento peor"},
    "keyboard.tips": {"en": "Tips", "es": "Consejos"},
    "keyboard.team": {"en": "My team", "es": "Mi equipo"},
    "keyboard.menu": {"en": "Menu", "es": "Menú"},
    "group.goodbye": {"en": "I leave <b>now</b>.", "es": "Me voy."},
    "done.tip": {"en": "<b>Tip:</b> {tip}", "es": "<b>Consejo:</b> {tip}"},
    "tip.bath": {"en": "Test the water, <i>{who}</i> &lt; you", "es": "Prueba"},
    "raw": {"en": "{text}", "es": "{text}"},
    "toast.noted": {"en": "Noted &amp; kept.", "es": "Anotado."},
}


class Catalog:
    """Texts in two languages; an unknown key is its own text."""

    def get(self, language: str, key: str, values: Any, *, escape: Callable[[str], str]) -> str:
        escaped = {name: escape(value) if isinstance(value, str) else value for name, value in values.items()}
        return CATALOG.get(key, {}).get(language, key).format(**escaped)


WORDS = TextRenderer(Catalog())


class BotApi(BaseRequest):
    """The part of Telegram that the chat needs: a queue of updates confirmed by offset. Records every call."""

    read_timeout = 5.0

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.queue: list[Any] = []
        self.offsets: list[int | None] = []
        self.confirmed: int = 0
        self.arrived = asyncio.Event()

    async def initialize(self) -> None: ...
    async def shutdown(self) -> None: ...

    def put(self, *updates: Any) -> None:
        self.queue += updates
        self.arrived.set()

    def fail(self, method: str, code: int, description: str = "no", **parameters: Any) -> None:
        """Make the next call of that method return an error."""
        body = {"ok": False, "error_code": code, "description": description}
        self.answers.setdefault(method, []).append((code, body | ({"parameters": parameters} if parameters else {})))

    def sent(self, method: str) -> list[dict[str, Any]]:
        return [asked for name, asked in self.calls if name == method]

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, **_: Any
    ) -> tuple[int, bytes]:
        name = url.rsplit("/", 1)[-1]
        asked = request_data.parameters if request_data is not None else {}
        self.calls.append((name, asked))
        if self.answers.get(name):
            code, body = self.answers[name].pop(0)
            return code, json.dumps(body).encode()
        result = await self._updates(asked) if name == "getUpdates" else True
        return 200, json.dumps({"ok": True, "result": _message() if name == "sendMessage" else result}).encode()

    async def _updates(self, asked: dict[str, Any]) -> list[Any]:
        self.offsets.append(asked.get("offset"))
        if (offset := asked.get("offset")) is not None:
            kept = [u for u in self.queue if not isinstance(u.get("update_id"), int) or u["update_id"] >= offset]
            self.confirmed += len(self.queue) - len(kept)
            self.queue = kept
        if not self.queue and asked["timeout"]:
            self.arrived.clear()
            await self.arrived.wait()
        return self.queue[: asked["limit"]]


def _message() -> dict[str, Any]:
    return {"message_id": 1, "date": 0, "chat": {"id": 1, "type": "private"}}


@dataclass
class Rows:
    """The rows that a transaction may change."""

    seen: set[int] = field(default_factory=set)
    dead: list[DeadUpdate] = field(default_factory=list)
    outbox: list[Outbox] = field(default_factory=list)
    log: list[tuple[Any, ...]] = field(default_factory=list)


class TinyStore:
    """The part of the ports that the chat calls, in one object; the fake use cases write to `rows.log`."""

    def __init__(self, rows: Rows, patients: dict[int, Patient]) -> None:
        self.rows = rows
        self.patients = patients

    def mark_processed(self, update_id: int, at: datetime) -> bool:
        if update_id in self.rows.seen:
            return False
        self.rows.seen.add(update_id)
        return True

    def add_update(self, row: DeadUpdate) -> DeadUpdate:
        self.rows.dead.append(row)
        return row

    def by_chat(self, chat_id: int, *, lock: bool = False) -> Patient | None:
        return self.patients.get(chat_id)

    def by_second_chat(self, chat_id: int) -> Patient | None:
        """Return None: nobody moves to a new phone."""
        return None

    def drop_unsent(self, chat_id: int, slot: str) -> None:
        """Do nothing: this store has no unsent messages."""

    def enqueue(self, row: Outbox) -> int:
        self.rows.outbox.append(row)
        return len(self.rows.outbox)


class Nobody:
    """Caregivers, or staff: none of the chats is theirs."""

    def by_chat(self, chat_id: int) -> None:
        return None


def tiny_stores(rows: Rows, patients: dict[int, Patient]) -> Stores:
    """Return stores in which only the ports that the chat calls do anything."""
    tiny = TinyStore(rows, patients)
    ports: dict[str, Any] = dict.fromkeys((port.name for port in fields(Stores)), None)
    ports |= dict.fromkeys(("updates", "dead_letters", "patients", "outbox"), tiny)
    return Stores(**ports | dict.fromkeys(("caregivers", "staff"), Nobody()))


class TinyDatabase:
    """Transactions that roll back. While `down`, all fail; `lose_commit` is the number of commits that fail."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.patients: dict[int, Patient] = {}
        self.down = False
        self.lose_commit = 0
        self.tries = 0

    async def transact(self, fn: Callable[[Stores], Any]) -> Any:
        self.tries += 1
        await asyncio.sleep(0)
        if self.down:
            raise ConnectionError("no database, and here stands a secret")
        rows = copy.deepcopy(self.rows)
        result = fn(tiny_stores(rows, self.patients))
        if self.lose_commit:
            self.lose_commit -= 1
            raise ConnectionError("the commit failed")
        self.rows = rows
        return result


class ConversationFake:
    """Records each call in the transaction; `fails[name]` is how often that method raises first."""

    def __init__(self) -> None:
        self.fails: dict[str, int] = {}
        self.outcome = TapResult()

    def _came(self, work: Work, name: str, *what: Any) -> TapResult:
        cast("TinyStore", work.updates).rows.log.append((name, *what))
        if self.fails.get(name):
            self.fails[name] -= 1
            raise KeyError("what the patient said")
        return self.outcome

    def start(self, work, chat_id, payload, language_hint) -> TapResult:
        return self._came(work, "start", chat_id, payload, language_hint)

    def tap(self, work, chat_id, action, language_hint) -> TapResult:
        return self._came(work, "tap", chat_id, action, language_hint)

    def stale_tap(self, work, chat_id) -> TapResult:
        return self._came(work, "stale_tap", chat_id)

    def command(self, work, chat_id, name) -> TapResult:
        return self._came(work, "command", chat_id, name)

    def message(self, work, chat_id, meaning) -> TapResult:
        return self._came(work, "said", chat_id, *(() if meaning.kind == "unknown" else (meaning,)))

    def membership(self, work, chat_id, *, reachable) -> TapResult:
        return self._came(work, "membership", chat_id, reachable)


class House:
    """The whole chat, built as the wiring builds it, with fakes."""

    def __init__(self) -> None:
        self.api = BotApi()
        self.bot = Bot(TOKEN, request=self.api, get_updates_request=self.api)
        self.database = TinyDatabase()
        self.conversation = ConversationFake()
        self.clock = FrozenClock(AT)
        self.nudges = 0
        self.waits: list[float] = []
        self.handlers = Handlers(
            self.conversation,
            clinic(),
            KEY,
            keyboard_commands((WORDS.plain,), ("en", "es")),
            TypedWords.load(("en", "es")),
            bot_name=lambda: "NerveBot",
        )
        self.dispatcher = self.make_dispatcher()

    def make_dispatcher(self) -> Dispatcher:
        return Dispatcher(
            bot=self.bot,
            database=self.database,
            handlers=self.handlers,
            background=BackgroundCalls(self.bot, WORDS, ("en", "es")),
            clock=self.clock,
            nudge=self._nudge,
            sleep=self._sleep,
        )

    @property
    def log(self) -> list[tuple[Any, ...]]:
        """The committed calls of the use cases."""
        return self.database.rows.log

    def hold(self, update_id: int) -> asyncio.Event:
        """Block that update's transaction until the returned event is set."""
        gate, transact = asyncio.Event(), self.database.transact

        async def held(fn: Any) -> Any:
            if getattr(fn, "_update_id", None) == update_id:
                await gate.wait()
            return await transact(fn)

        self.database.transact = held  # type: ignore[method-assign]
        return gate

    def _nudge(self) -> None:
        self.nudges += 1

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)

    async def handle(self, *raws: Any) -> None:
        for raw in raws:
            await self.dispatcher.handle(raw)
        await self.dispatcher.finish(1)


def clinic() -> Clinic:
    facts = {
        "team_name": "The team",
        "team_number": "+4930901820",
        "emergency_number": "112",
        "crisis_number": None,
        "languages": ("en", "es"),
    }
    return cast("Clinic", SimpleNamespace(**facts))


def patient(chat_id: int) -> Patient:
    return Patient(
        id=1,
        code="P-1",
        chat_id=chat_id,
        language="es",
        send_time=time(10),
        quiet_from=time(22),
        quiet_to=time(7),
        periods=(TreatmentPeriod(start=date(2026, 1, 1), recorded_at=AT, recorded_by="operator"),),
        plan="usual",
        created_at=AT,
    )


def person(chat_id: int, language: str | None = "es-MX") -> dict[str, Any]:
    known = {"id": chat_id, "is_bot": False, "first_name": "Ann"}
    return known | ({"language_code": language} if language else {})


def chat(chat_id: int, kind: str = "private") -> dict[str, Any]:
    return {"id": chat_id, "type": kind}


def message(update_id: int, chat_id: int, text: str | None = "hello", **more: Any) -> dict[str, Any]:
    body = {"message_id": 5, "date": 1, "chat": chat(chat_id), "from": person(chat_id)}
    return {"update_id": update_id, "message": body | ({"text": text} if text is not None else {}) | more}


def tap(update_id: int, chat_id: int, data: str | None, **more: Any) -> dict[str, Any]:
    on = {"message_id": 5, "date": 1, "chat": chat(chat_id), "text": "A question"}
    query = {"id": f"q{update_id}", "from": person(chat_id), "message": on, "chat_instance": "c", "data": data} | more
    return {"update_id": update_id, "callback_query": {k: v for k, v in query.items() if v is not None}}


def moved(update_id: int, chat_id: int, status: str, kind: str = "private") -> dict[str, Any]:
    def member(as_: str) -> dict[str, Any]:
        return {"user": {"id": 1, "is_bot": True, "first_name": "Bot"}, "status": as_, "until_date": 0}

    body = {"chat": chat(chat_id, kind), "from": person(abs(chat_id)), "date": 1}
    body |= {"old_chat_member": member("left"), "new_chat_member": member(status)}
    return {"update_id": update_id, "my_chat_member": body}


def broken(update_id: int, chat_id: int | None = None) -> dict[str, Any]:
    """Return a message without a date, which PTB can't parse."""
    return {"update_id": update_id, "message": {"message_id": "x"} | ({"chat": chat(chat_id)} if chat_id else {})}


NOTED = Text(key="toast.noted")
