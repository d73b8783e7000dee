"""A call in the patient's chat: the buttons of a call screen and of the safety follow-up."""

from bot.app.alerts import replies
from bot.app.checkins import answering
from bot.app.records.messages import Lane
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.screen import Action, Text
from bot.dialog.call_screens import card_screen, reply_screen
from bot.dialog.post import post
from bot.dialog.replies import TapResult


def tapped(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Handle a button of a call screen; None when it isn't this patient's alert or no such word."""
    word = action.choice
    if word == "card":
        return _card(work, patient, action.subject)
    alert = replies.reply(work, patient, action.subject, word)
    if alert is None:
        return None
    # A reply that isn't "reached" is itself a call screen: it goes before everything else.
    lane = Lane.REPLY if word in {"called", "reached", "remind"} else Lane.RED_FLAG
    post(work, patient, reply_screen(alert, work.clinic, word), slot=f"alert-reply:{alert.id}", lane=lane)
    if word == "mistake":
        answering.claim_mistake(work, patient, alert.checkin_id)
    return TapResult(toast=Text(key="toast.noted"), language=patient.speaks)


def _card(work: Work, patient: Patient, alert_id: int) -> TapResult | None:
    alert = work.alerts.get(alert_id)
    if alert is None or alert.patient_id != patient.id:
        return None
    post(work, patient, card_screen(patient, work.clinic), slot=f"card:{alert.id}")
    return TapResult(language=patient.speaks)
