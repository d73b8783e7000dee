"""Handles "It was a mistake" below the question about a call: what is behind it is asked again. Decides nothing."""

from bot.app.alerts import mistakes, replies
from bot.app.checkins import answering
from bot.app.records.alerts import AlertRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.checkin import State
from bot.core.screen import Action, Text
from bot.dialog import answers, checkins
from bot.dialog.asked import marked
from bot.dialog.call_replies import reply_screen
from bot.dialog.post import post
from bot.dialog.replies import TapResult

WORD = "was_mistake"


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
