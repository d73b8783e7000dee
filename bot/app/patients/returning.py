"""Undoes a stop: for a day, a patient who stopped by themselves can go on as before. Later they need a new link."""

from datetime import datetime, timedelta

from bot.app.alerts.followers import notify_team
from bot.app.alerts.naming import ask, open_alert
from bot.app.alerts.replies import left_open
from bot.app.concerns.follow_up import replanned, update_follow_up
from bot.app.concerns.memory import recall, tier_to_call_about
from bot.app.records.patients import Consent, Patient, PatientState
from bot.app.schedules.plans import OPEN_ENDED
from bot.app.work import Work
from bot.core.protocol import Tier

UNDO_FOR = timedelta(hours=24)
"""How long a patient can undo a stop."""


def can_undo(patient: Patient, at: datetime) -> bool:
    """Return whether the patient's stop can be undone at that time: in their own chat, not in the second one."""
    in_time = patient.undo_until is not None and at < patient.undo_until
    return patient.state is PatientState.WITHDRAWN and in_time and not patient.is_second


def undo_stop(work: Work, patient: Patient) -> Patient | None:
    """Let a patient who stopped go on as before, and return the patient; None if it is late: they need a new link.

    They agree again to what they had agreed to; if that text has changed since, it is late as well. What is still open
    is asked about from the beginning. A caregiver's part stays ended.
    """
    agreed = max(work.consents.of_patient(patient.id), key=lambda consent: consent.id, default=None)
    if not can_undo(patient, work.at):
        return None
    if agreed is not None and agreed.text_hash != work.clinic.consent_hash:
        # Nothing offers it any more.
        work.patients.save(patient.model_copy(update={"undo_until": None}))
        return None
    if agreed is not None:
        work.consents.add(_again(work, agreed))
    is_paused = any(pause.last == OPEN_ENDED for pause in patient.pauses)
    state = PatientState.PAUSED if is_paused else PatientState.ACTIVE
    back = patient.model_copy(update={"state": state, "undo_until": None})
    work.patients.save(replanned(work, back))
    update_follow_up(work, patient.id, recall(work, patient).value)
    back = work.patients.get(patient.id) or back
    work.record("stop_undone", patient.code)
    _ask_again(work, back)
    return back


def _again(work: Work, agreed: Consent) -> Consent:
    return Consent(
        patient_id=agreed.patient_id,
        version=agreed.version,
        text_hash=agreed.text_hash,
        language=agreed.language,
        given_at=work.at,
    )


def _ask_again(work: Work, patient: Patient) -> None:
    """Show the call screen of what is still open, and tell the team that the patient can be asked again."""
    alert, tier = open_alert(work, patient), tier_to_call_about(work, patient)
    if alert is None:
        return
    notify_team(work, patient, alert, "came_back")
    if tier > Tier.ROUTINE:
        asked = ask(work, alert, tier)
        symptoms = tuple(concern.symptom for concern in left_open(work, patient, alert))
        work.notices.call_now(patient, asked.model_copy(update={"symptoms": symptoms}))
