"""A patient's plan as the core knows it, and when the next check-in falls due: of the plan, or of the daily re-ask."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.app.ports.clinic import Clinic
from bot.app.records.patients import Patient, PatientState
from bot.core.plan_override import next_with_override, with_rhythms
from bot.core.schedule import Cadence, Occurrence, Pause, Phase, Plan, PlanTemplate, Tail, next_occurrence

FOLLOW_UP = "follow_up"
"""How the phase of the daily re-ask is called in an occurrence."""
FAR = date(9999, 12, 31)
"""The last day of a pause that somebody has to end."""


def plan_of(patient: Patient, clinic: Clinic) -> Plan:
    """Return the plan; until the patient chose a time zone the clinic's own stands in."""
    return Plan(
        template=_template(patient, clinic),
        ici_start=patient.ici_start,
        ici_stop=patient.ici_stop,
        timezone=patient.timezone or clinic.timezone,
        send_time=patient.send_time,
        quiet_from=patient.quiet_from,
        quiet_to=patient.quiet_to,
        pauses=patient.pauses,
        jitter_seconds=patient.jitter,
    )


def _template(patient: Patient, clinic: Clinic) -> PlanTemplate:
    template = clinic.protocol.plans[patient.plan]
    return with_rhythms(template, patient.plan_override.rhythms) if patient.plan_override.rhythms else template


def daily_plan_of(patient: Patient, clinic: Clinic) -> Plan | None:
    """Return the daily re-ask as a plan of its own, from the day after the finding; None when there is none."""
    if patient.follow_up is None or patient.follow_up.steady:
        return None
    daily = (Cadence(form=clinic.protocol.follow_up.form, every=1),)
    template = PlanTemplate(
        name=FOLLOW_UP,
        phases=(Phase(name=FOLLOW_UP, first_day=0, cadences=daily),),
        tail=Tail(name=FOLLOW_UP, cadences=daily),
    )
    first = patient.follow_up.since + timedelta(days=1)
    return plan_of(patient, clinic).model_copy(update={"template": template, "ici_start": first, "ici_stop": None})


def occurrence_after(patient: Patient, clinic: Clinic, after: datetime) -> Occurrence | None:
    """Return the first check-in due strictly later than `after`. On a day that both would ask, the plan does."""
    planned = next_with_override(plan_of(patient, clinic), patient.plan_override, after)
    daily_plan = daily_plan_of(patient, clinic)
    daily = next_occurrence(daily_plan, after) if daily_plan is not None else None
    if planned is None or daily is None:
        return planned or daily
    return planned if planned.local_date <= daily.local_date else daily


def rescheduled(patient: Patient, clinic: Clinic, at: datetime) -> Patient:
    """Return the patient with the next due time worked out anew from now on."""
    following = occurrence_after(patient, clinic, at)
    return patient.model_copy(update={"next_due_at": following.due_at if following else None})


def start_of_day(at: datetime, zone: str) -> datetime:
    """Return the first moment (UTC) of the local day that `at` falls on."""
    return datetime.combine(at.astimezone(ZoneInfo(zone)).date(), time(), ZoneInfo(zone)).astimezone(UTC)


def end_of_day(at: datetime, zone: str) -> datetime:
    """Return the last microsecond (UTC) of the local day that `at` falls on."""
    tomorrow = at.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), ZoneInfo(zone)).astimezone(UTC) - timedelta(microseconds=1)


def pauses_ended(pauses: tuple[Pause, ...], today: date) -> tuple[Pause, ...]:
    """Return the pauses with each that runs today cut to end yesterday; one that began today goes altogether."""
    yesterday = today - timedelta(days=1)
    kept = [p for p in pauses if not p.first <= today <= p.last]
    cut = [Pause(first=p.first, last=yesterday) for p in pauses if p.first < today <= p.last]
    return (*kept, *cut)


def pauses_with(pauses: tuple[Pause, ...], new: Pause) -> tuple[Pause, ...]:
    """Return the pauses with a new one, which holds: what was told last. Of one that meets it the part before stays.

    What would come after it goes too: the patient is told that they are asked again then.
    """
    before = [
        p.model_copy(update={"last": min(p.last, new.first - timedelta(days=1))}) for p in pauses if p.first < new.first
    ]
    apart = [p for p in pauses if p.first > new.last]
    return (*before, new, *apart)


def is_paused(patient: Patient, clinic: Clinic, at: datetime) -> bool:
    """Whether no check-ins are wanted on the patient's day of `at`: paused until resumed, or until a day."""
    today = at.astimezone(ZoneInfo(patient.timezone or clinic.timezone)).date()
    return patient.state is PatientState.PAUSED or any(p.first <= today <= p.last for p in patient.pauses)


def plan_for(clinic: Clinic, regimen: str) -> str:
    """Return the name of the plan that goes with a regimen."""
    return "combination" if regimen == "combination" and "combination" in clinic.protocol.plans else "standard"
