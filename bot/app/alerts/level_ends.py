"""Notices that an agreed level ended, or that nobody confirmed a reference level in time (a sweep). Decides nothing.

What ends is decided by `bot/core/memory.py`. The team gets a task and an alert; the patient is not asked to call.
"""

from functools import partial

from bot.app.alerts.for_team import raise_for_team
from bot.app.concerns.level_tasks import open_level_tasks
from bot.app.concerns.memory import remember, take_unnamed
from bot.app.records.alerts import Task
from bot.app.records.concerns import MemoryRow
from bot.app.records.operations import BEGINNING, Place, SweepResult
from bot.app.records.patients import Patient, PatientState
from bot.app.work import Work
from bot.core.happenings import TimePassed

RULE = "level_ended"
"""The rule name of an alert about a level that ended."""
_TAKES_PART = frozenset({PatientState.ACTIVE, PatientState.PAUSED, PatientState.ENROLLING})


def levels_ended(work: Work, limit: int, after: Place = BEGINNING) -> SweepResult:
    """End the levels whose time has come, and open what the team has to decide about (a sweep)."""
    found = work.concerns.ends_due(work.at, limit, after)
    if not found:
        return SweepResult()
    results = [work.attempt(partial(_end, work, row)) for row in found]
    return SweepResult.of(results, found[-1].ends_at, found[-1].id)


def _end(work: Work, row: MemoryRow) -> None:
    patient = work.patients.get(row.patient_id, lock=True)
    if patient is None:
        return
    remember(work, patient, (TimePassed(),))
    # An answer may have noticed the end already, in its own transaction.
    opened = take_unnamed(work, patient)
    open_level_tasks(work, patient)
    if opened and patient.state in _TAKES_PART:
        raise_for_team(work, patient, RULE, opened)
        _open_task(work, patient)


def _open_task(work: Work, patient: Patient) -> None:
    work.tasks.add(Task(kind="level_ended", patient_id=patient.id, subject=patient.code, raised_at=work.at))
