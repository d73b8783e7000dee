"""Handles "I am at the hospital" and the question whether the patient is home, with its screens. Decides nothing."""

from bot.app.alerts import hospital
from bot.app.concerns.follow_up import local_day
from bot.app.records.alerts import AlertRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.screen import Action, Screen, Style, Text
from bot.dialog import live_buttons, other_taps
from bot.dialog.asked import asked_of
from bot.dialog.call_screens import alert_tap
from bot.dialog.pauses import call_first
from bot.dialog.post import post
from bot.dialog.replies import TapResult
from bot.dialog.widgets import button, date_text, next_checkin_text, numbers, rows

WORDS = frozenset({"at_hospital", "home", "not_home"})
"""The buttons of an alert that are handled here."""


def tapped(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Handle one of these buttons; return None if the alert is not this patient's, or it was asked long ago."""
    shown = _arrived(work, patient, action) if action.choice == "at_hospital" else _answered(work, patient, action)
    if shown is None:
        return None
    post(work, patient, shown, slot=f"alert-reply:{action.subject}")
    if (alert := work.alerts.get(action.subject)) is not None:
        other_taps.show(work, patient, alert, action.choice)
    if action.choice == "home":
        live_buttons.of_answered_question(work, patient, slot_of(action.subject))
    return TapResult(toast=Text(key="toast.noted"), language=patient.chat_language)


def _arrived(work: Work, patient: Patient, action: Action) -> Screen | None:
    alert = hospital.arrived(work, patient, action.subject)
    if alert is None:
        return None
    paused = _paused_text(work, work.patients.get(patient.id) or patient)
    lines = (Text(key="call.reply.at_hospital"), *paused, _worse(work))
    made = (button("button.card", alert_tap(alert, "card")),)
    return Screen(name="call.reply.at_hospital", lines=lines, rows=rows(made))


def slot_of(alert_id: int) -> str:
    """Return the slot of the question whether the patient is home."""
    return f"home:{alert_id}"


def home_screen(work: Work, patient: Patient, alert: AlertRow) -> Screen:
    """Return the question whether the patient is home."""
    made = (
        button("button.home", alert_tap(alert, "home"), style=Style.SUCCESS),
        button("button.not_yet", alert_tap(alert, "not_home")),
    )
    lines = (*call_first(work, patient), Text(key="call.home.ask"), Text(key="call.home.why"))
    return Screen(name="call.home", lines=lines, rows=rows(made))


def _answered(work: Work, patient: Patient, action: Action) -> Screen | None:
    is_home = action.choice == "home"
    answer = hospital.home if is_home else hospital.not_home
    changed = answer(work, patient, action.subject, asked_of(action))
    if changed is None:
        return None
    if is_home:
        following = next_checkin_text(changed.next_due_at, changed.timezone or work.clinic.timezone)
        lines = (*call_first(work, changed), Text(key="pause.over"), *([following] if following else ()))
        return Screen(name="call.home.yes", lines=lines)
    lines = (*call_first(work, changed), *_paused_text(work, changed), _worse(work))
    return Screen(name="call.home.not_yet", lines=lines)


def _paused_text(work: Work, patient: Patient) -> tuple[Text, ...]:
    """Return until when check-ins pause; nothing if they were paused for longer already."""
    if patient.ask_home_at is None:
        return ()
    return (
        Text(key="call.home.paused", values={"date": date_text(local_day(patient, work.clinic, patient.ask_home_at))}),
    )


def _worse(work: Work) -> Text:
    return Text(key="call.home.worse", values=numbers(work.clinic))
