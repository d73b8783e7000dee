"""Answers what a person typed and is no command: always, and with the numbers to call first. Sees no text.

Words that name a sign open the first safety screen, words of despair have a screen of their own. Anything else is
answered by one message with the numbers that moves down the chat.
"""

from datetime import timedelta

from bot.app.alerts import help_requests
from bot.app.alerts.naming import open_alert
from bot.app.chat_roles import answers_for_another, roles_of, team_member
from bot.app.checkins.answering import current
from bot.app.checkins.last_time import last_time
from bot.app.concerns.assessments import as_stored
from bot.app.concerns.memory import tier_to_call_about
from bot.app.records.messages import Lane
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.checkin import State
from bot.core.protocol import Tier
from bot.core.screen import Action, Button, Screen, Style, Text
from bot.dialog import checkins, feel_worse, learn, staff_chat
from bot.dialog.former_chats import answer_stranger
from bot.dialog.help_screens import despair_screen, something_is_wrong
from bot.dialog.post import post
from bot.dialog.replies import Meaning, TapResult
from bot.dialog.same_again import action_of
from bot.dialog.taps import ENROLLED, writing_role
from bot.dialog.widgets import button, copy_button, copy_emergency_button, numbers, rows

MOVED_FOR = timedelta(hours=1)
"""Within this time the message with the numbers only moves down, without a sound."""


def message(work: Work, chat_id: int, meaning: Meaning) -> TapResult:
    """Answer a message that is not a command: text, picture, voice. Its content never gets here."""
    role = writing_role(work, chat_id)
    person = role.staff or (team_member(work, chat_id) if meaning.kind == "code" else None)
    if person is not None:
        return staff_chat.message(work, person, meaning)
    patient = role.patient
    if patient is None:
        return answer_stranger(work, chat_id, "stranger.said", None)
    may_answer = patient.state in ENROLLED and (patient.caregiver is None or patient.caregiver.state == "active")
    outcome = _understood(work, patient, meaning) if may_answer else None
    return outcome or _numbers(work, patient, meaning, may_answer=may_answer)


def _understood(work: Work, patient: Patient, meaning: Meaning) -> TapResult | None:
    """Answer what the message means; None if that is not known."""
    if meaning.kind == "red_flag":
        # At once, below the call screen of what is open.
        return _feels_worse(work, patient)
    if meaning.kind == "despair":
        return _despair(work, patient, names_sign=meaning.names_sign)
    is_choice = meaning.kind == "choice" and not patient.is_second
    return _typed_choice(work, patient, meaning.number) if is_choice else None


def _feels_worse(work: Work, patient: Patient) -> TapResult:
    """Open the writer's safety screen; above it, the button for the person whom they help, if they mean them."""
    helped = _helped(work, patient)
    if helped is not None:
        made = (button("keyboard.worse", Action(kind="menu", choice="worse"), style=Style.DANGER),)
        screen = Screen(name="said.helped", lines=(Text(key="said.helped"),), rows=rows(made), replaces=True)
        post(work, helped, screen, slot="said-helped")
    return feel_worse.feel_worse(work, patient)


def _helped(work: Work, patient: Patient) -> Patient | None:
    """Return the person whom the writer helps as well; None if they write as a helper, or help nobody."""
    if patient.caregiver is not None or patient.answering_chat is None:
        return None
    helped = roles_of(work, patient.answering_chat).helped
    is_helping = helped is not None and helped.caregiver is not None and helped.caregiver.state == "active"
    return helped if is_helping else None


def _despair(work: Work, patient: Patient, *, names_sign: bool) -> TapResult:
    """Show the screen for words of despair, and raise its alert unless the protocol says otherwise."""
    if work.clinic.protocol.despair.alert:
        help_requests.words_of_despair(work, patient)
    if not work.clinic.protocol.despair.alert or tier_to_call_about(work, patient) is Tier.EMERGENCY:
        # The call screen that was shown, if any, is that of the emergency.
        alert = open_alert(work, patient) if work.clinic.protocol.despair.alert else None
        post(work, patient, despair_screen(alert, work.clinic), slot="despair", lane=Lane.RED_FLAG)
    if names_sign:
        _feels_worse(work, patient)
    return TapResult(language=patient.chat_language)


def _typed_choice(work: Work, patient: Patient, number: int) -> TapResult | None:
    """Handle a typed number as a tap on that answer of the current question; None if there is no such answer."""
    if answers_for_another(work, patient.answering_chat or 0, patient.id):
        # It does not say about whom it is: the buttons do.
        return None
    row = current(work, patient)
    offered = last_time(work, patient, row) if row is not None else None
    if row is not None and offered is not None:
        # "Same as last time" is the first of the buttons, so the choices are counted from two.
        if number == 1:
            return checkins.tapped(work, patient, action_of(row, offered))
        number -= 1
    question = work.clinic.protocol.questions.get((row.value.cursor if row is not None else None) or "")
    if row is None or question is None or not 1 <= number <= len(question.choices) or row.value.state is State.PAUSED:
        return None
    choice = question.choices[number - 1]
    kind, word = "choose", choice.id
    if question.kind == "several":
        ticked = choice.id in row.value.answers.get(question.id, ())
        kind, word = "toggle", f"{'-' if ticked and not choice.exclusive else '+'}{choice.id}"
    tapped = Action(kind=kind, subject=row.id, revision=row.value.revision, question=question.id, choice=word)
    return checkins.tapped(work, patient, tapped)


def _numbers(work: Work, patient: Patient, meaning: Meaning, *, may_answer: bool) -> TapResult:
    """Show the numbers, and what to tap; to those who can answer no questions, when to call instead."""
    lines = [Text(key="said.cannot_read", values=numbers(work.clinic))]
    made: tuple[Button, ...] = (
        something_is_wrong(),
        button("button.show_checkin", Action(kind="menu", choice="checkin")),
    )
    if not may_answer:
        made = (copy_emergency_button(work.clinic), copy_button(work.clinic))
        if meaning.kind == "red_flag":
            lines += learn.when_to_call(work.clinic)
    elif (helped := _helped(work, patient)) is not None:
        made = (*made, button("menu.helped", Action(kind="care", choice="menu", subject=helped.id)))
    screen = Screen(name="said", lines=tuple(lines), rows=rows(made))
    if meaning.kind == "despair":
        screen = despair_screen(None, work.clinic)
    _move_down(work, patient, screen, may_be_silent=meaning.kind not in {"red_flag", "despair"})
    return TapResult(language=patient.chat_language)


def _move_down(work: Work, patient: Patient, screen: Screen, *, may_be_silent: bool) -> None:
    """Send the screen in place of the one before it; if that one was sent lately, it may come without a sound."""
    caregiver = patient.caregiver
    sent_at = caregiver.hint_sent_at if caregiver is not None else patient.hint_sent_at
    is_moved = sent_at is not None and timedelta(0) <= work.at - sent_at < MOVED_FOR
    if caregiver is not None:
        work.caregivers.save(caregiver.model_copy(update={"hint_sent_at": work.at}))
    else:
        # The patient may have changed in this transaction: closing an outdated check-in updates the follow-up.
        work.patients.save(as_stored(work, patient).model_copy(update={"hint_sent_at": work.at}))
    post(work, patient, screen.model_copy(update={"replaces": True, "silent": is_moved and may_be_silent}), slot="said")
