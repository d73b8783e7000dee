"""Whether every update was worked off and every answer stored, and whether the chats show where the database is."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from bot.app.store import CheckInRow
from bot.chat.buttons import TapError, decode
from bot.core.checkin import State
from bot.core.screen import Action
from bot.sandbox.chats import Message
from tests.chaos.evidence import Evidence, chat_of, worked
from tests.chaos.model import Led
from tests.chaos.stored import Stored

ASKS = frozenset({"choose", "toggle", "submit", "skip", "back", "go_on", "finish"})
"""Buttons of a check-in that is open."""
UNANSWERED = 10.0
"""Real seconds after which a screen must have changed, once the tap on it was worked off and nothing was wrong."""


def updates_lost(stored: Stored, seen: Evidence) -> Iterator[str]:
    """Telegram was told to forget them, and no transaction knows them."""
    if seen.unconfirmed:
        yield f"{seen.unconfirmed} updates were never taken"
    for number in range(seen.first_update, seen.next_update):
        if number not in stored.updates:
            yield f"update {number} was confirmed and not worked off"
    for dead in stored.store.dead_updates(limit=20):
        yield f"update {dead.update_id} is dead: {dead.error}"


def answers_lost(led: dict[int, tuple[Led, str | None]]) -> Iterator[str]:
    """A check-in is not where its patient's taps must have led it."""
    for number, (_, difference) in led.items():
        if difference is not None:
            yield f"check-in {number}: {difference}"


def taps_in_vain(stored: Stored, seen: Evidence) -> Iterator[str]:
    """A screen on which a robot had to tap again, though its tap had been worked off and nothing was wrong.

    On an old message, as one that came twice, a tap changes nothing there; but something comes for it.
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
        worked_off = seen.timeline.last(stored.updates[tap.first], tap.at)
        if worked_off is None or tap.at - worked_off < UNANSWERED:
            continue
        tapped = tap.at - tap.again_after
        if not any(tapped <= at <= tap.at for at in came[tap.chat_id]) and not seen.trouble(tapped, tap.at):
            yield f"chat {tap.chat_id}: nothing came of update {tap.first} for {tap.at - worked_off:.0f} s"


def shown_otherwise(stored: Stored, seen: Evidence) -> Iterator[str]:
    """What the patient sees last of a check-in is not where the database is."""
    for patient in stored.patients:
        messages = seen.chats.get(patient.chat_id or 0)
        if messages is None:
            continue
        for row in stored.checkins[patient.id]:
            if row.id > seen.already:
                yield from _shown_otherwise(row, _last_of(row, messages, seen.key, patient.chat_id or 0))


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
    """The buttons of the newest message that belongs to it; None: there is none."""
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
