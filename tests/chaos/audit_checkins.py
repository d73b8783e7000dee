"""Checks that every patient was asked once on each day that the plan or a follow-up requires."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile

from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient, PatientState
from bot.core.checkin import State
from bot.core.follow_up import FollowUp
from bot.core.schedule import occurrences
from tests.chaos.audit_flags import follow_up_before
from tests.chaos.evidence import Evidence
from tests.chaos.stored import Stored
from tests.property.plan import DAY, _followed_up, _plan, local_day, zone

PLANNED = frozenset({"scheduled", "follow_up"})
FAR = 1000
"""More occurrences than a run has days."""
JUST_NOW = timedelta(minutes=2)


@dataclass
class Compared:
    """The number of due times that were compared, and what was missed."""

    due_times: int = 0
    lines: list[str] = field(default_factory=list)


def missed(stored: Stored, seen: Evidence) -> Compared:
    """Return every check-in that was not opened, not shown, or omitted."""
    made = Compared()
    for patient in stored.patients:
        made.lines += _never_shown(stored, patient, seen)
        _compare(stored, patient, seen, made)
    for item in stored.stores.tasks.open(limit=FAR):
        if item.kind in {"skipped_after_outage", "missed_in_outage"}:
            made.lines.append(f"skipped as too late: {item.subject}")
    return made


def _never_shown(stored: Stored, patient: Patient, seen: Evidence) -> Iterator[str]:
    mine = stored.checkins[patient.id]
    shown = {row.id for row in mine if stored.arrived(f"checkin:{row.id}", patient.chat_id)}
    for row in mine:
        if row.id in shown or row.id <= seen.already:
            continue
        # Of two forms, one of them asked for with "I feel worse", the newer is shown: the patient who asked gets it instead
        # of one that has not reached them yet; or the hour of the day's form came first.
        since = [other for other in mine if other.id >= row.id]
        one_for_two = any(o.kind == "worse" for o in since) and any(o.id in shown for o in since)
        if row.value.state is not State.REPLACED or not one_for_two:
            states = [f"{r.id} {r.mode} {r.state}" for r in stored.slots.get(f"checkin:{row.id}", [])]
            yield f"{patient.code}: check-in {row.id} ({row.kind}, {row.value.state.value}) was never shown: {states}"


def _compare(stored: Stored, patient: Patient, seen: Evidence, made: Compared) -> None:
    mine = stored.checkins[patient.id]
    begun = [row for row in mine if row.kind == "baseline" and row.closed_at is not None]
    if not begun or patient.state is not PatientState.ACTIVE or patient.unreachable_at is not None:
        return
    since = _asked_until(stored, patient, begun[-1], seen)
    by_day = {local_day(patient, stored.clinic, row.due_at): row for row in mine if row.kind in PLANNED}
    for day, due in _due(stored, patient, since, seen.until - JUST_NOW):
        made.due_times += 1
        row = by_day.get(day)
        if row is None and _is_put_off(stored, patient, due):
            continue
        if row is None:
            made.lines.append(f"{patient.code}: nothing was asked on {day}, due at {due:%H:%M}")
        elif row.due_at != due and row.due_at > due:
            made.lines.append(f"{patient.code}: check-in {row.id} was due at {due}, not at {row.due_at}")


def _is_put_off(stored: Stored, patient: Patient, due: datetime) -> bool:
    """Return whether so many check-ins before that time are unanswered that silence put off the next one."""
    steps, mine = stored.clinic.protocol.silence, sorted(stored.checkins[patient.id], key=lambda row: row.due_at)
    silent = list(takewhile(lambda row: not row.value.answers, [row for row in mine if row.due_at < due][::-1]))
    if not steps or len(silent) < steps[0].after:
        return False
    following = next((row for row in mine if row.due_at > due), None)
    if following is not None:
        return following.unanswered > 0
    last_asked = local_day(patient, stored.clinic, silent[0].due_at)
    return patient.rests_until in {last_asked + step.days * DAY for step in steps}


def _asked_until(stored: Stored, patient: Patient, baseline: CheckInRow, seen: Evidence) -> datetime:
    """Return from when the plan applies: at once for earlier patients, otherwise from the day after enrolment.

    The baseline questions at the end of enrolment are that day's check-in.
    """
    if baseline.id <= seen.already:
        return (baseline.closed_at or baseline.opened_at) + timedelta(seconds=1)
    midnight = datetime.combine(
        local_day(patient, stored.clinic, baseline.due_at) + DAY, time(), zone(patient, stored.clinic)
    )
    return midnight.astimezone(UTC) - timedelta(microseconds=1)


def _due(stored: Stored, patient: Patient, since: datetime, until: datetime) -> Iterator[tuple[date, datetime]]:
    """Yield each day that requires a check-in, with its due time: the plan's, otherwise the follow-up's."""
    clinic = stored.clinic
    planned: dict[date, datetime] = {}
    for each in occurrences(_plan(patient, clinic), since, FAR):
        if each.due_at > until:
            break
        planned[each.local_date] = each.due_at
    day = local_day(patient, clinic, since)
    while day <= local_day(patient, clinic, until):
        due = planned.get(day) or _followed_up_on(stored, patient, day)
        if due is not None and since < due <= until:
            yield day, due
        day += DAY


def _followed_up_on(stored: Stored, patient: Patient, day: date) -> datetime | None:
    """Return when a day's follow-up falls due, if there was one; otherwise None."""
    clinic = stored.clinic
    midnight = datetime.combine(day, time(), zone(patient, clinic)).astimezone(UTC)
    daily = patient.model_copy(update={"follow_up": FollowUp(groups=(), since=day - DAY)})
    due = next((each.due_at for each in _followed_up(daily, clinic, midnight - timedelta(microseconds=1))), None)
    if due is None:
        return None
    follow_up = follow_up_before(stored, patient.id, due)
    return due if follow_up is not None and not follow_up.steady and follow_up.since < day else None


def twice(stored: Stored) -> Iterator[str]:
    """Yield days with more than one check-in of the plan."""
    for patient in stored.patients:
        planned = [row for row in stored.checkins[patient.id] if row.kind in PLANNED]
        days = Counter(local_day(patient, stored.clinic, row.due_at) for row in planned)
        yield from (f"{patient.code}: {n} check-ins on {day}" for day, n in days.items() if n > 1)
