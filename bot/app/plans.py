"""A patient's plan as the core knows it, and when the next check-in falls due."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.app.ports import Clinic
from bot.app.store import Patient
from bot.core.schedule import Occurrence, Plan, next_occurrence


def plan_of(patient: Patient, clinic: Clinic) -> Plan:
    """Return the plan; until the patient chose a time zone the clinic's own stands in."""
    return Plan(
        template=clinic.protocol.plans[patient.plan],
        ici_start=patient.ici_start,
        ici_stop=patient.ici_stop,
        timezone=patient.timezone or clinic.timezone,
        send_time=patient.send_time,
        quiet_from=patient.quiet_from,
        quiet_to=patient.quiet_to,
        pauses=patient.pauses,
        jitter_seconds=patient.jitter,
    )


def occurrence_after(patient: Patient, clinic: Clinic, after: datetime) -> Occurrence | None:
    """Return the first check-in due strictly later than `after`."""
    return next_occurrence(plan_of(patient, clinic), after)


def rescheduled(patient: Patient, clinic: Clinic, at: datetime) -> Patient:
    """Return the patient with the next due time worked out anew from now on."""
    following = occurrence_after(patient, clinic, at)
    return patient.model_copy(update={"next_due_at": following.due_at if following else None})


def end_of_day(at: datetime, zone: str) -> datetime:
    """Return the last microsecond (UTC) of the local day that `at` falls on."""
    tomorrow = at.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), ZoneInfo(zone)).astimezone(UTC) - timedelta(microseconds=1)
