"""Sweeps: each processes the next rows that are due, after a place, and returns what it processed. Reads no clock.

The ticker calls a sweep for one row per transaction until none is left, so no lock is held longer than one row takes.
A row that can't be processed stays as it is until the next tick and never blocks the others.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from bot.app.alerts.escalation import team_clocks
from bot.app.alerts.hospital import hospital_clocks
from bot.app.alerts.level_ends import levels_ended
from bot.app.alerts.replies import alert_clocks
from bot.app.checkins import baselines, opening, timing
from bot.app.checkins.silence import put_off
from bot.app.operations import outages, reports
from bot.app.records.alerts import Task
from bot.app.records.operations import BEGINNING, Place, SweepResult
from bot.app.records.patients import Patient
from bot.app.schedules.plans import FOLLOW_UP, occurrence_after, rescheduled
from bot.app.team import digest
from bot.app.work import SYSTEM, Stores, Work
from bot.core.hearing import BASELINE

UPDATES_KEPT = timedelta(hours=48)
"""Telegram keeps an unconfirmed update for 24 h; ids are kept twice as long, so that none is processed twice."""
MESSAGES_KEPT = timedelta(days=30)
"""How long sent messages are kept, to look into problems; answers have their own table."""
DEAD_UPDATES_KEPT = timedelta(days=90)
"""How long failed updates are kept for the operator; no longer, because they contain what a patient sent."""
SESSIONS_KEPT = timedelta(days=30)
"""How long console sessions are kept, so that sign-ins can be investigated."""
_TICK = timedelta(microseconds=1)
_TRY_GOODBYE_AFTER = timedelta(days=1)

T = TypeVar("T")


Sweep = Callable[[Work, int, Place], SweepResult]


def _each(
    stores: Stores, found: Sequence[T], work: Callable[[T], None], place: Callable[[T], tuple[datetime | None, int]]
) -> SweepResult:
    if not found:
        return SweepResult()
    return SweepResult.of([stores.attempt(partial(work, row)) for row in found], *place(found[-1]))


def check_ins_due(work: Work, limit: int, after: Place = BEGINNING) -> SweepResult:
    """Open the check-ins that are due."""
    found = work.patients.due(work.at, limit, after)
    return _each(work, found, partial(_open_due, work), lambda row: (row.next_due_at, row.id))


def _open_due(work: Work, patient: Patient) -> None:
    due_at = patient.next_due_at
    if due_at is None:
        return
    occurrence = occurrence_after(patient, work.clinic, due_at - _TICK)
    is_due = occurrence is not None and occurrence.due_at == due_at and patient.unreachable_at is None
    is_too_late = work.at - due_at > work.clinic.protocol.clocks.cutoff
    if occurrence is not None and is_due and not is_too_late:
        patient = put_off(work, patient, occurrence)
    moved = rescheduled(patient, work.clinic, due_at)
    is_opened = occurrence is not None and is_due and not is_too_late
    is_last = is_opened and moved.goodbye_at is not None and moved.goodbye_at <= work.at
    moved = work.patients.save(moved.model_copy(update={"goodbye_at": None}) if is_last else moved)
    if occurrence is None or not is_due:
        return
    if is_too_late:
        _skip(work, moved, due_at)
        return
    kind: opening.CheckInKind = "follow_up" if occurrence.phase == FOLLOW_UP else "scheduled"
    is_baseline = kind == "scheduled" and baselines.is_interrupted(work, patient)
    form = BASELINE if is_baseline else occurrence.form
    if is_last:
        work.notices.plan_ends(moved, with_checkin=True)
    opening.open_checkin(work, moved, form=form, kind=kind, due_at=due_at)


def goodbyes(work: Work, limit: int, after: Place = BEGINNING) -> SweepResult:
    """Say goodbye to the patients who are asked nothing more, unless the last check-in has said it."""
    found = work.patients.goodbye_due(work.at, limit, after)
    return _each(work, found, partial(_say_goodbye, work), lambda row: (row.goodbye_at, row.id))


def _say_goodbye(work: Work, patient: Patient) -> None:
    # Who has blocked the bot gets it once they can be reached again.
    can_be_reached = patient.unreachable_at is None
    again_at = None if can_be_reached else work.at + _TRY_GOODBYE_AFTER
    saved = work.patients.save(patient.model_copy(update={"goodbye_at": again_at}))
    if can_be_reached and saved.next_due_at is None:
        work.notices.plan_ends(saved, with_checkin=False)


def _skip(work: Work, patient: Patient, due_at: datetime) -> None:
    """Skip a check-in that is too late to be asked, and open a task for it."""
    subject = f"{patient.code}@{due_at:%Y-%m-%dT%H:%MZ}"
    work.tasks.add(Task(kind="skipped_after_outage", patient_id=patient.id, subject=subject, raised_at=work.at))
    work.acting(SYSTEM).record("checkin_skipped", patient.code)


def checkin_clocks(work: Work, limit: int, after: Place = BEGINNING) -> SweepResult:
    """Process open check-ins whose time has come: remind, close, open tasks for silent patients."""
    found = work.checkins.due(work.at, limit, after)
    return _each(work, found, partial(timing.step, work), lambda row: (row.next_action_at, row.id))


def undelivered(work: Work, limit: int, after: Place = BEGINNING) -> SweepResult:
    """Open one task per patient whose red-flag message could not be delivered, so that staff phone them."""
    found = work.dead_letters.undelivered(limit, after.id)
    return _each(work, found, partial(_open_undelivered_task, work), lambda row: (None, row))


def _open_undelivered_task(work: Work, patient_id: int) -> None:
    patient = work.patients.get(patient_id, lock=True)
    # Checked again under the lock: the patient may just have been erased, and the message with them.
    if patient is not None and patient_id in work.dead_letters.undelivered(1, patient_id - 1):
        work.tasks.add(Task(kind="not_delivered", patient_id=patient.id, subject=patient.code, raised_at=work.at))


def daily_digest(work: Work, _limit: int, _after: Place = BEGINNING) -> SweepResult:
    """Send the team's digest, once a day."""
    return SweepResult(done=digest.send_due(work))


def heartbeat(work: Work, _limit: int, _after: Place = BEGINNING) -> SweepResult:
    """Store that the bot is up, and report an outage that has ended."""
    outages.note_up(work)
    return SweepResult()


def weekly_report(work: Work, _limit: int, _after: Place = BEGINNING) -> SweepResult:
    """Update the weekly reports."""
    reports.update_reports(work)
    return SweepResult()


def housekeeping(work: Work, _limit: int, _after: Place = BEGINNING) -> SweepResult:
    """Delete rows that are older than they are kept for."""
    work.sessions.purge(work.at - SESSIONS_KEPT)
    work.updates.purge(work.at - UPDATES_KEPT)
    work.outbox.purge(work.at - MESSAGES_KEPT)
    work.patients.purge_kept()
    work.dead_letters.purge_updates(work.at - DEAD_UPDATES_KEPT)
    return SweepResult()


ALL: tuple[Sweep, ...] = (
    alert_clocks,
    team_clocks,
    undelivered,
    check_ins_due,
    checkin_clocks,
    levels_ended,
    hospital_clocks,
    goodbyes,
    daily_digest,
    heartbeat,
)
"""In order of urgency: safety follow-ups and escalations first. The names are values of logs and metrics."""
HOURLY: tuple[Sweep, ...] = (housekeeping, weekly_report)
