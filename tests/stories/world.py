"""The world of a story: the real wiring on SQLite, the sandbox as Telegram over HTTP, and a clock that the story moves.

The story must account for every message that the bot sends (`hear`); an unaccounted one fails it at the end.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.app.patients import registry, views
from bot.app.ports.clinic import Clinic
from bot.app.records.patients import Patient
from bot.chat.poll import raw_updates
from bot.clock import FrozenClock
from bot.sandbox.chats import Person
from bot.sandbox.server import SandboxServer
from bot.service import Service
from tests.fakes.work import work_on

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""A Monday, 09:00 in Berlin."""

Message = dict[str, Any]


def plain(message: Message) -> str:
    """Return the text of a message, or its kind if it has none."""
    if "contact" in message:
        return f"[contact {message['contact']['phone_number']}]"
    if "rich_message" in message:
        return " ".join(f"[tap to call {number}]" for number in re.findall(r"'phone_number': '([^']+)'", str(message)))
    return message.get("text") or message.get("caption") or ""


def labels(message: Message) -> list[str]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["text"] for row in rows for button in row]


@dataclass
class Heard:
    """What a person has seen: the latest text and buttons of each message."""

    seen: dict[int, str] = field(default_factory=dict)


class World:
    """The environment of a story."""

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
        """Let time pass: `advance(minutes=15)`. Stop whenever something falls due on the way, as in real time."""
        target = self.clock.now() + timedelta(**by)
        while True:
            at = await self.service.database.read(lambda stores: stores.clock.next_event_at())
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

    async def _process_due(self) -> None:
        """Process and send everything that is due now."""
        found = True
        while found:
            found = await self.service.ticker.tick()
            while await self.service.sender.send_once():
                found = True

    async def pump(self) -> None:
        """Receive all updates, process everything that is due, send all waiting messages."""
        while True:
            raws = await raw_updates(self.service.bots.sending, offset=self._offset, timeout=0)
            for raw in raws:
                await self.service.dispatcher.handle(raw)
                self._offset = raw["update_id"] + 1
            await self._process_due()
            if not raws and not await self._waiting():
                await self.service.dispatcher.finish(5)
                return
            self.clock.advance(timedelta(seconds=1))

    async def _waiting(self) -> bool:
        """Return whether something is due now that only rate limits delay."""
        due = await self.service.database.read(lambda stores: stores.clock.next_event_at())
        return due is not None and due <= self.clock.now()

    # -- people

    async def add(
        self, code: str, *, ici_start: date | None = None, name: str = "", phone: str = "en", **more: Any
    ) -> Person:
        """Add a patient as a coordinator would, with their own phone; return the person."""
        started = ici_start or (self.clock.now() - timedelta(days=8)).date()

        def work(stores: Any) -> tuple[Patient, str]:
            return registry.add(
                work_on(stores, self.clinic, self.clock.now(), actor="operator"), code=code, ici_start=started, **more
            )

        _, token = await self.service.database.transact(work)
        return self.sandbox.person(name or code, language_code=phone, code=code, start=token, link=f"start={token}")

    async def enrolled(self, code: str, *, baseline: str = "none", **more: Any) -> Person:
        """Enrol a patient in English whose baseline reports `baseline` numbness of long ago; return the person."""
        person = await self.add(code, **more)
        self.sandbox.open_invite(person)
        await self.pump()
        for label in ("Continue", "Continue", "Continue", "I agree"):
            await self.tap(person, label)
        if "Which language" in plain(self.last(person)):
            await self.tap(person, "English")
        await self.tap(person, "Yes")
        await self.tap(person, re.compile("^Morning"))
        await self.answer(person, "None of these 8", "None of these 7", *["No trouble"] * 6, "No")
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
        """Tap the button with that label on the newest message that has it."""
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
        """Return the messages that are new or changed since the last `hear`; one that only lost buttons is not."""
        heard = self._heard.setdefault(person.id, Heard()).seen
        return [m for m in self.bot_messages(person) if _is_news(heard.get(m["message_id"]), _state(m))]

    def hear(self, person: Person, *words: str) -> Message:
        """Account for the first message not heard yet, which must contain these words; return it."""
        news = self.news(person)
        assert news, f"{person.name} should have heard {words!r}, but there was nothing new"
        message = news[0]
        text = plain(message)
        for word in words:
            assert word in text, f"{person.name} should have heard {word!r}, but it was: {text!r}"
        self._heard[person.id].seen[message["message_id"]] = _state(message)
        return message

    def hear_all(self, person: Person) -> list[Message]:
        """Account for all messages and return them."""
        news = self.news(person)
        for message in news:
            self._heard[person.id].seen[message["message_id"]] = _state(message)
        return news

    def nothing_more(self) -> None:
        """Fail if anyone was sent a message that the story has not accounted for."""
        for person in self.sandbox.people.values():
            left = [plain(m) for m in self.news(person)]
            assert not left, f"{person.name} was sent what the story did not expect: {left}"

    # -- what is stored

    async def view(self, person: Person) -> views.PatientView:
        at = self.clock.now()
        return await self.service.database.read(
            lambda stores: views.view(work_on(stores, self.clinic, at), person.code)
        )


def _is_news(heard: str | None, now: str) -> bool:
    if heard is None:
        return True
    (text, *buttons), (text_now, *buttons_now) = heard.split("|"), now.split("|")
    return text != text_now or not set(buttons_now) <= {*buttons, ""}


def _state(message: Message) -> str:
    return plain(message) + "|" + "|".join(labels(message))


def here() -> Path:
    return Path(__file__).parent
