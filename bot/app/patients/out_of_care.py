"""Ends the care of a patient who died or moved away: check-ins end, and nothing more is sent. Changes no concern."""

from bot.app.alerts.replies import stop_asking
from bot.app.concerns.assessments import as_stored, history
from bot.app.patients import caregivers
from bot.app.records.patients import Patient, PatientState
from bot.app.work import Work
from bot.core import checkin as core


def end_care(work: Work, patient: Patient) -> Patient:
    """End participation without any message, drop the messages that wait, and return the patient.

    The answers are kept. Unlike after `withdraw`, those of an unfinished check-in raise no alert: nobody is to call.
    """
    for invite in work.invites.of_patient(patient.id):
        if invite.revoked_at is None:
            work.invites.save(invite.model_copy(update={"revoked_at": work.at}))
    for consent in work.consents.of_patient(patient.id):
        if consent.withdrawn_at is None:
            work.consents.save(consent.model_copy(update={"withdrawn_at": work.at}))
    _end_checkin(work, patient)
    stop_asking(work, patient)
    for caregiver in work.caregivers.of_patient(patient.id):
        if caregiver.state != "ended":
            caregivers.end(work, patient, caregiver, notify=False)
    left = {
        "state": PatientState.WITHDRAWN,
        **dict.fromkeys(("next_due_at", "goodbye_at", "enrol_step", "follow_up", "undo_until")),
    }
    gone = work.patients.save(as_stored(work, patient).model_copy(update=left))
    work.outbox.drop_waiting_of(patient.id)
    work.record("patient_out_of_care", patient.code)
    return gone


def _end_checkin(work: Work, patient: Patient) -> None:
    row = work.checkins.open_of(patient.id)
    if row is not None:
        step = core.step(row.value, core.Expire(), work.clinic.protocol, history(work, row))
        changes = {"value": step.checkin, "closed_at": work.at, "next_action_at": None, "remind_at": None}
        work.checkins.save(row.model_copy(update=changes))
