"""Calculates when the next check-in must fall due from the plan's dates alone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.app.ports.clinic import Clinic
from bot.app.records.patients import Patient
from bot.core.plan_template import Cadence, Phase, PlanTemplate, Tail
from bot.core.schedule import Occurrence, Plan, occurrences
from bot.core.treatment import Treatment

DAY = timedelta(days=1)
_AHEAD = 3


def zone(patient: Patient, clinic: Clinic) -> ZoneInfo:
    return ZoneInfo(patient.timezone or clinic.timezone)


def local_day(patient: Patient, clinic: Clinic, at: datetime) -> date:
    return at.astimezone(zone(patient, clinic)).date()


def next_day(patient: Patient, clinic: Clinic, at: datetime) -> datetime:
    """Return the end of the patient's local day, in UTC."""
    midnight = datetime.combine(local_day(patient, clinic, at) + DAY, time(), zone(patient, clinic))
    return midnight.astimezone(UTC) - timedelta(microseconds=1)


def paused(patient: Patient, day: date) -> bool:
    return any(p.first <= day <= p.last for p in patient.pauses)


def due_after(patient: Patient, clinic: Clinic, after: datetime) -> datetime | None:
    """Return the first check-in due later than `after`: the plan's, or a daily one during a follow-up.

    None before the day until which silence puts check-ins off.
    """
    if patient.rests_until is not None and clinic.protocol.silence:
        before = datetime.combine(patient.rests_until, time(), zone(patient, clinic)) - timedelta(microseconds=1)
        after = max(after, before.astimezone(UTC))
    by_day = {o.local_date: o.due_at for o in _followed_up(patient, clinic, after)}
    by_day |= {o.local_date: o.due_at for o in _ahead(_plan(patient, clinic), after)}
    return by_day[min(by_day)] if by_day else None


def _ahead(found: Plan, after: datetime) -> list[Occurrence]:
    return list(occurrences(found, after, _AHEAD))


def _followed_up(patient: Patient, clinic: Clinic, after: datetime) -> list[Occurrence]:
    if patient.follow_up is None or patient.follow_up.steady:
        return []
    daily = (Cadence(form=clinic.protocol.follow_up.form, every=1),)
    template = PlanTemplate(
        name="follow_up", phases=(Phase(name="follow_up", first_day=0, cadences=daily),), tail=Tail(cadences=daily)
    )
    begins = {"template": template, "treatment": Treatment.begun(patient.follow_up.since + DAY)}
    return _ahead(_plan(patient, clinic).model_copy(update=begins), after)


def _plan(patient: Patient, clinic: Clinic) -> Plan:
    return Plan(
        template=clinic.protocol.plans[patient.plan],
        treatment=patient.treatment,
        timezone=patient.timezone or clinic.timezone,
        send_time=patient.send_time,
        quiet_from=patient.quiet_from,
        quiet_to=patient.quiet_to,
        pauses=patient.pauses,
        jitter_seconds=patient.jitter,
    )
