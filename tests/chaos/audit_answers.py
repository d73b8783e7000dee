"""Checks that every update was processed, every answer is stored, and the chats show the database's state."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from bot.app.records.checkins import CheckInRow
from bot.chat.buttons import TapError, decode
from bot.core.checkin import State
from bot.core.screen import Action
from bot.sandbox.chats import Message
from bot.sandbox.journal import Call
from tests.chaos.evidence import Evidence, chat_of, worked
from tests.chaos.model import Led
from tests.chaos.stored import Stored

ASKS = frozenset({"choose", "toggle", "submit", "skip", "back", "go_on", "finish"})
"""Buttons of an open check-in."""
UNANSWERED = 10.0
"""Real seconds after which a screen must have changed once its tap was processed, if there was no fault."""


def updates_lost(stored: Stored, seen: Evidence) -> Iterator[str]:
    """Yield updates that were confirmed to Telegram but that no transaction recorded."""
    if seen.unconfirmed:
        yield f"{seen.unconfirmed} updates were never taken"
    for number in range(seen.first_update, seen.next_update):
        if number not in stored.updates:
            yield f"update {number} was confirmed and not worked off"
    for dead in stored.stores.dead_letters.updates(limit=20):
        yield f"update {dead.update_id} is dead: {dead.error}"


def answers_lost(led: dict[int, tuple[Led, str | None]]) -> Iterator[str]:
    """Yield check-ins that differ from where their patient's taps must have led."""
    for number, (_, difference) in led.items():
        if difference is not None:
            yield f"check-in {number}: {difference}"


def taps_without_effect(stored: Stored, seen: Evidence) -> Iterator[str]:
    """Yield screens that had to be tapped again although the first tap was processed and there was no fault.

    A tap on an old or duplicated message doesn't change it, but something else arrives for it.
    """
    came: defaultdict[int, list[float]] = defaultdict(list)
    for call in seen.calls:
        if worked(call):
            came[chat_of(call)].append(call.at)
    for tap in seen.taps:
        if tap.again_after is None or tap.first is None or tap.first not in stored.updates:
            continue
        if tap.action.kind not in {"choose", "toggle", "enrol"} or tap.action.choice == "back":
            # The others may be answered by another message, or change nothing.
            continue
        processed = seen.timeline.last(stored.updates[tap.first], tap.at)
        if processed is None or tap.at - processed < UNANSWERED:
            continue
        tapped = tap.at - tap.again_after
        if not any(tapped <= at <= tap.at for at in came[tap.chat_id]) and not seen.trouble(tapped, tap.at):
            yield f"chat {tap.chat_id}: nothing came of update {tap.first} for {tap.at - processed:.0f} s"


def shown_otherwise(stored: Stored, seen: Evidence) -> Iterator[str]:
    """Yield chats whose last screen of a check-in differs from the database's state."""
    for patient in stored.patients:
        messages = seen.chats.get(patient.chat_id or 0)
        if messages is None:
            continue
        for row in stored.checkins[patient.id]:
            if row.id > seen.already:
                chat = patient.chat_id or 0
                if not _has_ended(row, stored.arrived(f"checkin:{row.id}", chat), seen.key, chat):
                    yield from _shown_otherwise(row, _last_of(row, messages, seen.key, chat))


def _has_ended(row: CheckInRow, calls: Sequence[Call], key: bytes, chat: int) -> bool:
    """Return whether its end was the last that was shown of it: its buttons go a day later, those of copies don't."""
    if row.value.state is not State.DONE or not calls:
        return False
    shown = _actions({"reply_markup": calls[-1].params.get("reply_markup") or {}}, key, chat)
    return any(action.kind == "change" and action.subject == row.id for action in shown)


def _shown_otherwise(row: CheckInRow, last: list[Action] | None) -> Iterator[str]:
    state, asked = row.value.state, [action for action in last or () if action.kind in ASKS]
    if state is State.DONE:
        if last is None or asked:
            yield f"check-in {row.id} is done, and the chat still shows {_named(asked)}"
    elif state in {State.ASKING, State.PAUSED, State.STOPPED}:
        current = any(_is_current(row, action) for action in asked)
        if not current:
            where = f"{row.value.cursor} at revision {row.value.revision}"
            yield f"check-in {row.id} is {state.value} at {where}, and the chat shows {_named(asked)}"


def _is_current(row: CheckInRow, action: Action) -> bool:
    if action.revision != row.value.revision:
        return False
    return action.kind == "go_on" if row.value.state is State.PAUSED else action.question == row.value.cursor


def _last_of(row: CheckInRow, messages: Any, key: bytes, chat: int) -> list[Action] | None:
    """Return the buttons of the newest message that belongs to the check-in; None if there is none."""
    for message in reversed(messages):
        mine = [
            action
            for action in _actions(message, key, chat)
            if action.subject == row.id and action.kind in {*ASKS, "change"}
        ]
        if mine:
            return mine
    return None


def _actions(message: Message, key: bytes, chat: int) -> Iterator[Action]:
    for line in message.get("reply_markup", {}).get("inline_keyboard", []):
        for button in line:
            try:
                yield decode(button.get("callback_data"), key, chat)
            except TapError:
                continue


def _named(actions: list[Action]) -> str:
    return f"{actions[0].kind} {actions[0].question} at revision {actions[0].revision}" if actions else "nothing of it"
