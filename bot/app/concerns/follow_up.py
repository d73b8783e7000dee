"""What is asked again daily, beside the plan: kept with the patient, and worked out anew at each assessment."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.app.ports.clinic import Clinic
from bot.app.records.patients import Patient, PatientState
from bot.app.schedules.plans import end_of_day, rescheduled, start_of_day
from bot.app.work import Work
from bot.core.follow_up import next_follow_up
from bot.core.triage import Assessment

DAYS_CHECKIN: frozenset[str] = frozenset({"scheduled", "follow_up", "baseline"})
"""What counts as the check-in of its day; one that was asked for goes beside it."""
LOOKED_BACK = 20
""" "I feel worse now" may have opened some since."""


def update_follow_up(work: Work, patient: Patient, found: Assessment) -> Patient:
    """Begin, go on with or end what is asked daily after an assessment; return the patient as they are now."""
    following = next_follow_up(patient.follow_up, found, work.clinic.protocol, local_day(patient, work.clinic, work.at))
    if following == patient.follow_up:
        return patient
    followed = patient.model_copy(update={"follow_up": following})
    if followed.state is PatientState.ACTIVE and _asked_daily(followed) != _asked_daily(patient):
        followed = replanned(work, followed)
    return work.patients.save(followed)


def _asked_daily(patient: Patient) -> date | None:
    return patient.follow_up.since if patient.follow_up is not None and not patient.follow_up.steady else None


def replanned(work: Work, patient: Patient) -> Patient:
    """Return the patient, not saved, with the next due time worked out anew: today only if today was not asked yet."""
    return rescheduled(patient, work.clinic, asked_until(work, patient))


def asked_until(work: Work, patient: Patient) -> datetime:
    """Return the moment up to which all that was to be asked has been: one check-in a day is enough."""
    today = local_day(patient, work.clinic, work.at)
    asked = (row for row in work.checkins.of_patient(patient.id, limit=LOOKED_BACK) if row.kind in DAYS_CHECKIN)
    newest = next(asked, None)
    asked_today = newest is not None and local_day(patient, work.clinic, newest.due_at) == today
    zone, due = patient.timezone or work.clinic.timezone, patient.next_due_at
    if asked_today:
        return end_of_day(work.at, zone)
    if due is not None and due <= work.at:
        # It fell due, and no sweep has opened it yet, as while the bot is down: no change may pass it over.
        return start_of_day(due, zone) - timedelta(microseconds=1)
    return work.at


def local_day(patient: Patient, clinic: Clinic, at: datetime) -> date:
    """Return the date on the patient's calendar."""
    return at.astimezone(ZoneInfo(patient.timezone or clinic.timezone)).date()
