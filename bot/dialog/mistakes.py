"""Handles "It was a mistake" below the question about a call: what is behind it is asked again. Decides nothing.

Another person's answer is none's to take back: the tap is answered in words, with the numbers.
"""

from bot.app.alerts import mistakes, replies
from bot.app.checkins import answering
from bot.app.records.alerts import AlertRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.checkin import State
from bot.core.protocol import Tier
from bot.core.screen import Action, Screen, Text
from bot.dialog import answers, checkins
from bot.dialog.asked import marked
from bot.dialog.call_replies import reply_screen
from bot.dialog.post import post
from bot.dialog.replies import TapResult
from bot.dialog.widgets import both_numbers, copy_button, copy_emergency_button, numbers, rows

WORD = "was_mistake"
"""Below the question about a call; "mistake" is the one of a call screen."""


def tapped(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Store it, and ask again in the same message; return None if the alert is not this patient's."""
    alert = replies.reply(work, patient, action.subject, "mistake")
    if alert is None:
        return None
    found = mistakes.asked_again(work, patient, alert)
    if found is not None and found[0].value.state is State.DONE:
        return answers.ask_again(work, patient, *found, alert)
    if not _asked_in_open_checkin(work, patient, alert):
        shown = marked(work, reply_screen(alert, work.clinic, "mistake"), alert, repeats=action)
        post(work, patient, shown, slot=f"alert-reply:{alert.id}")
    return TapResult(toast=Text(key="toast.noted"), language=patient.chat_language)


def of_another(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Say that only the other person can call it a mistake; return None if the tap is no mistake, or one's own."""
    alert = work.alerts.get(action.subject) if action.choice in {WORD, "mistake"} else None
    if alert is None or alert.patient_id != patient.id or not mistakes.is_of_another(work, patient, alert):
        return None
    mistakes.log_of_another(work, patient, alert)
    call = Text(key=f"call.reply.not_yet.{alert.asks.name.lower()}", values=numbers(work.clinic))
    lines = (Text(key="call.mistake.other"), call if alert.asks > Tier.ROUTINE else both_numbers(work.clinic))
    made = rows((copy_emergency_button(work.clinic), copy_button(work.clinic)))
    post(work, patient, Screen(name="call.mistake.other", lines=lines, rows=made), slot=f"alert-reply:{alert.id}")
    return TapResult(language=patient.chat_language)


def claimed(work: Work, patient: Patient, alert: AlertRow) -> None:
    """Ask again what is behind a call screen: in its check-in, or below all messages if that is finished."""
    found = mistakes.asked_again(work, patient, alert)
    if found is not None and found[0].value.state is State.DONE:
        answers.ask_again(work, patient, *found, alert)
    else:
        _asked_in_open_checkin(work, patient, alert)


def _asked_in_open_checkin(work: Work, patient: Patient, alert: AlertRow) -> bool:
    """Ask again in a check-in that is still open, below all other messages; return whether it was asked."""
    before = work.checkins.open_of(patient.id)
    _, question = mistakes.asked_again(work, patient, alert) or (None, "")
    answering.claim_mistake(work, patient, alert.checkin_id, question)
    after = work.checkins.open_of(patient.id)
    if after is None or after == before:
        return False
    checkins.show_again(work, patient, after)
    return True
