"""The role of a chat: patient, caregiver, team member or stranger. The only module that decides it; sends nothing."""

from dataclasses import dataclass

from bot.app.records.patients import Patient
from bot.app.records.team import Staff
from bot.app.work import Stores


@dataclass(frozen=True)
class ChatRole:
    """Who a chat belongs to. A caregiver's has their patient, with `caregiver` set; a stranger's has neither field."""

    patient: Patient | None = None
    staff: Staff | None = None


def role_of(stores: Stores, chat_id: int) -> ChatRole:
    """Return the role of a chat, with its patient locked; change nothing."""
    patient = stores.patients.by_chat(chat_id, lock=True) or _cared_for(stores, chat_id)
    if patient is not None:
        return ChatRole(patient=patient)
    found = stores.staff.by_chat(chat_id)
    # Read again behind a lock: a member who has just been removed is a stranger.
    person = stores.staff.by_name(found.name, lock=True) if found is not None else None
    if person is not None and person.chat_id != chat_id:
        person = None
    return ChatRole(staff=person) if person is not None and person.state == "active" else ChatRole()


def _cared_for(stores: Stores, chat_id: int) -> Patient | None:
    caregiver = stores.caregivers.by_chat(chat_id)
    patient = stores.patients.get(caregiver.patient_id, lock=True) if caregiver is not None else None
    # Read again under the lock: the patient may have ended it meanwhile.
    caregiver = stores.caregivers.by_chat(chat_id)
    if patient is None or caregiver is None or caregiver.patient_id != patient.id:
        return None
    return patient.model_copy(update={"caregiver": caregiver})
