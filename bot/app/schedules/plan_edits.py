"""Plan changes by staff: previewed as the messages they lead to, then applied. Never touches an open check-in."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from bot.app.checkins.reminders import reminder_times_between
from bot.app.checkins.silence import unanswered_at
from bot.app.concerns.follow_up import asked_until, local_day, replanned
from bot.app.patients import treatment
from bot.app.patients.lookup import by_code, locked
from bot.app.patients.treatment import PeriodView, TreatmentEdit
from bot.app.ports.clinic import Clinic
from bot.app.ports.errors import RefusedError
from bot.app.records.patients import Patient, PatientState
from bot.app.schedules.plans import occurrence_after, pauses_with, plan_for, skipped_for_silence
from bot.app.work import Work
from bot.core.frozen import Frozen
from bot.core.local_time import after_quiet_hours, in_quiet_hours
from bot.core.plan_override import ExtraCheckIn, PlanOverride, Rhythm
from bot.core.schedule import Pause
from bot.core.treatment import StopReason

AHEAD = timedelta(days=14)
LONGEST_PAUSE = timedelta(days=183)
"""The longest planned pause: a longer one is a typing error, and would silence the patient."""


class PlanEdit(TreatmentEdit):
    """What to change; None leaves a field unchanged.

    `rhythms` and `weekdays` replace the earlier ones (empty: the plan's own); `add_days` and `drop_days` add and remove
    single check-ins; `pause` begins today or later and has a last day.
    """

    regimen: Literal["single", "combination"] | None = None
    plan: str | None = None
    send_time: time | None = None
    rhythms: tuple[Rhythm, ...] | None = None
    weekdays: tuple[int, ...] | None = None
    add_days: tuple[date, ...] = ()
    drop_days: tuple[date, ...] = ()
    pause: Pause | None = None


class PlannedMessage(Frozen):
    """A message to come: a check-in by its form, or a reminder, which is sent only if the check-in is still open."""

    at: datetime
    day: date
    """On the patient's calendar."""
    kind: Literal["check-in", "reminder"]
    form: str
    mark: Literal["same", "new", "moved", "gone"] = "same"


class SkippedCheckIn(Frozen):
    """A planned check-in that is not asked, and why: "silence", after too many unanswered ones in a row."""

    at: datetime
    day: date
    """On the patient's calendar."""
    form: str
    reason: Literal["silence"] = "silence"


class Preview(Frozen):
    """The messages of the next days in order of time, each marked with how the edit changes it.

    `skipped`: the planned check-ins that are not asked unless the patient answers or taps; `unanswered`: the check-ins
    in a row without an answer. `ici_start`, `ici_stop`, `stop_reason`, `drug`: of the newest treatment period.
    """

    code: str
    ici_start: date
    ici_stop: date | None
    stop_reason: StopReason | None
    drug: str | None
    periods: tuple[PeriodView, ...]
    regimen: str
    plan: str
    send_time: str
    plan_override: PlanOverride
    pauses: tuple[Pause, ...]
    messages: tuple[PlannedMessage, ...]
    unanswered: int
    skipped: tuple[SkippedCheckIn, ...]
    plan_state: str
    """The plan's state before the edit, for `check_unchanged`."""


def preview(work: Work, code: str, edit: PlanEdit, *, ahead: timedelta = AHEAD) -> Preview:
    """Return what an edit would lead to; change nothing. Raise RefusedError with every fault of the edit."""
    patient = by_code(work.patients, code)
    return _preview(work, patient, _edited(work, patient, edit), ahead)


def apply(work: Work, code: str, edit: PlanEdit) -> Preview:
    """Apply an edit at once, notify the patient, and return the preview. An open check-in stays as it is.

    A day that had its check-in gets no second one. Raise RefusedError with every fault, or if nothing changes.
    """
    patient = locked(work.patients, code)
    edited = _edited(work, patient, edit)
    if edited == patient:
        raise RefusedError(f"{code}: the edit changes nothing")
    found = _preview(work, patient, edited)
    if edited.state is PatientState.ACTIVE:
        edited = replanned(work, edited)
    edited = work.patients.save(treatment.record(work, patient, edited))
    work.record("plan_changed", code, **_changes(patient, edited))
    if edited.state is PatientState.ACTIVE and edit.pause is not None:
        work.notices.paused(edited, edit.pause, is_planned=True)
    elif edited.state is PatientState.ACTIVE:
        work.notices.plan_changed(edited)
    return found


def check_unchanged(patient: Patient, plan_state: str) -> None:
    """Raise RefusedError if the plan was changed since the page with this state was opened.

    A form holds the whole plan: saved over a later change, it would undo that change without anybody asking for it.
    """
    if plan_state != _plan_state(patient):
        raise RefusedError(
            f"{patient.code}: the plan was changed after this page was opened, so nothing was saved: "
            "reload the page and make the change again"
        )


def _plan_state(patient: Patient) -> str:
    dumped = patient.model_dump_json(include={"periods", *_FIELDS})
    return hashlib.sha256(dumped.encode()).hexdigest()[:16]


_FIELDS = ("regimen", "plan", "send_time", "plan_override", "pauses")


def _changes(before: Patient, after: Patient) -> dict[str, str | None]:
    """Return the new values of the fields that differ, as the audit stores them."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    differing = {name: str(new[name]) for name in _FIELDS if old[name] != new[name]}
    return treatment.changes(before, after) | differing


# -- what an edit makes of a patient


def _edited(work: Work, patient: Patient, edit: PlanEdit) -> Patient:
    clinic, at = work.clinic, work.at
    faults = list(_faults(clinic, patient, edit, at))
    if faults:
        raise RefusedError("; ".join(faults))
    changes: dict[str, object] = {
        name: value
        for name, value in (
            ("regimen", edit.regimen),
            ("plan", edit.plan),
            ("send_time", edit.send_time),
        )
        if value is not None
    }
    changes["plan_override"] = _override(clinic, patient, edit, at)
    if edit.pause is not None:
        changes["pauses"] = pauses_with(patient.pauses, edit.pause)
    if edit.regimen is not None and edit.plan is None and edit.regimen != patient.regimen:
        changes["plan"] = plan_for(clinic, edit.regimen)
    edited = treatment.edited(patient, edit, at, work.actor).model_copy(update=changes)
    # A changed plan is asked as the team planned it, until the patient is silent again.
    return edited if edited == patient else edited.model_copy(update={"rests_until": None})


def _override(clinic: Clinic, patient: Patient, edit: PlanEdit, at: datetime) -> PlanOverride:
    """Return the plan override with the edit applied; drop single days in the past."""
    today = local_day(patient, clinic, at)
    kept = {e.day for e in patient.plan_override.extras if e.day >= today} - set(edit.drop_days) | set(edit.add_days)
    unchanged = not edit.add_days and not edit.drop_days
    return PlanOverride(
        rhythms=patient.plan_override.rhythms if edit.rhythms is None else edit.rhythms,
        weekdays=patient.plan_override.weekdays if edit.weekdays is None else tuple(sorted(set(edit.weekdays))),
        extras=patient.plan_override.extras if unchanged else tuple(ExtraCheckIn(day=day) for day in sorted(kept)),
    )


def _faults(clinic: Clinic, patient: Patient, edit: PlanEdit, at: datetime) -> Iterator[str]:
    today = local_day(patient, clinic, at)
    if patient.state is PatientState.WITHDRAWN and edit != PlanEdit():
        yield f"{patient.code} has withdrawn: invite them again first"
    yield from treatment.faults(patient, edit, today)
    yield from _override_faults(patient, edit, today)
    if edit.plan is not None and edit.plan not in clinic.protocol.plans:
        yield f"plan {edit.plan!r}: the protocol has {', '.join(clinic.protocol.plans)}"
    if edit.send_time is not None and _is_quiet(patient, edit.send_time):
        quiet = f"{patient.quiet_from:%H:%M} to {patient.quiet_to:%H:%M}"
        yield f"send time {edit.send_time:%H:%M}: it is in the patient's quiet hours, {quiet}"


def _override_faults(patient: Patient, edit: PlanEdit, today: date) -> Iterator[str]:
    if edit.weekdays and not set(edit.weekdays) <= set(range(7)):
        yield f"weekdays {edit.weekdays}: 0 is Monday, 6 is Sunday"
    for day in edit.add_days:
        if not today <= day <= today + timedelta(days=366):
            yield f"check-in on {day}: name a day from today to a year from now"
    for day in edit.drop_days:
        if day not in {extra.day for extra in patient.plan_override.extras}:
            yield f"check-in on {day}: none was added on that day"
    if edit.pause is not None and not today <= edit.pause.first <= today + timedelta(days=366):
        yield f"pause from {edit.pause.first}: name a day from today to a year from now"
    if edit.pause is not None and edit.pause.last > edit.pause.first + LONGEST_PAUSE:
        yield f"pause until {edit.pause.last}: half a year at most; withdraw patients who have left"
    if edit.pause is not None and patient.state is not PatientState.ACTIVE:
        yield f"{patient.code} is {patient.state}: only an active patient can be paused"


def _is_quiet(patient: Patient, timestamp: time) -> bool:
    local = datetime.combine(date(2000, 1, 1), timestamp).replace(tzinfo=UTC)
    return in_quiet_hours(local, "UTC", patient.quiet_from, patient.quiet_to)


# -- the messages to come


def _preview(work: Work, before: Patient, after: Patient, ahead: timedelta = AHEAD) -> Preview:
    since, newest = asked_until(work, before), after.treatment.newest
    old = {_identity(m): m for m in _messages(before, work.clinic, since, work.at + ahead)}
    new = {_identity(m): m for m in _messages(after, work.clinic, since, work.at + ahead)}
    marked = [m.model_copy(update={"mark": _mark(old.get(key), m)}) for key, m in new.items()]
    marked += [m.model_copy(update={"mark": "gone"}) for key, m in old.items() if key not in new]
    return Preview(
        code=after.code,
        ici_start=newest.start,
        ici_stop=newest.stop,
        stop_reason=newest.stop_reason,
        drug=newest.drug,
        periods=treatment.current(after),
        regimen=after.regimen,
        plan=after.plan,
        send_time=f"{after.send_time:%H:%M}",
        plan_override=after.plan_override,
        pauses=after.pauses,
        messages=tuple(sorted(marked, key=lambda m: (m.at, m.kind))),
        unanswered=unanswered_at(work, after, work.at),
        skipped=tuple(_skipped(after, work.clinic, since)),
        plan_state=_plan_state(before),
    )


def _skipped(patient: Patient, clinic: Clinic, since: datetime) -> Iterator[SkippedCheckIn]:
    if patient.state is not PatientState.ACTIVE:
        return
    for occurrence in skipped_for_silence(patient, clinic, since):
        yield SkippedCheckIn(at=occurrence.due_at, day=occurrence.local_date, form=occurrence.form)


def _identity(message: PlannedMessage) -> tuple[date, str, str]:
    return message.day, message.kind, message.form


def _mark(old: PlannedMessage | None, new: PlannedMessage) -> Literal["same", "new", "moved"]:
    if old is None:
        return "new"
    return "same" if old.at == new.at else "moved"


def _messages(patient: Patient, clinic: Clinic, since: datetime, until: datetime) -> Iterator[PlannedMessage]:
    """Yield the check-ins, each followed by the reminders it has if nobody answers it."""
    if patient.state not in {PatientState.ACTIVE, PatientState.INVITED, PatientState.ENROLLING}:
        return
    zone = patient.timezone or clinic.timezone
    occurrence = occurrence_after(patient, clinic, since)
    while occurrence is not None and occurrence.due_at <= until:
        following = occurrence_after(patient, clinic, occurrence.due_at)
        form = occurrence.form
        yield PlannedMessage(at=occurrence.due_at, day=occurrence.local_date, kind="check-in", form=form)
        for timestamp in reminder_times_between(occurrence.due_at, following.due_at if following else None, clinic):
            reminded = after_quiet_hours(timestamp, zone, patient.quiet_from, patient.quiet_to)
            if reminded <= until:
                yield PlannedMessage(at=reminded, day=local_day(patient, clinic, reminded), kind="reminder", form=form)
        occurrence = following
