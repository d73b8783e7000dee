"""Daily follow-ups in addition to the plan, updated whenever what is remembered changes. Opens no check-in itself."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.app.ports.clinic import Clinic
from bot.app.records.levels import CloseWatch
from bot.app.records.patients import Patient, PatientState
from bot.app.schedules.plans import end_of_day, rescheduled, start_of_day
from bot.app.work import Work
from bot.core.back_off import LONGEST_DAYS
from bot.core.follow_up import FollowUp, asked_daily
from bot.core.memory import Memory
from bot.core.protocol import Tier

DAILY_KINDS: frozenset[str] = frozenset({"scheduled", "follow_up", "baseline"})
"""Kinds that count as the check-in of their day; one that somebody asked for comes in addition."""
SEARCHED_CHECKINS = 20
"""Newest check-ins that are searched: "I feel worse now" may have opened several today."""


def watches(work: Work, patient_id: int) -> Sequence[CloseWatch]:
    """Return the patient's close watches at `work.at`, oldest first."""
    return [
        row
        for row in work.close_watches.of_patient(patient_id)
        if row.ended_at is None and row.made_at <= work.at < row.until
    ]


def close_watch_of(work: Work, patient: Patient) -> frozenset[str]:
    """Return the symptoms that staff want to have asked daily at `work.at`."""
    return frozenset(row.symptom for row in watches(work, patient.id))


def update_follow_up(work: Work, patient_id: int, memory: Memory) -> None:
    """Begin, continue or end the daily follow-up of what is remembered of a patient."""
    patient = work.patients.get(patient_id)
    if patient is None:
        return
    watched = close_watch_of(work, patient)
    asked = asked_daily(memory, work.clinic.protocol.remembering, work.at, watched)
    before = patient.follow_up if patient.follow_up is not None and not patient.follow_up.steady else None
    since = before.since if before is not None else local_day(patient, work.clinic, work.at)
    following = FollowUp(groups=asked, since=since) if asked else None
    # Silence puts off nothing while something urgent is open.
    urgent = any(concern.tier >= Tier.URGENT and concern.retracted_at is None for concern in memory.open)
    rests_until = None if urgent else patient.rests_until
    if (following, rests_until) == (patient.follow_up, patient.rests_until):
        return
    followed = patient.model_copy(update={"follow_up": following, "rests_until": rests_until})
    is_replanned = (following is None) != (before is None) or rests_until != patient.rests_until
    if followed.state is PatientState.ACTIVE and is_replanned:
        followed = replanned(work, followed)
    work.patients.save(followed)


def replanned(work: Work, patient: Patient) -> Patient:
    """Return the patient, not saved, with a new next due time: today only if there was no check-in today."""
    today, until = local_day(patient, work.clinic, work.at), patient.rests_until
    if until is not None and until > today + timedelta(days=LONGEST_DAYS):
        # Only a clock that has been set back since can have written this.
        patient = patient.model_copy(update={"rests_until": None})
    return rescheduled(patient, work.clinic, asked_until(work, patient))


def asked_until(work: Work, patient: Patient) -> datetime:
    """Return the time up to which everything due has been asked; one check-in a day is enough."""
    today = local_day(patient, work.clinic, work.at)
    asked = (row for row in work.checkins.of_patient(patient.id, limit=SEARCHED_CHECKINS) if row.kind in DAILY_KINDS)
    newest = next(asked, None)
    asked_today = newest is not None and local_day(patient, work.clinic, newest.due_at) == today
    zone, due = patient.timezone or work.clinic.timezone, patient.next_due_at
    if asked_today:
        return end_of_day(work.at, zone)
    if due is not None and due <= work.at:
        # It fell due, but no sweep has opened it yet (the bot was down): a change must not skip it.
        return start_of_day(due, zone) - timedelta(microseconds=1)
    return work.at


def local_day(patient: Patient, clinic: Clinic, at: datetime) -> date:
    """Return the date on the patient's calendar."""
    return at.astimezone(ZoneInfo(patient.timezone or clinic.timezone)).date()
