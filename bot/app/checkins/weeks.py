"""Finds the first all-clear of each week, which says what is not asked about. Shows nothing itself."""

from bot.app.concerns.follow_up import local_day
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.protocol import Tier

_SEARCHED_ASSESSMENTS = 50
"""Newest assessments that are searched: each answer of a red flag has one, and there may be several check-ins a day."""


def is_first_of_week(work: Work, patient: Patient, row: CheckInRow) -> bool:
    """Return whether no other check-in found nothing since Monday of the patient's calendar."""
    week = local_day(patient, work.clinic, work.at).isocalendar()[:2]
    found = work.assessments.of_patient(patient.id, limit=_SEARCHED_ASSESSMENTS)
    clear = (a for a in found if a.checkin_id != row.id and a.final and a.tier == Tier.ROUTINE)
    return all(local_day(patient, work.clinic, a.at).isocalendar()[:2] != week for a in clear)
