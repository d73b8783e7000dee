"""Robots with phones: they enrol and answer by tapping what they see, sometimes twice, late, or on an old message."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from bot.chat.buttons import TapError, decode
from bot.core.screen import Action
from bot.sandbox.chats import Message, Person
from bot.sandbox.state import Sandbox

VISIBLE_MESSAGES = 8
"""The number of last messages of a chat that are looked at: older ones are answered or out of sight."""
LOOK_SECONDS = 0.4
"""Approximate real seconds between two looks at the phone."""
PATIENCE = 12.0
"""Real seconds after which a button without effect is tapped again; doubled each time."""
BENIGN = frozenset({"no", "none", "not_at_all", "yes_known"})
STRAIGHT_ON = 0.95
"""How readily the first button is taken while enrolling: the clinic's own time zone, the morning."""
WEIGHTS = {
    "skip": 0.01,
    "back": 0.05,
    "submit": 3.0,
    "go_on": 2.0,
    "finish": 1.0,
    "help_now": 0.001,
    "enrol no": 0.0,
    "enrol own": 0.0,
    "enrol back": 0.05,
    "alert mistake": 0.2,
    "alert was_mistake": 0.2,
    "alert at_hospital": 0.02,
    "alert card": 0.1,
    "alert remind": 0.0,
    "staff": 0.0,
    "staff take": 1.0,
}
ANSWERING = frozenset(
    {"choose", "toggle", "submit", "skip", "back", "go_on", "finish", "help_now", "enrol", "alert", "staff"}
)


@dataclass
class Tapped:
    """One tap as the sandbox received it, at a real time.

    `again_after`: the same button had had no effect for so many real seconds since the update `first`.
    """

    update_id: int
    chat_id: int
    action: Action
    at: float
    again_after: float | None = None
    first: int | None = None


