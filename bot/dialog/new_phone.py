"""The screens of a move to a new phone, in the old chat and in the new one. Decides nothing itself.

While the patient has two chats, the one that is not (or no more) theirs shows nothing of what they answered; its red
buttons and red words act all the same.
"""

from bot.app.checkins.answering import current
from bot.app.checkins.opening import open_checkin
from bot.app.concerns.memory import tier_to_call_about
from bot.app.patients import new_phone
from bot.app.records.messages import Lane
from bot.app.records.patients import Patient, PatientState
from bot.app.work import Work
from bot.core.screen import Action, Button, Screen, Style, Text
from bot.dialog import alerts, checkins, feel_worse, leaving
from bot.dialog.farewells import last
from bot.dialog.post import enqueue, post
from bot.dialog.replies import TapResult
from bot.dialog.widgets import button, call_line, copy_button, keyboard_screen, numbers, rows

KIND = "phone"
"""The kind of action this module handles; `choice` names the button."""
SLOT = "phone"
_LEFT = frozenset({PatientState.WITHDRAWN, PatientState.DECLINED})


def opened(work: Work, patient: Patient, chat_id: int) -> TapResult:
    """Ask both chats: the old one whether that was the patient, the new one whether it agrees."""
    asked = new_phone.opened(work, patient, chat_id)
    ask_old(work, asked)
    return show(work, asked.model_copy(update={"is_second": True}))


def ask_old(work: Work, patient: Patient) -> None:
    """Ask the chat that is the patient's until the new phone has agreed."""
    made = (
        button("phone.was_me", _tap("yes"), style=Style.SUCCESS),
        button("phone.not_me", _tap("no"), style=Style.DANGER),
    )
    screen = Screen(name="phone.old", lines=(Text(key="phone.old", values=numbers(work.clinic)),), rows=rows(made))
    post(work, patient, screen, slot=SLOT)


def show(work: Work, patient: Patient) -> TapResult:
    """Show the second chat where the move is, with the numbers: no answers, and no questions."""
    is_old = patient.phone_move == "moved"
    made: list[Button] = [
        button("phone.was_me", _tap("yes"), style=Style.SUCCESS) if is_old else button("phone.agree", _tap("agree")),
        button("phone.not_me", _tap("no")) if is_old else button("button.no_thanks", _tap("decline")),
        button("keyboard.worse", Action(kind="menu", choice="worse"), style=Style.DANGER),
        copy_button(work.clinic),
    ]
    key = "phone.moved" if is_old else "phone.new"
    screen = Screen(name=key, lines=(Text(key=key, values=numbers(work.clinic)),), rows=rows(made), replaces=True)
    post(work, patient, screen, slot=SLOT)
    return TapResult(language=patient.language)


def second_tapped(work: Work, patient: Patient, action: Action) -> TapResult:
    """Handle a tap in the second chat: what is red acts, the move is settled, all else shows where it is."""
    outcome: TapResult | None = None
    if action.kind == KIND:
        outcome = tapped(work, patient, action)
    elif patient.state in _LEFT:
        outcome = leaving.red_tap(work, patient, action)
    elif action.kind == "alert" and action.choice != "card":
        outcome = alerts.tapped(work, patient, action)
    elif (action.kind, action.choice) == ("menu", "worse"):
        outcome = feel_worse.feel_worse(work, patient)
    else:
        outcome = checkins.red_tap(work, patient, action)
    return outcome or show(work, patient)


def tapped(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Handle the answer of one of the two chats; return None if it has no such button any more."""
    word, is_moved = action.choice, patient.phone_move == "moved"
    is_new = patient.is_second and not is_moved
    if patient.phone_move is None or (word in {"agree", "decline"}) != is_new or patient.is_second < is_moved:
        # Once it has moved, only the old chat answers: not the new one, with a button of an earlier move.
        return None
    if word == "agree":
        return _agreed(work, patient)
    if word == "yes":
        return _confirmed(work, patient)
    return _refused(work, patient) if word in {"no", "decline"} else None


def _agreed(work: Work, patient: Patient) -> TapResult:
    """Set the new phone up: what to call about first, then the keyboard, and the question that is open."""
    moved = new_phone.agreed(work, patient)
    is_confirmed = moved.history_from is None
    done = Text(key="phone.done" if is_confirmed else "phone.done.unconfirmed", values=numbers(work.clinic))
    lines = (*call_line(work.clinic, tier_to_call_about(work, moved)), done)
    post(work, moved, Screen(name="phone.done", lines=lines), slot=SLOT)
    post(work, moved, keyboard_screen(), slot="keyboard")
    if patient.chat_id is not None:
        moved_on = Screen(name="phone.left", lines=(Text(key="phone.left", values=numbers(work.clinic)),))
        enqueue(work, patient.chat_id, patient.language, moved_on, slot=SLOT, lane=Lane.REPLY, patient_id=patient.id)
    row = current(work, moved)
    if row is not None and not is_confirmed:
        # What was answered counts; the new phone starts without it, from the first question.
        row = open_checkin(work, moved, form=row.value.form, kind="extra", due_at=work.at)
    elif row is not None:
        checkins.show_again(work, moved, row)
    return TapResult(language=moved.language)


def _confirmed(work: Work, patient: Patient) -> TapResult:
    new_phone.confirmed(work, patient)
    screen = Screen(name="phone.confirmed", lines=(Text(key="phone.confirmed", values=numbers(work.clinic)),))
    post(work, patient, screen, slot=SLOT)
    return TapResult(language=patient.language)


def _refused(work: Work, patient: Patient) -> TapResult:
    """Leave the patient with the old chat, also if they have left, and tell both."""
    kept = new_phone.refused(work, patient)
    new = patient.chat_id if patient.phone_move == "moved" else patient.second_chat_id
    if new is not None:
        gone = Screen(
            name="phone.gone", lines=(Text(key="phone.gone", values=numbers(work.clinic)),), keyboard="remove"
        )
        gone = last(work, gone, new, patient)
        enqueue(work, new, patient.language, gone, slot=SLOT, lane=Lane.REPLY, patient_id=patient.id)
    if kept.state in _LEFT:
        return leaving.stopped(work, kept)
    stays = Screen(name="phone.stays", lines=(Text(key="phone.stays", values=numbers(work.clinic)),))
    post(work, kept, stays, slot=SLOT)
    return TapResult(language=patient.language)


def _tap(word: str) -> Action:
    return Action(kind=KIND, choice=word)
