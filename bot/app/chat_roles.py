"""The roles of a chat: patient, caregiver, team member, or none. The only module that decides them; sends nothing.

One chat may be a patient's own, a caregiver's of another patient, and a team member's. What arrives acts in one role.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bot.app.records.patients import Caregiver, Patient, PatientState
from bot.app.records.team import Staff
from bot.app.work import Stores

_LEFT = frozenset({PatientState.DECLINED, PatientState.WITHDRAWN})

OWN = -1
"""In place of a patient's id: the chat's own patient."""


@dataclass(frozen=True)
class ChatRole:
    """Who a chat acts as. A caregiver's has their patient, with `caregiver` set; a stranger's has neither field."""

    patient: Patient | None = None
    staff: Staff | None = None


@dataclass(frozen=True)
class ChatRoles:
    """Every role of a chat. `own`: the patient whose chat it is; `helped`: the other one, with `caregiver` set."""

    own: Patient | None = None
    helped: Patient | None = None
    staff: Staff | None = None

    @property
    def taking_part(self) -> Patient | None:
        """Return the chat's own patient unless they have left."""
        return self.own if self.own is not None and self.own.state not in _LEFT else None


def role_of(stores: Stores, chat_id: int, about: Callable[[], int] = lambda: 0) -> ChatRole:
    """Return the role in which a chat acts, with its patient locked; change nothing.

    The chat's own patient comes first, then the one it helps, then the team, last a patient who has left. `about`
    returns the id of the patient whom the update names (0: nobody; OWN: the chat's own, also after they have left):
    it decides between two patients of one chat.
    """
    helping = stores.caregivers.by_chat(chat_id)
    named = about() if helping is not None else 0
    if helping is not None and named == helping.patient_id and (helped := _cared_for(stores, helping)) is not None:
        return ChatRole(patient=helped)
    own = _own(stores, chat_id)
    if own is not None and (own.state not in _LEFT or (named or about()) in {own.id, OWN}):
        return ChatRole(patient=own)
    helped = _cared_for(stores, helping)
    staff = team_member(stores, chat_id) if helped is None else None
    return ChatRole(patient=helped or (own if staff is None else None), staff=staff)


def team_member(stores: Stores, chat_id: int) -> Staff | None:
    """Return the team member of a chat, locked; None if it is nobody's on the team."""
    found = stores.staff.by_chat(chat_id)
    # Read again behind a lock: a member who has just been removed is a stranger.
    person = stores.staff.by_name(found.name, lock=True) if found is not None else None
    return person if person is not None and person.chat_id == chat_id and person.state == "active" else None


def roles_of(stores: Stores, chat_id: int) -> ChatRoles:
    """Return every role of a chat, with its patients locked; change nothing."""
    own = _own(stores, chat_id)
    return ChatRoles(
        own=own, helped=_cared_for(stores, stores.caregivers.by_chat(chat_id)), staff=team_member(stores, chat_id)
    )


def answers_for_another(stores: Stores, chat_id: int, patient_id: int = 0) -> bool:
    """Return whether a chat answers for a patient other than that one: it keeps its reply keyboard."""
    roles = roles_of(stores, chat_id)
    return any(one is not None and one.id != patient_id for one in (roles.taking_part, roles.helped))


def _own(stores: Stores, chat_id: int) -> Patient | None:
    """Return the patient of a chat, locked: also of the second one, while they move to a new phone.

    A patient who has left comes after another who moves to or from this chat.
    """
    patient = stores.patients.by_chat(chat_id, lock=True)
    if patient is not None and patient.state not in _LEFT:
        return patient
    moving = stores.patients.by_second_chat(chat_id)
    return moving.model_copy(update={"is_second": True}) if moving is not None else patient


def _cared_for(stores: Stores, helping: Caregiver | None) -> Patient | None:
    """Return the locked patient of a caregiver who was read without a lock; None if they no longer help."""
    if helping is None or helping.chat_id is None:
        return None
    patient = stores.patients.get(helping.patient_id, lock=True)
    # Read again under the lock: the patient may have ended it meanwhile.
    caregiver = stores.caregivers.by_chat(helping.chat_id)
    if patient is None or caregiver is None or caregiver.patient_id != patient.id:
        return None
    return patient.model_copy(update={"caregiver": caregiver})