@dataclass
class Robot:
    """One person. `ill` is the chance that an answer is anything but the mildest."""

    person: Person
    rng: Random
    key: bytes
    ill: float = 0.01
    strays: float = 0.04
    taps: list[Tapped] = field(default_factory=list)
    _done: dict[int, tuple[str, float, int]] = field(default_factory=dict)
    _tapped: dict[tuple[int, str, str], Tapped] = field(default_factory=dict)
    """The last tap on each button, by message and what it showed."""
    _looks_at: float = 0.0
    _read: dict[int, tuple[tuple[str, ...], dict[str, Action]]] = field(default_factory=dict)
    started: bool = False
    wishes: list[tuple[str, str, str]] = field(default_factory=list)
    """Kind, question and choice of buttons that are each tapped once, as soon as they are seen."""
    deaf: bool = False
    """Ignores a call screen until the safety follow-up, and answers that."""
    calm: bool = False
    """Answers whatever is shortest: the run is about to end."""

    def act(self, box: Sandbox) -> int:
        """Tap once if there is something to tap; return how many taps that were."""
        if not self.started:
            self.started = True
            self._note_words(box)
            box.open_invite(self.person)
            return 1
        now = time.monotonic()
        if now < self._looks_at:
            return 0
        self._looks_at = now + LOOK_SECONDS * (0.5 + self.rng.random())
        seen: set[tuple[bool, int]] = set()
        for message in self._recent(box):
            actions = self._actions(message)
            about = {(action.kind == "alert", action.subject) for action in actions.values()}
            if about & seen or not any(action.kind in ANSWERING for action in actions.values()):
                # What is further up was answered, or has come again below.
                continue
            seen |= about
            if self.deaf and _is_call_screen(actions):
                continue
            shown = _shown(message)
            before, tapped_at, tries = self._done.get(message["message_id"], ("", 0.0, 0))
            if before == shown and now - tapped_at < PATIENCE * 2 ** (tries - 1):
                continue
            if before == shown and not self._waits(actions):
                continue
            return self._tap_one(box, message, actions, shown)
        return 0

    def stray(self, box: Sandbox) -> int:
        """Tap any button of any message, or begin a check-in of one's own."""
        if self.rng.random() < 0.5 and (keyboard := box.chat(self.person).keyboard):
            words = keyboard["keyboard"][0][0]["text"]
            self._note_words(box)
            box.tap_reply(self.person, words)
            return 1
        found = [m for m in self._recent(box) if any(a.kind in ANSWERING for a in self._actions(m).values())]
        if not found:
            return 0
        message = self.rng.choice(found)
        return self._tap_one(box, message, self._actions(message), _shown(message))

    def _tap_one(self, box: Sandbox, message: Message, actions: dict[str, Action], shown: str) -> int:
        data = self._chosen(actions)
        if data is None:
            self._done[message["message_id"]] = (shown, float("inf"), 1)
            return 0
        times = 2 if self.rng.random() < self.strays else 1
        for _ in range(times):
            box.tap(self.person, message["message_id"], data)
            tap = Tapped(_newest(box), self.person.id, actions[data], time.monotonic())
            if (before := self._tapped.get((message["message_id"], shown, data))) is not None:
                tap.again_after, tap.first = tap.at - before.at, before.update_id
            self.taps.append(tap)
        self._tapped[message["message_id"], shown, data] = tap
        looked, _, tries = self._done.get(message["message_id"], ("", 0.0, 0))
        self._done[message["message_id"]] = (shown, time.monotonic(), tries + 1 if looked == shown else 1)
        return times

    def _waits(self, actions: dict[str, Action]) -> bool:
        """Whether a question is open there: what was said to a call screen needn't be said again."""
        return any(action.kind in {"choose", "toggle", "enrol", "staff"} for action in actions.values())

    def _chosen(self, actions: dict[str, Action]) -> str | None:
        for data, action in actions.items():
            if (wish := (action.kind, action.question, action.choice)) in self.wishes:
                self.wishes.remove(wish)
                return data
        ticked = any(action.kind == "toggle" and action.choice.startswith("-") for action in actions.values())
        weights = {data: self._weight(action) for data, action in actions.items() if ticked or action.kind != "submit"}
        if not any(weights.values()):
            return None
        if all(action.kind == "enrol" for action in actions.values()) and self.rng.random() < STRAIGHT_ON:
            return next(data for data, weight in weights.items() if weight)
        return self.rng.choices(list(weights), list(weights.values()))[0]

    def _weight(self, action: Action) -> float:
        if action.kind in {"choose", "toggle"}:
            mild = action.choice.lstrip("+-") in BENIGN
            if self.calm:
                return 1.0 if mild else 0.001
            return 1.0 - self.ill if mild else self.ill
        if action.kind not in ANSWERING:
            return 0.0
        if self.calm and action.kind in {"back", "help_now"}:
            return 0.0
        return WEIGHTS.get(f"{action.kind} {action.choice}", WEIGHTS.get(action.kind, 1.0))

    def _recent(self, box: Sandbox) -> Iterator[Message]:
        chat = box.chat(self.person)
        for number in range(chat.next_id - 1, max(0, chat.next_id - 1 - VISIBLE_MESSAGES), -1):
            message = chat.messages.get(number)
            if message is not None and message.get("from", {}).get("is_bot"):
                yield message

    def _actions(self, message: Message) -> dict[str, Action]:
        shown = tuple(_data_of(message))
        known = self._read.get(message["message_id"])
        if known is not None and known[0] == shown:
            return known[1]
        found: dict[str, Action] = {}
        for data in shown:
            try:
                found[data] = decode(data, self.key, self.person.id)
            except TapError:
                raise AssertionError(f"a button that can't be read: {data}") from None
        self._read[message["message_id"]] = (shown, found)
        return found

    def _note_words(self, box: Sandbox) -> None:
        words = Action(kind="words")
        self.taps.append(Tapped(_newest(box) + 1, self.person.id, words, time.monotonic()))


def _newest(box: Sandbox) -> int:
    return box.updates.next_id - 1


def _data_of(message: Message) -> list[str]:
    rows: list[list[dict[str, Any]]] = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["callback_data"] for row in rows for button in row if "callback_data" in button]


def _is_call_screen(actions: dict[str, Action]) -> bool:
    return any(action.kind == "alert" and action.choice == "called" for action in actions.values())


def _shown(message: Message) -> str:
    return (message.get("text") or "") + "|".join(_data_of(message))
