"""What ends when a patient says no, or leaves: consent, the open check-in, questions about alerts, caregivers."""

from datetime import datetime

from bot.app import caregivers, checkins
from bot.app.assessments import as_stored
from bot.app.ports import Clinic
from bot.app.store import AlertState, Patient, Store
from bot.core.checkin import Expire


def wind_up(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> Patient:
    """End all that would ask them anything more; what was answered is judged first, and alerts stay for staff.

    Return the patient as that has left them.
    """
    for consent in store.consents(patient.id):
        if consent.withdrawn_at is None:
            store.save_consent(consent.model_copy(update={"withdrawn_at": at}))
    unfinished = store.open_checkin(patient.id)
    if unfinished is not None:
        # What was answered still counts: it was given under consent, and may need a call.
        checkins.close_as(store, clinic, patient, unfinished, Expire(), at)
    for alert in store.alerts(patient.id):
        if alert.next_step_at is not None:
            # Nothing more may be sent; the alert stays for staff.
            state = AlertState.UNCONFIRMED if alert.state is AlertState.OPEN else alert.state
            store.save_alert(alert.model_copy(update={"next_step_at": None, "state": state}))
    for caregiver in store.caregivers(patient.id):
        if caregiver.state != "ended":
            caregivers.end(store, patient, caregiver, at)
    return as_stored(store, patient)
