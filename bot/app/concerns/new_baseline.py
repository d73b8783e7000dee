"""Asks a patient for a new baseline when staff want one. Sets no level: staff do, once they have read it."""

from bot.app.checkins.opening import open_checkin
from bot.app.concerns.deciding import check_may_decide
from bot.app.patients.lookup import locked
from bot.app.ports.errors import RefusedError
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import PatientState
from bot.app.work import Work
from bot.core.hearing import BASELINE


def take_baseline(work: Work, code: str) -> CheckInRow:
    """Ask the patient for a new baseline at once, and return it. It sets no reference level.

    Raise RefusedError if the patient is not active in a chat.
    """
    patient = locked(work.patients, code)
    check_may_decide(work)
    if patient.state is not PatientState.ACTIVE or patient.chat_id is None:
        raise RefusedError(f"{code} is {patient.state}: not active in a chat, so nothing was sent")
    row = open_checkin(work, patient, form=BASELINE, kind="baseline", due_at=work.at)
    if row is None:
        raise RefusedError(f"{code} was sent a check-in just now: try again in a minute")
    work.record("baseline_sent", patient.code)
    return row
