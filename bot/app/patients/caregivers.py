"""Caregivers: the patient invites them, they answer in their own chat, and either side ends it. Decides no screen."""

from bot.app.records.patients import Caregiver, Patient, PatientState
from bot.app.work import Work

_TAKING_PART = frozenset({PatientState.ACTIVE, PatientState.PAUSED})


def can_invite(patient: Patient) -> bool:
    """Return whether the patient may invite a caregiver now."""
    return patient.state in _TAKING_PART


def invite(work: Work, patient: Patient) -> str:
    """Return the token of a new single-use link to pass on. It ends earlier links and caregivers."""
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


def current_caregiver(work: Work, patient: Patient) -> Caregiver | None:
    """Return the caregiver who answers with the patient or was asked to; None if there is none."""
    return next((c for c in work.caregivers.of_patient(patient.id) if c.state in {"asked", "active"}), None)


def find_link(work: Work, token: str) -> tuple[Patient, Caregiver] | None:
    """Return whom a caregiver's link is for, locked, and the caregiver of that link; None if no such link works.

    Change nothing. A link works until it expires, or somebody opened it.
    """
    found = work.caregivers.by_hash(work.clinic.hash_token(token))
    patient = work.patients.get(found.patient_id, lock=True) if found is not None else None
    # Read again under the lock: two chats may open the link at once, and one of them is too late.
    found = work.caregivers.by_hash(work.clinic.hash_token(token))
    if found is None or patient is None or patient.state not in _TAKING_PART:
        return None
    return (patient, found) if found.state == "invited" and found.expires_at > work.at else None


def open_link(work: Work, token: str, chat_id: int, language_hint: str | None) -> Patient | None:
    """Bind a caregiver's link to the chat that opened it; None if the link is not valid there.

    Return the patient with the caregiver as `caregiver`, who still has to agree.
    """
    patient, found = find_link(work, token) or (None, None)
    if patient is None or found is None or patient.chat_id == chat_id:
        return None
    hinted = (language_hint or "").split("-")[0]
    language = hinted if hinted in work.clinic.languages else found.language
    asked = found.model_copy(update={"state": "asked", "chat_id": chat_id, "language": language})
    return patient.model_copy(update={"caregiver": work.caregivers.save(asked)})


def agree(work: Work, patient: Patient, caregiver: Caregiver) -> Patient:
    """Activate a caregiver who agrees; return the patient with them as `caregiver`."""
    active = work.caregivers.save(caregiver.model_copy(update={"state": "active", "agreed_at": work.at}))
    joined = patient.model_copy(update={"caregiver": active})
    _record(work, joined, "caregiver_agreed")
    return joined


def end_all(work: Work, patient: Patient) -> None:
    """End the participation of all caregivers of a patient: links stop working, and each caregiver is notified."""
    for caregiver in work.caregivers.of_patient(patient.id):
        if caregiver.state != "ended":
            end(work, patient, caregiver)


def end(work: Work, patient: Patient, caregiver: Caregiver, *, notify: bool = True) -> None:
    """End one caregiver's participation: what waits for their chat is not sent. Notify them if `notify`."""
    if caregiver.chat_id is not None:
        work.outbox.drop_waiting_of(patient.id, caregiver.chat_id)
    if caregiver.chat_id is not None and notify:
        work.notices.caregiver_ended(patient, caregiver)
    work.caregivers.save(caregiver.model_copy(update={"state": "ended", "chat_id": None, "ended_at": work.at}))
    _record(work, patient, "caregiver_ended")


def _record(work: Work, patient: Patient, action: str) -> None:
    work.acting(patient.actor).record(action, patient.code)
