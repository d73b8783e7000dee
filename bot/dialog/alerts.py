"""Handles taps on a call screen or a safety follow-up in the patient's chat. Decides nothing about the alert."""

from bot.app.alerts import replies
from bot.app.records.messages import Lane
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.safety_follow_up import CONFIRMS
from bot.core.screen import Action, Text
from bot.dialog import hospital, mistakes, other_taps
from bot.dialog.asked import asked_of, marked
from bot.dialog.call_replies import card_screen, reply_screen, rest_screen
from bot.dialog.call_soon import KNOWS, NOT_ABOUT_THIS, knows_screen
from bot.dialog.post import post
from bot.dialog.replies import TapResult


def tapped(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Handle a tap on a call screen; return None if the alert is not this patient's or there is no such button."""
    word = action.choice
    if word == "card":
        return _card(work, patient, action.subject)
    if word in {KNOWS, NOT_ABOUT_THIS}:
        return _team_knows(work, patient, action)
    if word in hospital.WORDS:
        return hospital.tapped(work, patient, action)
    if (said := mistakes.of_another(work, patient, action)) is not None:
        return said
    if word == mistakes.WORD:
        return mistakes.tapped(work, patient, action)
    alert = replies.reply(work, patient, action.subject, word, asked_of(action))
    if alert is None:
        return None
    # "I have called" and "remind me" on a message from before something higher joined the alert are not about that.
    is_outdated = word in {"called", "remind"} and replies.is_outdated(work, patient, alert, asked_of(action))
    is_partial = word in CONFIRMS or is_outdated
    left = replies.left_open(work, patient, alert) if is_partial else ()
    following = rest_screen(alert, work.clinic, left) if left else reply_screen(alert, work.clinic, word)
    # Other replies lead to a call screen, which is sent before everything else.
    lane = Lane.REPLY if word in {"called", "remind", *CONFIRMS} and not left else Lane.RED_FLAG
    shown = marked(work, following, alert, repeats=action)
    post(work, patient, shown, slot=f"alert-reply:{alert.id}", lane=lane)
    other_taps.show(work, patient, alert, word)
    if word == "mistake":
        mistakes.claimed(work, patient, alert)
    return TapResult(toast=Text(key="toast.noted"), language=patient.chat_language)


def _team_knows(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Ask whether the team knows about this, or say that a call is still needed."""
    alert = work.alerts.get(action.subject)
    if alert is None or alert.patient_id != patient.id:
        return None
    is_asked = action.choice == KNOWS
    screen = knows_screen(alert) if is_asked else reply_screen(alert, work.clinic, action.choice)
    post(work, patient, marked(work, screen, alert, repeats=action), slot=f"alert-reply:{alert.id}")
    return TapResult(language=patient.chat_language)


def _card(work: Work, patient: Patient, alert_id: int) -> TapResult | None:
    alert = work.alerts.get(alert_id)
    if alert is None or alert.patient_id != patient.id:
        return None
    post(work, patient, card_screen(patient, work.clinic), slot=f"card:{alert.id}")
    return TapResult(language=patient.chat_language)
