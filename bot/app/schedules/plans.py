"""Translates a patient's record into plans of the core, and finds the next check-in. Stores nothing."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.app.ports.clinic import Clinic
from bot.app.records.patients import Patient, PatientState
from bot.core.local_time import after_quiet_hours
from bot.core.plan_override import PlanOverride, next_with_override, with_rhythms
from bot.core.plan_template import Cadence, Phase, PlanTemplate, Tail
from bot.core.schedule import Occurrence, Pause, Plan, due_on
from bot.core.treatment import Treatment

FOLLOW_UP = "follow_up"
"""The name of the daily follow-up's phase in an occurrence."""
_AS_PLANNED = PlanOverride()
OPEN_ENDED = date(9999, 12, 31)
"""The last day of a pause that lasts until somebody ends it."""


def plan_of(patient: Patient, clinic: Clinic) -> Plan:
    """Return the patient's plan, in the clinic's time zone until they have chosen their own."""
    return Plan(
        template=_template(patient, clinic),
        treatment=patient.treatment,
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
    """Return the daily follow-up as a plan that begins on the day after the finding; None if there is none."""
    if patient.follow_up is None or patient.follow_up.steady:
        return None
    daily = (Cadence(form=clinic.protocol.follow_up.form, every=1),)
    template = PlanTemplate(
        name=FOLLOW_UP,
        phases=(Phase(name=FOLLOW_UP, first_day=0, cadences=daily),),
        tail=Tail(name=FOLLOW_UP, cadences=daily),
    )
    first = patient.follow_up.since + timedelta(days=1)
    return plan_of(patient, clinic).model_copy(update={"template": template, "treatment": Treatment.begun(first)})


def occurrence_after(patient: Patient, clinic: Clinic, after: datetime) -> Occurrence | None:
    """Return the first check-in due strictly later than `after`. On a day that has both, the plan's form is asked.

    Both rest while silence puts them off.
    """
    rests_until = patient.rests_until if clinic.protocol.silence else None
    planned = next_with_override(plan_of(patient, clinic), patient.plan_override, after, rests_until)
    daily_plan = daily_plan_of(patient, clinic)
    daily = next_with_override(daily_plan, _AS_PLANNED, after, rests_until) if daily_plan is not None else None
    if planned is None or daily is None:
        return planned or daily
    return planned if planned.local_date <= daily.local_date else daily


def skipped_for_silence(patient: Patient, clinic: Clinic, after: datetime) -> Iterator[Occurrence]:
    """Yield the check-ins due strictly later than `after` that are not asked because the patient is silent."""
    as_planned = patient.model_copy(update={"rests_until": None})
    following = occurrence_after(patient, clinic, after)
    skipped = occurrence_after(as_planned, clinic, after)
    while skipped is not None and skipped != following:
        yield skipped
        skipped = occurrence_after(as_planned, clinic, skipped.due_at)


def rescheduled(patient: Patient, clinic: Clinic, at: datetime) -> Patient:
    """Return the patient, not saved, with the first due time after `at`.

    Who has been asked until now, and is asked no more, gets a goodbye: at once, or on the day after a pause.
    """
    following = occurrence_after(patient, clinic, at)
    if following is not None:
        return patient.model_copy(update={"next_due_at": following.due_at, "goodbye_at": None})
    was_asked = patient.next_due_at is not None or patient.goodbye_at is not None
    goodbye_at = _goodbye_at(patient, clinic, at) if was_asked else None
    return patient.model_copy(update={"next_due_at": None, "goodbye_at": goodbye_at})


def _goodbye_at(patient: Patient, clinic: Clinic, at: datetime) -> datetime:
    """Return when to say that nothing more is asked: never before what a pause leaves out would have come.

    Far ahead if nobody knows when the pause ends; when it is ended, the next due time is found again.
    """
    left_out = occurrence_after(patient.model_copy(update={"pauses": ()}), clinic, at)
    zone = patient.timezone or clinic.timezone
    day = left_out.local_date if left_out is not None else at.astimezone(ZoneInfo(zone)).date()
    for pause in sorted(patient.pauses, key=lambda pause: pause.first):
        if pause.first <= day <= pause.last:
            if pause.last == OPEN_ENDED:
                return datetime.combine(OPEN_ENDED, time(), UTC)
            day = pause.last + timedelta(days=1)
    due_at = due_on(plan_of(patient, clinic), day) or at
    return after_quiet_hours(max(due_at, at), zone, patient.quiet_from, patient.quiet_to)


def start_of_day(at: datetime, zone: str) -> datetime:
    """Return the start (UTC) of the local day of `at`."""
    return datetime.combine(at.astimezone(ZoneInfo(zone)).date(), time(), ZoneInfo(zone)).astimezone(UTC)


def end_of_day(at: datetime, zone: str) -> datetime:
    """Return the last microsecond (UTC) of the local day of `at`."""
    tomorrow = at.astimezone(ZoneInfo(zone)).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), ZoneInfo(zone)).astimezone(UTC) - timedelta(microseconds=1)


def pauses_ended(pauses: tuple[Pause, ...], today: date) -> tuple[Pause, ...]:
    """Return the pauses with those running today cut to end yesterday; one that began today is removed."""
    yesterday = today - timedelta(days=1)
    kept = [p for p in pauses if not p.first <= today <= p.last]
    cut = [Pause(first=p.first, last=yesterday) for p in pauses if p.first < today <= p.last]
    return (*kept, *cut)


def pauses_with(pauses: tuple[Pause, ...], new: Pause) -> tuple[Pause, ...]:
    """Return the pauses with a new one. Of a pause that overlaps it, only the part before it is kept.

    The part after it is removed: the patient is notified that check-ins continue then.
    """
    before = [
        p.model_copy(update={"last": min(p.last, new.first - timedelta(days=1))}) for p in pauses if p.first < new.first
    ]
    apart = [p for p in pauses if p.first > new.last]
    return (*before, new, *apart)


def is_paused(patient: Patient, clinic: Clinic, at: datetime) -> bool:
    """Return whether the patient is paused on their local day of `at`, until a day or until resumed."""
    today = at.astimezone(ZoneInfo(patient.timezone or clinic.timezone)).date()
    return patient.state is PatientState.PAUSED or any(p.first <= today <= p.last for p in patient.pauses)


def plan_for(clinic: Clinic, regimen: str) -> str:
    """Return the name of the plan for a regimen."""
    return "combination" if regimen == "combination" and "combination" in clinic.protocol.plans else "standard"
