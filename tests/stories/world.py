"""The world of a story: the real wiring on SQLite, the sandbox as Telegram over HTTP, and a clock that the story moves.

Every message the bot sends must be taken note of by the story (`hear`); one left over fails it at the end.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.app import patient_views, patients
from bot.app.ports import Clinic
from bot.app.store import Patient
from bot.chat.poll import raw_updates
from bot.clock import FrozenClock
from bot.sandbox.chats import Person
from bot.sandbox.server import SandboxServer
from bot.service import Service

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""A Monday, 09:00 in Berlin."""

Message = dict[str, Any]


def plain(message: Message) -> str:
    """Text of a message, or what it is instead."""
    if "contact" in message:
        return f"[contact {message['contact']['phone_number']}]"
    return message.get("text") or message.get("caption") or ""


def labels(message: Message) -> list[str]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["text"] for row in rows for button in row]


@dataclass
class Heard:
    """What a person has taken note of: per message the text and buttons as last seen."""

    seen: dict[int, str] = field(default_factory=dict)


class World:
    """Everything there is in a story."""

    def __init__(self, service: Service, server: SandboxServer, clock: FrozenClock) -> None:
        self.service = service
        self.server = server
        self.sandbox = server.sandbox
        self.clock = clock
        self._offset: int | None = None
        self._heard: dict[int, Heard] = {}
        self.last_toast: str | None = None

    @property
    def clinic(self) -> Clinic:
        return self.service.clinic

    # -- time

    async def advance(self, **by: float) -> None:
        """Let time pass: `advance(minutes=15)`. Stops at each thing that falls due on the way, as real time would."""
        target = self.clock.now() + timedelta(**by)
        while True:
            at = await self.service.database.read(lambda store: store.next_event_at())
            if at is None or at > target:
                break
            self.clock.advance(max(at - self.clock.now(), timedelta(seconds=1)))
            await self.pump()
        self.clock.advance(max(target - self.clock.now(), timedelta(0)))
        await self.pump()

    async def until_due(self, person: Person) -> None:
        """Let time pass until the person's next check-in falls due."""
        due = (await self.view(person)).next_due_at
        assert due is not None
        await self.advance(seconds=(due - self.clock.now()).total_seconds())

    async def pump(self) -> None:
        """Take in all updates, work off all that is due, send all that waits."""
        while True:
            await self.service.settle()
            raws = await raw_updates(self.service.bots.sending, offset=self._offset, timeout=0)
            for raw in raws:
                await self.service.dispatcher.handle(raw)
                self._offset = raw["update_id"] + 1
            await self.service.settle()
            if not raws and not await self._waiting():
                await self.service.dispatcher.finish(5)
                return
            self.clock.advance(timedelta(seconds=1))

    async def _waiting(self) -> bool:
        """Whether something is due now that only the limits of sending hold back."""
        due = await self.service.database.read(lambda store: store.next_event_at())
        return due is not None and due <= self.clock.now()

    # -- people

    async def add(
        self, code: str, *, ici_start: date | None = None, name: str = "", phone: str = "en", **more: Any
    ) -> Person:
        """A patient added by the coordinator, with a phone of their own."""
        started = ici_start or (self.clock.now() - timedelta(days=8)).date()

        def work(store: Any) -> tuple[Patient, str]:
            return patients.add(store, self.clinic, code=code, ici_start=started, at=self.clock.now(), **more)

        _, token = await self.service.database.transact(work)
        return self.sandbox.person(name or code, language_code=phone, code=code, start=token, link=f"start={token}")

    async def enrolled(self, code: str, *, baseline: str = "none", **more: Any) -> Person:
        """A patient who went through enrolment in English and whose baseline says `baseline` numbness of long ago."""
        person = await self.add(code, **more)
        self.sandbox.open_invite(person)
        await self.pump()
        for label in ("Continue", "Continue", "Continue", "I agree"):
            await self.tap(person, label)
        if "Which language" in plain(self.last(person)):
            await self.tap(person, "English")
        await self.tap(person, re.compile("Berlin"))
        await self.tap(person, re.compile("^Morning"))
        await self.answer(person, "None of these", "None of these", *["No trouble"] * 5, "No")
        if baseline == "none":
            await self.answer(person, "None")
        else:
            await self.answer(person, baseline, re.compile("my team knows"), re.compile("Not at all"), "No", "No")
        await self.answer(person, re.compile("None of these"))
        self.hear_all(person)
        return person

    async def answer(self, person: Person, *choices: str | re.Pattern[str]) -> None:
        for choice in choices:
            await self.tap(person, choice)

    async def say(self, person: Person, text: str) -> None:
        self.sandbox.say(person, text)
        await self.pump()

    async def tap(self, person: Person, label: str | re.Pattern[str]) -> None:
        """Tap a button by its words, on the newest message that has it."""
        for message in reversed(self.sandbox.messages(person)):
            for text in labels(message):
                if text == label if isinstance(label, str) else label.search(text):
                    self.sandbox.tap(person, message["message_id"], label=text)
                    await self.pump()
                    return
        shown = [labels(m) for m in self.sandbox.messages(person)][-3:]
        raise AssertionError(f"no button {label!r}; the last messages show {shown}")

    async def tap_old(self, person: Person, message_id: int, data: str) -> None:
        """Tap a button that is no longer on the message."""
        self.sandbox.tap(person, message_id, data, force=True)
        await self.pump()

    # -- what they see

    def bot_messages(self, person: Person) -> list[Message]:
        return [m for m in self.sandbox.messages(person) if m.get("from", {}).get("is_bot")]

    def last(self, person: Person) -> Message:
        return self.bot_messages(person)[-1]

    def news(self, person: Person) -> list[Message]:
        """Messages that are new or changed since they were last heard."""
        heard = self._heard.setdefault(person.id, Heard()).seen
        return [m for m in self.bot_messages(person) if heard.get(m["message_id"]) != _state(m)]

    def hear(self, person: Person, *words: str) -> Message:
        """Take note of the first message not heard yet, which must contain these words; return it."""
        news = self.news(person)
        assert news, f"{person.name} should have heard {words!r}, but there was nothing new"
        message = news[0]
        text = plain(message)
        for word in words:
            assert word in text, f"{person.name} should have heard {word!r}, but it was: {text!r}"
        self._heard[person.id].seen[message["message_id"]] = _state(message)
        return message

    def hear_all(self, person: Person) -> list[Message]:
        """Take note of all there is."""
        news = self.news(person)
        for message in news:
            self._heard[person.id].seen[message["message_id"]] = _state(message)
        return news

    def nothing_more(self) -> None:
        """Fail if anyone was sent something the story doesn't know of."""
        for person in self.sandbox.people.values():
            left = [plain(m) for m in self.news(person)]
            assert not left, f"{person.name} was sent what the story did not expect: {left}"

    # -- what is stored

    async def view(self, person: Person) -> patient_views.PatientView:
        at = self.clock.now()
        return await self.service.database.read(lambda store: patient_views.view(store, self.clinic, person.code, at))


def _state(message: Message) -> str:
    return plain(message) + "|" + "|".join(labels(message))


def here() -> Path:
    return Path(__file__).parent
