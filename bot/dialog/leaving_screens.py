"""The screens on which a patient pauses, stops, or deletes what is stored. Decides nothing, stores nothing.

While the patient has to call about something, each begins with whom to call. Deleting takes two taps, on two messages
and at different heights, so that two taps of habit delete nothing.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from bot.app.patients.returning import can_undo
from bot.app.ports.clinic import Clinic
from bot.app.records.patients import Patient, PatientState
from bot.core.protocol import Tier
from bot.core.screen import Action, Button, DocumentKind, Screen, Style, Text
from bot.dialog.widgets import (
    both_numbers,
    button,
    call_line,
    copy_button,
    copy_emergency_button,
    day_text,
    numbers,
    rows,
)

KIND = "stop"
"""The kind of action of these buttons; `choice` names the button."""
PAUSE, WITHDRAW, KEEP, UNDO, EXPORT = "pause", "withdraw", "keep", "undo", "export"
ASK_DELETE, ASK_AGAIN, DELETE = "erase", "delete", "delete_now"
"""The first screen on deleting, the second, and the deletion. Buttons of earlier versions that deleted say "erase"."""
SLOT = "stop"
_MAY_PAUSE = frozenset({PatientState.ACTIVE, PatientState.PAUSED})


def stop_screen(patient: Patient, clinic: Clinic, tier: Tier) -> Screen:
    """Return the choice between a pause, the end, and going on. `tier`: of what there is to call about."""
    made = [_button(WITHDRAW), _button(KEEP, Style.SUCCESS)]
    if patient.state in _MAY_PAUSE:
        made.insert(0, _button(PAUSE))
    small = (_button(EXPORT), button("stop.delete", _tap(ASK_DELETE)))
    choices = (*rows((*_copy(clinic, tier), *made)), small)
    return _screen("stop", (Text(key="stop.ask", values=numbers(clinic)),), choices, clinic, tier)


def kept_screen(clinic: Clinic, tier: Tier) -> Screen:
    """Return the screen of a patient who goes on as before."""
    return _screen("stop.kept", (Text(key="stop.kept"),), rows(_copy(clinic, tier)), clinic, tier)


def delete_screen(clinic: Clinic, tier: Tier, *, is_kept: bool) -> Screen:
    """Return the first screen on deleting: what will be gone, and what stays. `is_kept`: the team keeps an alert."""
    made = (
        button("delete.next", _tap(ASK_AGAIN), style=Style.DANGER),
        button("delete.export", _tap(EXPORT)),
        button("delete.keep", _tap(KEEP), style=Style.SUCCESS),
    )
    stays = (Text(key="delete.stays.open"),) if is_kept else ()
    lines = (Text(key="delete.ask"), Text(key="delete.stays"), *stays)
    return _screen("stop.delete", lines, rows((*_copy(clinic, tier), *made)), clinic, tier)


def delete_again_screen(clinic: Clinic, tier: Tier, at: datetime) -> Screen:
    """Return the second one. Its button says when it was made: an old one asks from the beginning."""
    last = Action(kind=KIND, choice=DELETE, subject=minute_of(at))
    made = (
        button("delete.keep", _tap(KEEP), style=Style.SUCCESS),
        button("delete.now", last, style=Style.DANGER),
    )
    return _screen("stop.delete_again", (Text(key="delete.again"),), rows((*_copy(clinic, tier), *made)), clinic, tier)


def export_screen(clinic: Clinic, tier: Tier) -> Screen:
    """Return the message ahead of the files."""
    return _screen("own", (Text(key="own.sending"),), rows(_copy(clinic, tier)), clinic, tier)


def unconfirmed_screen(clinic: Clinic) -> Screen:
    """Return the message in place of the files, while nobody has confirmed that a new phone is the patient's."""
    return Screen(name="own.unconfirmed", lines=(Text(key="own.unconfirmed", values=numbers(clinic)),))


def stop_unconfirmed_screen(clinic: Clinic, tier: Tier) -> Screen:
    """Return the message in place of the others here, while the old chat can still object to a move."""
    lines = (Text(key="stop.unconfirmed", values=numbers(clinic)),)
    return _screen("stop.unconfirmed", lines, rows(_copy(clinic, tier)), clinic, tier)


def files() -> Iterator[tuple[Screen, str]]:
    """Yield the messages that become the files, each with its slot. They can be saved: that is what they are for."""
    for kind in get_args(DocumentKind):
        yield Screen(name=f"own.{kind}", lines=(Text(key=f"own.caption.{kind}"),), document=kind), f"own-{kind}"


