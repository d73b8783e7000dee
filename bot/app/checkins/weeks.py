"""Finds the first all-clear of each week, which says what is not asked about. Shows nothing itself."""

from collections.abc import Sequence
from datetime import datetime

from bot.app.concerns.follow_up import local_day
from bot.app.records.checkins import AssessmentRow, CheckInRow
from bot.app.records.concerns import ConcernChange
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.concern_values import ConcernState
from bot.core.protocol import Tier

_SEARCHED_ASSESSMENTS = 50
"""Newest assessments that are searched: each answer of a red flag has one, and there may be several check-ins a day."""


def is_first_of_week(work: Work, patient: Patient, row: CheckInRow) -> bool:
    """Return whether no other check-in ended with an all-clear since Monday of the patient's calendar."""
    week = local_day(patient, work.clinic, work.at).isocalendar()[:2]
    found = work.assessments.of_patient(patient.id, limit=_SEARCHED_ASSESSMENTS)
    others = [
        a for a in found if a.checkin_id != row.id and local_day(patient, work.clinic, a.at).isocalendar()[:2] == week
    ]
    changes = work.concerns.changes(patient.id) if others else ()
    stored = work.concerns.of_patient(patient.id)
    has_agreed = stored is not None and any(each.agreed is not None for each in stored.value.accepted.values())
    return not any(_was_clear(each, changes, has_agreed=has_agreed) for each in others)


def _was_clear(found: AssessmentRow, changes: Sequence[ConcernChange], *, has_agreed: bool) -> bool:
    """Return whether the check-in ended with an all-clear: not with what was open, known or left out."""
    is_quieted = has_agreed and found.basis is not None and bool(found.basis.quiet)
    is_routine = found.final and found.complete and found.tier == Tier.ROUTINE
    return is_routine and not is_quieted and not _was_pending(changes, found.at)


def _was_pending(changes: Sequence[ConcernChange], at: datetime) -> bool:
    """Return whether anything was open, or known to a human, then. `changes`: newest first."""
    states: dict[str, ConcernState] = {}
    for change in changes:
        if change.at <= at:
            states.setdefault(change.symptom, change.state)
    return bool({ConcernState.OPEN, ConcernState.REACHED} & set(states.values()))
