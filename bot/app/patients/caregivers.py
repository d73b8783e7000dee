"""Caregivers: invited by the patient, each in a chat of their own, ended by either. What they answer says so."""

from bot.app.records.patients import Caregiver, Patient, PatientState
from bot.app.work import Work

_THERE = frozenset({PatientState.ACTIVE, PatientState.PAUSED})


def can_invite(patient: Patient) -> bool:
    """Whether the patient may invite a caregiver now."""
    return patient.state in _THERE


def invite(work: Work, patient: Patient) -> str:
    """Make a single-use link's token to hand on; earlier ones, and whoever came by them, end."""
    end_all(work, patient)
    token = work.clinic.new_token()
    work.caregivers.add(
        Caregiver(
            patient_id=patient.id,
            token_hash=work.clinic.hash_token(token),
            expires_at=work.at + work.clinic.protocol.clocks.invite_valid,
            language=patient.language,
            invited_at=work.at,
        )
    )
    _record(work, patient, "caregiver_invited")
    return token


def present(work: Work, patient: Patient) -> Caregiver | None:
    """Return who answers with the patient, or was asked to."""
    return next((c for c in work.caregivers.of_patient(patient.id) if c.state in {"asked", "active"}), None)


def open_link(work: Work, token: str, chat_id: int, language_hint: str | None) -> Patient | None:
    """Bind a caregiver's link to the chat that opened it; None when it is no such link, or works no more.

    Return the patient with the caregiver as `helper`, who is asked whether they agree.
    """
    found = work.caregivers.by_hash(work.clinic.hash_token(token))
    if found is None:
        return None
    patient = work.patients.get(found.patient_id, lock=True)
    # Read again behind the lock: two chats may open it at once, and one of them comes too late.
    found = work.caregivers.by_hash(work.clinic.hash_token(token))
    if found is None or patient is None or patient.state not in _THERE or patient.chat_id == chat_id:
        return None
    if found.state != "invited" or found.expires_at <= work.at:
        return None
    hinted = (language_hint or "").split("-")[0]
    language = hinted if hinted in work.clinic.languages else found.language
    asked = found.model_copy(update={"state": "asked", "chat_id": chat_id, "language": language})
    return patient.model_copy(update={"helper": work.caregivers.save(asked)})


def agree(work: Work, patient: Patient, helper: Caregiver) -> Patient:
    """A caregiver agrees; return the patient with them as `helper`."""
    active = work.caregivers.save(helper.model_copy(update={"state": "active", "agreed_at": work.at}))
    joined = patient.model_copy(update={"helper": active})
    _record(work, joined, "caregiver_agreed")
    return joined


def end_all(work: Work, patient: Patient) -> None:
    """End every caregiver of a patient: links stop working, and each of them is notified."""
    for caregiver in work.caregivers.of_patient(patient.id):
        if caregiver.state != "ended":
            end(work, patient, caregiver)


def end(work: Work, patient: Patient, caregiver: Caregiver, *, notify: bool = True) -> None:
    """End one caregiver; without `notify` where their chat is gone."""
    if caregiver.chat_id is not None and notify:
        work.notices.caregiver_ended(patient, caregiver)
    work.caregivers.save(caregiver.model_copy(update={"state": "ended", "chat_id": None, "ended_at": work.at}))
    _record(work, patient, "caregiver_ended")


def _record(work: Work, patient: Patient, action: str) -> None:
    work.acting(patient.actor).record(action, patient.code)