def minute_of(at: datetime) -> int:
    """Return a time as minutes since 1970."""
    return int(at.timestamp()) // 60


def farewell_screen(patient: Patient, clinic: Clinic, tier: Tier, at: datetime) -> Screen:
    """Return the last screen of a patient who has stopped: the stop can be undone for a day, if it was theirs."""
    lines = (Text(key="stop.done"), *_undo_line(patient, clinic, at, "stop.undo_until"), *_whom_to_call(clinic, tier))
    if not can_undo(patient, at):
        return _screen("stop.done", (*lines, Text(key="stop.again")), (), clinic, tier, keyboard="remove")
    # The keyboard stays, for it can't go with a button; below it, "I feel worse now" goes on showing the numbers.
    return _screen("stop.done", lines, rows((*_copy(clinic, tier), _undo_button())), clinic, tier)


def erased_screen(clinic: Clinic, tier: Tier) -> Screen:
    """Return the last message of a chat whose patient had everything deleted."""
    lines = (Text(key="stop.erased"), *_whom_to_call(clinic, tier))
    return _screen("stop.erased", lines, (), clinic, tier, keyboard="remove")


def stopped_screen(patient: Patient, clinic: Clinic, tier: Tier, at: datetime) -> Screen:
    """Return what somebody sees who has left and opens the chat again: how to undo it, or how to join again."""
    if can_undo(patient, at):
        lines = (Text(key="stopped.undo"), *_undo_line(patient, clinic, at, "stop.undo_until"), both_numbers(clinic))
        return _screen("stopped", lines, rows((*_copy(clinic, tier), _undo_button())), clinic, tier)
    return _screen("stopped", (Text(key="stopped.body", values=numbers(clinic)),), (), clinic, tier, keyboard="remove")


def numbers_screen(patient: Patient, clinic: Clinic, at: datetime) -> Screen:
    """Return the answer to a red button of somebody who has left: both numbers, and that nobody sees the tap."""
    made = [copy_emergency_button(clinic), copy_button(clinic)]
    if can_undo(patient, at):
        made.append(_undo_button())
    line = Text(key="stranger.numbers", values=numbers(clinic))
    return Screen(name="stopped.numbers", lines=(line,), rows=rows(made))


def undone_screen(clinic: Clinic, tier: Tier, following: Text | None, *, helper_ended: bool) -> Screen:
    """Return the screen after a stop was undone. `following`: when the next check-in comes."""
    helper = (Text(key="stop.undone.helper"),) if helper_ended else ()
    lines = (Text(key="stop.undone"), *((following,) if following is not None else ()), *helper)
    return _screen("stop.undone", lines, rows(_copy(clinic, tier)), clinic, tier)


# -- shared


def _screen(
    name: str,
    lines: tuple[Text, ...],
    made: tuple[tuple[Button, ...], ...],
    clinic: Clinic,
    tier: Tier,
    keyboard: Literal["remove"] | None = None,
) -> Screen:
    return Screen(name=name, lines=(*call_line(clinic, tier), *lines), rows=made, replaces=True, keyboard=keyboard)


def _tap(word: str) -> Action:
    return Action(kind=KIND, choice=word)


def _button(word: str, style: Style = Style.PLAIN) -> Button:
    return button(f"stop.{word}", _tap(word), style=style)


def _undo_button() -> Button:
    return _button(UNDO, Style.SUCCESS)


def _copy(clinic: Clinic, tier: Tier) -> tuple[Button, ...]:
    """Return the button that copies the number to call first; none if there is nothing to call about."""
    if tier is Tier.EMERGENCY:
        return (copy_emergency_button(clinic),)
    return (copy_button(clinic),) if tier > Tier.ROUTINE else ()


def _whom_to_call(clinic: Clinic, tier: Tier) -> tuple[Text, ...]:
    """Return the numbers, unless the screen begins with whom to call."""
    return () if call_line(clinic, tier) else (both_numbers(clinic),)


def _undo_line(patient: Patient, clinic: Clinic, at: datetime, key: str) -> tuple[Text, ...]:
    if patient.undo_until is None or not can_undo(patient, at):
        return ()
    until = patient.undo_until.astimezone(ZoneInfo(patient.timezone or clinic.timezone))
    return (Text(key=key, values={"date": day_text(until.date()), "time": f"{until:%H:%M}"}),)
