"""The role of a chat: a patient's, a caregiver's, a team member's or a stranger's. The one place that decides it."""

from dataclasses import dataclass

from bot.app.alerts import escalation
from bot.app.patients import participation
from bot.app.records.patients import Patient
from bot.app.records.team import Staff
from bot.app.work import Stores, Work


@dataclass(frozen=True)
class ChatRole:
    """Whose chat it is; a caregiver's is the patient's they answer for, with `helper` set. Neither: a stranger's."""

    patient: Patient | None = None
    staff: Staff | None = None


def role_of(work: Work, chat_id: int) -> ChatRole:
    """Return the role of a chat without changing anything; the patient is locked."""
    patient = work.patients.by_chat(chat_id, lock=True) or _helped(work, chat_id)
    if patient is not None:
        return ChatRole(patient=patient)
    found = work.staff.by_chat(chat_id)
    # Read again behind a lock: a member who has just been removed is a stranger.
    person = work.staff.by_name(found.name, lock=True) if found is not None else None
    if person is not None and person.chat_id != chat_id:
        person = None
    return ChatRole(staff=person) if person is not None and person.state == "active" else ChatRole()


def writing_role(work: Work, chat_id: int) -> ChatRole:
    """Return the role of a chat that something came from: who writes can be reached again."""
    role = role_of(work, chat_id)
    if role.patient is not None and role.patient.helper is None and role.patient.unreachable_at is not None:
        participation.set_reachable(work, role.patient, reachable=True)
        return role_of(work, chat_id)
    if role.staff is not None and role.staff.unreachable_at is not None:
        escalation.set_reachable(work, role.staff, reachable=True)
        return role_of(work, chat_id)
    return role


def _helped(stores: Stores, chat_id: int) -> Patient | None:
    helper = stores.caregivers.by_chat(chat_id)
    patient = stores.patients.get(helper.patient_id, lock=True) if helper is not None else None
    # Read again behind the lock: the patient may just have ended it.
    helper = stores.caregivers.by_chat(chat_id)
    if patient is None or helper is None or helper.patient_id != patient.id:
        return None
    return patient.model_copy(update={"helper": helper})
