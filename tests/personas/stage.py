"""A world in which a persona lives for months, quicker than a story, and which notes all that each phone shows.

It is the world of the stories (the real wiring, Telegram's stand-in over HTTP). Two things differ: updates are taken
from the queue without a poll, and the sweeps run only when something is due, as `next_event_at` says.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bot.app.operations.outages import UP_AT
from bot.app.records.messages import Outbox
from bot.chat.screens import TextRenderer
from bot.core.screen import Action, Button, Screen, Text
from bot.delivery.outcomes import DeliveryOutcome
from bot.sandbox.chats import Person
from tests.stories.world import Message, World, plain

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


@dataclass
class Event:
    """What happened in one chat: the bot sent, edited or took buttons off a message, or its person tapped or typed."""

    at: datetime
    who: str
    kind: str
    """"new", "edit", "buttons", "gone", "card", "tap", "says" or "note"."""
    number: int = 0
    """The message's id."""
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    row: Outbox | None = None
    """What the bot meant to send, by keys; None for a person's own."""
    label: str = ""
    """The label of the button that was tapped; `choice` is its meaning."""
    choice: str = ""
    fold: str = ""
    """The part of the text that Telegram shows folded."""

    @property
    def screen(self) -> Screen | None:
        return self.row.screen if self.row is not None else None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the texts it shows, also of those in texts."""
        return tuple(key for line in self.screen.lines for key in keys(line)) if self.screen is not None else ()


def keys(text: Text) -> Iterator[str]:
    yield text.key
    for value in text.values.values():
        if isinstance(value, Text):
            yield from keys(value)


def buttons(row: Outbox) -> list[Button]:
    return [button for line in row.screen.rows for button in line]


def actions(row: Outbox) -> list[Action]:
    return [button.action for button in buttons(row) if button.action is not None]


@dataclass
class Shown:
    """A message as a phone shows it now."""

    row: Outbox
    labels: tuple[tuple[str, ...], ...]


@dataclass
class Phone:
    """What one phone shows, by message."""

    shown: dict[int, Shown] = field(default_factory=dict)


class Stage(World):
    def __init__(self, world: World, texts: TextRenderer) -> None:
        super().__init__(world.service, world.server, world.clock)
        self.texts = texts
        self.events: list[Event] = []
        self.phones: dict[int, Phone] = {}
        self.fresh: list[Event] = []
        """New messages that nobody has looked at yet."""
        self._up_at = self.clock.now()
        self._deliver = self.service.sender._attempt
        self.service.sender._attempt = self._noted

    def read(self, row: Outbox) -> str:
        """Return the words of a message in English."""
        return "\n".join(self.texts.plain(line, "en") for line in row.screen.lines)

    # -- what happens at Telegram

    async def _noted(self, message: Any) -> Any:
        result = await self._deliver(message)
        if result.outcome is DeliveryOutcome.SENT and result.message_id is not None:
            self._note(message.claim.row, result.message_id, message.claim.message_id)
        return result

    def _note(self, row: Outbox, number: int, former: int | None) -> None:
        person = self.sandbox.people[row.chat_id]
        phone = self.phones.setdefault(person.id, Phone())
        found = self.sandbox.chat(person).messages[number]
        if row.screen.replaces and former is not None and former != number:
            phone.shown.pop(former, None)
            self.events.append(Event(self.clock.now(), person.name, "gone", former))
        kind = "buttons" if row.mode == "buttons" else "edit" if number in phone.shown else "new"
        labels = label_rows(found)
        if kind == "new":
            self._note_card(person, number, row)
        if kind == "buttons" and number in phone.shown:
            row = phone.shown[number].row.model_copy(
                update={"screen": phone.shown[number].row.screen.model_copy(update={"rows": row.screen.rows})}
            )
        phone.shown[number] = Shown(row, labels)
        event = Event(self.clock.now(), person.name, kind, number, plain(found), labels, row, fold=folded(found))
        self.events.append(event)
        if kind != "buttons":
            self.fresh.append(event)

    def _note_card(self, person: Person, number: int, row: Outbox) -> None:
        """Note the contact card that came just before a message."""
        if row.screen.ahead is None:
            return
        cards = [m for m in self.sandbox.messages(person) if "contact" in m and m["message_id"] < number]
        if cards:
            card = cards[-1]
            self.events.append(Event(self.clock.now(), person.name, "card", card["message_id"], plain(card)))

    # -- time

    async def next_event(self) -> datetime | None:
        return await self.service.database.read(lambda stores: stores.clock.next_event_at())

    async def pump(self) -> None:
        """Process what people did and all that is due; send all waiting messages."""
        await self._was_up()
        for _ in range(500):
            for raw in self.sandbox.updates.all():
                await self.service.dispatcher.handle(raw)
                self.sandbox.updates.confirm(raw["update_id"])
            sent = False
            while await self.service.sender.send_once():
                sent = True
            if not await self._waiting():
                break
            if not await self.service.ticker.tick() and not sent:
                self.clock.advance(SECOND)
        else:
            raise AssertionError("something stays due")
        await self.service.dispatcher.finish(5)

    async def _was_up(self) -> None:
        """Store that the bot was up all the time: the clock jumps, and that is no outage."""
        at = self.clock.now()
        if at - self._up_at > HOUR / 4:
            await self.service.database.transact(lambda stores: stores.settings.set(UP_AT, (at - SECOND).isoformat()))
        self._up_at = at

    # -- people

    async def do(self, person: Person, message: int, action: Action) -> None:
        """Tap the button with that meaning."""
        shown = self.phones[person.id].shown[message]
        for r, line in enumerate(shown.row.screen.rows):
            for c, button in enumerate(line):
                if button.action == action:
                    label = shown.labels[r][c]
                    tap = Event(self.clock.now(), person.name, "tap", message, label=label, row=shown.row)
                    self.events.append(replace(tap, choice=action.choice))
                    self.sandbox.tap(person, message, position=(r, c))
                    await self.pump()
                    return
        raise AssertionError(f"{action} is not on {shown.row.screen.name}: {shown.labels}")

    async def say(self, person: Person, text: str) -> None:
        self.events.append(Event(self.clock.now(), person.name, "says", text=text))
        await super().say(person, text)


def folded(message: Message) -> str:
    """Return the text of the expandable quote, if there is one."""
    text = plain(message).encode("utf-16-le")
    for entity in message.get("entities", ()):
        if entity["type"] == "expandable_blockquote":
            first = 2 * entity["offset"]
            return text[first : first + 2 * entity["length"]].decode("utf-16-le")
    return ""


def label_rows(message: Message) -> tuple[tuple[str, ...], ...]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return tuple(tuple(button["text"] for button in row) for row in rows)
