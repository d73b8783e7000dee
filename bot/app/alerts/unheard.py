"""The task to phone a patient with a red flag who confirmed no call before a pause, or in one. Notifies nobody.

Outside of a pause it is the first missed follow-up that opens it (`app/checkins/silence.py`); a pause asks none.
"""

from datetime import timedelta

from bot.app.records.alerts import AlertState, Task
from bot.app.records.patients import Patient, PatientState
from bot.app.schedules.plans import is_paused
from bot.app.work import Work
from bot.core.protocol import Tier

_TAKING_PART = frozenset({PatientState.ACTIVE, PatientState.PAUSED})
_NEXT_FOLLOW_UP = timedelta(days=1)
"""While an EMERGENCY or URGENT is open, a follow-up comes within a day, unless check-ins are paused by then."""


def phone_in_pause(work: Work, patient: Patient, tier: Tier) -> None:
    """Open the task, unless it is open, if the safety follow-ups ended unanswered and no check-in comes by tomorrow.

    `tier`: of what the patient has to call about; the task is for EMERGENCY and URGENT.
    """
    if tier < Tier.URGENT or patient.state not in _TAKING_PART:
        return
    is_away = any(is_paused(patient, work.clinic, at) for at in (work.at, work.at + _NEXT_FOLLOW_UP))
    if is_away and any(alert.state is AlertState.UNCONFIRMED for alert in work.alerts.open_of(patient.id)):
        work.tasks.add(Task(kind="phone_patient", patient_id=patient.id, subject=patient.code, raised_at=work.at))
