"""A patient's new phone: the old chat is asked, and stays the patient's until the new one has agreed. Shows nothing.

Until it is settled the patient has two chats. Earlier answers are shown in the new one only once the old one, or a
coordinator when that phone is lost, has confirmed it.
"""

from bot.app.patients.caregivers import end
from bot.app.patients.leaving import hand_to_team
from bot.app.patients.lookup import locked
from bot.app.ports.errors import RefusedError
from bot.app.records.patients import Patient, PatientState
from bot.app.work import Work

_TAKING_PART = frozenset({PatientState.ACTIVE, PatientState.PAUSED})


def needs_asking(patient: Patient, chat_id: int) -> bool:
    """Return whether a link that this chat opens is for a patient who takes part in another chat."""
    return patient.state in _TAKING_PART and patient.chat_id not in {None, chat_id}


def opened(work: Work, patient: Patient, chat_id: int) -> Patient:
    """Note that a new phone opened the patient's link; nothing moves yet. Return the patient.

    The team is notified if something is open.
    """
    asked = _save(work, patient, second_chat_id=chat_id, phone_move="asked")
    _record(work, patient, "new_phone_opened")
    hand_to_team(work, asked, "new_phone")
    return asked


def agreed(work: Work, patient: Patient) -> Patient:
    """Make the new phone, which agrees, the patient's chat; return the patient.

    The old one stays the second chat until somebody confirms the move.
    """
    is_confirmed = patient.phone_move == "confirmed"
    if is_confirmed and patient.chat_id is not None:
        # It is nobody's any more. What to call about is the new phone's first message.
        work.outbox.drop_waiting_of(patient.id, patient.chat_id)
    _free(work, patient)
    values: dict[str, object] = {"chat_id": patient.second_chat_id, "unreachable_at": None, "is_second": False}
    if is_confirmed:
        moved = _settled(work, patient, **values)
    else:
        values |= {"second_chat_id": patient.chat_id, "phone_move": "moved", "history_from": work.at}
        # The chat of the new phone is free first: no two patients share one.
        moved = _save(work, patient, **values)
    work.tasks.close_of_patient(patient.id, ("unreachable",), work.at)
    _record(work, moved, "new_phone_agreed")
    return moved


def confirmed(work: Work, patient: Patient) -> Patient:
    """Note that the move is the patient's own wish: the new phone may show earlier answers. Return the patient."""
    _record(work, patient, "new_phone_confirmed")
    if patient.phone_move == "asked":
        return _save(work, patient, phone_move="confirmed")
    return _settled(work, patient) if patient.phone_move != "confirmed" else patient


def confirm_for(work: Work, code: str) -> Patient:
    """Confirm a move on behalf of a patient whose old phone is lost, and return the patient.

    Raise RefusedError for an unknown code, or if there is nothing to confirm.
    """
    patient = locked(work.patients, code)
    if patient.phone_move is None and patient.history_from is None:
        raise RefusedError(f"{code} is not moving to a new phone, so there is nothing to confirm")
    work.record("new_phone_confirmed", patient.code)
    if patient.phone_move == "asked":
        return _save(work, patient, phone_move="confirmed")
    return _settled(work, patient) if patient.phone_move != "confirmed" else patient


def refused(work: Work, patient: Patient) -> Patient:
    """Handle "That was not me" on the old phone, or "No" on the new one: the old chat is the patient's alone again.

    What waits for the other one is not sent.
    """
    other = patient.chat_id if patient.phone_move == "moved" else patient.second_chat_id
    if other is not None:
        work.outbox.drop_waiting_of(patient.id, other)
    for invite in work.invites.of_patient(patient.id):
        if invite.revoked_at is None:
            work.invites.save(invite.model_copy(update={"revoked_at": work.at}))
    _record(work, patient, "new_phone_refused")
    if patient.phone_move != "moved":
        return _settled(work, patient, is_second=False)
    for helper in work.caregivers.of_patient(patient.id):
        # Whom the other phone let in saw what the patient answers.
        if helper.state != "ended" and patient.history_from is not None and helper.invited_at >= patient.history_from:
            end(work, patient, helper)
    # Somebody tapped it in the old chat, so it can be reached.
    work.tasks.close_of_patient(patient.id, ("unreachable",), work.at)
    return _settled(work, patient, chat_id=patient.second_chat_id, unreachable_at=None, is_second=False)


def lost(work: Work, patient: Patient) -> Patient:
    """Forget the second chat, which can't be reached any more; a move that was not confirmed stays unconfirmed."""
    return _save(work, patient, second_chat_id=None, phone_move=None, is_second=False)


def _free(work: Work, patient: Patient) -> None:
    """Let the new phone be no other patient's: a chat belongs to one at most, and the earlier one has left."""
    chat = patient.second_chat_id
    earlier = work.patients.by_chat(chat, lock=True) if chat is not None else None
    if earlier is not None and earlier.id != patient.id:
        work.patients.save(earlier.model_copy(update={"chat_id": None}))


def _settled(work: Work, patient: Patient, **values: object) -> Patient:
    return _save(work, patient, **{"second_chat_id": None, "phone_move": None, "history_from": None} | values)


def _save(work: Work, patient: Patient, **values: object) -> Patient:
    return work.patients.save(patient.model_copy(update=values))


def _record(work: Work, patient: Patient, action: str) -> None:
    work.acting(f"patient:{patient.code}").record(action, patient.code)
