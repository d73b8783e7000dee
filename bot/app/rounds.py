"""What is asked again daily, beside the plan: kept with the patient, and worked out anew at each assessment."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.app.plans import end_of_day, rescheduled, start_of_day
from bot.app.ports import Clinic
from bot.app.store import Patient, PatientState, Store
from bot.core.again import follow
from bot.core.triage import Assessment

DAYS_CHECKIN: frozenset[str] = frozenset({"scheduled", "again", "baseline"})
"""What counts as the check-in of its day; one that was asked for goes beside it."""
LOOKED_BACK = 20
""" "I feel worse now" may have opened some since."""


def follow_up(store: Store, clinic: Clinic, patient: Patient, found: Assessment, at: datetime) -> Patient:
    """Begin, go on with or end what is asked daily after an assessment; return the patient as they are now."""
    watch = follow(patient.watch, found, clinic.protocol, local_day(patient, clinic, at))
    if watch == patient.watch:
        return patient
    watched = patient.model_copy(update={"watch": watch})
    if watched.state is PatientState.ACTIVE and _asked_daily(watched) != _asked_daily(patient):
        watched = replanned(store, clinic, watched, at)
    return store.save_patient(watched)


def _asked_daily(patient: Patient) -> date | None:
    return patient.watch.since if patient.watch is not None and not patient.watch.steady else None


def replanned(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> Patient:
    """Return the patient, not saved, with the next due time worked out anew: today only if today was not asked yet."""
    return rescheduled(patient, clinic, asked_until(store, clinic, patient, at))


def asked_until(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> datetime:
    """Return the moment up to which all that was to be asked has been: one check-in a day is enough."""
    today = local_day(patient, clinic, at)
    asked = (row for row in store.checkins(patient.id, limit=LOOKED_BACK) if row.kind in DAYS_CHECKIN)
    newest = next(asked, None)
    asked_today = newest is not None and local_day(patient, clinic, newest.due_at) == today
    zone, due = patient.timezone or clinic.timezone, patient.next_due_at
    if asked_today:
        return end_of_day(at, zone)
    if due is not None and due <= at:
        # It fell due, and no sweep has opened it yet, as while the bot is down: no change may pass it over.
        return start_of_day(due, zone) - timedelta(microseconds=1)
    return at


def local_day(patient: Patient, clinic: Clinic, at: datetime) -> date:
    """Return the date on the patient's calendar."""
    return at.astimezone(ZoneInfo(patient.timezone or clinic.timezone)).date()
