"""Handles taps on a call screen or a safety follow-up in the patient's chat. Decides nothing about the alert."""

from bot.app.alerts import replies
from bot.app.checkins import answering
from bot.app.records.messages import Lane
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.screen import Action, Text
from bot.dialog.call_replies import card_screen, reply_screen
from bot.dialog.post import post
from bot.dialog.replies import TapResult


def tapped(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Handle a tap on a call screen; return None if the alert is not this patient's or there is no such button."""
    word = action.choice
    if word == "card":
        return _card(work, patient, action.subject)
    alert = replies.reply(work, patient, action.subject, word)
    if alert is None:
        return None
    # Other replies lead to a call screen, which is sent before everything else.
    lane = Lane.REPLY if word in {"called", "reached", "remind"} else Lane.RED_FLAG
    post(work, patient, reply_screen(alert, work.clinic, word), slot=f"alert-reply:{alert.id}", lane=lane)
    if word == "mistake":
        answering.claim_mistake(work, patient, alert.checkin_id)
    return TapResult(toast=Text(key="toast.noted"), language=patient.chat_language)


def _card(work: Work, patient: Patient, alert_id: int) -> TapResult | None:
    alert = work.alerts.get(alert_id)
    if alert is None or alert.patient_id != patient.id:
        return None
    post(work, patient, card_screen(patient, work.clinic), slot=f"card:{alert.id}")
    return TapResult(language=patient.chat_language)
