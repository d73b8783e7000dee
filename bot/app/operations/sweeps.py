"""Sweeps: each works off the next rows that fell due, after a place, and says which they were.

The ticker calls them for one row a transaction, until nothing is left: what one row's work locks and changes is never
held for another's. A row that can't be worked off is left as it is until the next tick, and never blocks the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from bot.app.alerts import escalation, replies
from bot.app.checkins import opening, timing
from bot.app.operations import outages, reports
from bot.app.records.alerts import Task
from bot.app.records.operations import BEGINNING, Audit, Place
from bot.app.records.patients import Patient
from bot.app.schedules.plans import FOLLOW_UP, occurrence_after
from bot.app.team import digest
from bot.app.work import Stores, Work

UPDATES_KEPT = timedelta(hours=48)
"""Telegram keeps an unconfirmed update for 24 h; twice that is remembered, so that none is handled again."""
MESSAGES_KEPT = timedelta(days=30)
"""Sent messages are kept this long for looking things up; the answers themselves stand in their own table."""
DEAD_UPDATES_KEPT = timedelta(days=90)
"""What could not be handled is kept for the operator to look into, and holds what a patient sent."""
SESSIONS_KEPT = timedelta(days=30)
"""Ended sessions of the console, so that the record of who signed in can be followed up."""
_TICK = timedelta(microseconds=1)

T = TypeVar("T")


@dataclass(frozen=True)
class Swept:
    """What one transaction came to: rows worked off, and the errors of those that could not be.

    `last`: the place of the last row of either kind; None when there was none left.
    """

    done: int = 0
    errors: tuple[Exception, ...] = ()
    last: Place | None = None


Sweep = Callable[[Work, int, Place], Swept]


def _each(
    stores: Stores, found: Sequence[T], work: Callable[[T], None], place: Callable[[T], tuple[datetime | None, int]]
) -> Swept:
    if not found:
        return Swept()
    results = [stores.attempt(partial(work, row)) for row in found]
    errors = tuple(error for error in results if error is not None)
    at, number = place(found[-1])
    return Swept(done=len(results) - len(errors), errors=errors, last=Place(at or BEGINNING.at, number))


def check_ins_due(work: Work, limit: int, after: Place = BEGINNING) -> Swept:
    """Open the check-ins that fell due."""
    found = work.patients.due(work.at, limit, after)
    return _each(work, found, lambda row: _fall_due(work, row), lambda row: (row.next_due_at, row.id))


def _fall_due(work: Work, patient: Patient) -> None:
    due_at = patient.next_due_at
    if due_at is None:
        return
    occurrence = occurrence_after(patient, work.clinic, due_at - _TICK)
    following = occurrence_after(patient, work.clinic, due_at)
    moved = patient.model_copy(update={"next_due_at": following.due_at if following else None})
    moved = work.patients.save(moved)
    if occurrence is None or occurrence.due_at != due_at or patient.unreachable_at is not None:
        return
    if work.at - due_at > work.clinic.protocol.clocks.cutoff:
        _skip(work, moved, due_at)
        return
    kind: opening.CheckInKind = "follow_up" if occurrence.phase == FOLLOW_UP else "scheduled"
    opening.open_checkin(work, moved, form=occurrence.form, kind=kind, due_at=due_at)


def _skip(work: Work, patient: Patient, due_at: datetime) -> None:
    """Too late to be asked as if it were then: shown to the coordinator, never silently dropped."""
    subject = f"{patient.code}@{due_at:%Y-%m-%dT%H:%MZ}"
    work.tasks.add(Task(kind="skipped_after_outage", patient_id=patient.id, subject=subject, raised_at=work.at))
    work.audit.add(Audit(at=work.at, actor="system", action="checkin_skipped", subject=patient.code))


def checkin_clocks(work: Work, limit: int, after: Place = BEGINNING) -> Swept:
    """Remind, expire, notice silence."""
    found = work.checkins.due(work.at, limit, after)
    return _each(work, found, lambda row: timing.step(work, row), lambda row: (row.next_action_at, row.id))


def alert_clocks(work: Work, limit: int, after: Place = BEGINNING) -> Swept:
    """Ask "did you reach someone?"; quiet hours never delay it."""
    found = work.alerts.prompts_due(work.at, limit, after)
    return _each(work, found, lambda row: replies.step(work, row), lambda row: (row.next_patient_prompt_at, row.id))


def team_clocks(work: Work, limit: int, after: Place = BEGINNING) -> Swept:
    """Tell the team of an alert, step by step until someone takes it up; quiet hours never delay it."""
    found = work.alerts.escalations_due(work.at, limit, after)
    return _each(work, found, lambda row: escalation.step(work, row), lambda row: (row.next_escalation_at, row.id))


def undelivered(work: Work, limit: int, after: Place = BEGINNING) -> Swept:
    """Show the team, once, whom a red flag's message could not be brought: somebody has to phone them."""
    found = work.dead_letters.undelivered(limit, after.id)
    return _each(work, found, lambda row: _show_undelivered(work, row), lambda row: (None, row))


def _show_undelivered(work: Work, patient_id: int) -> None:
    patient = work.patients.get(patient_id, lock=True)
    # Looked up again behind the lock: they may just have been erased, and the message with them.
    if patient is not None and patient_id in work.dead_letters.undelivered(1, patient_id - 1):
        item = Task(kind="not_delivered", patient_id=patient.id, subject=patient.code, raised_at=work.at)
        work.tasks.add(item)


def morning(work: Work, _limit: int, _after: Place = BEGINNING) -> Swept:
    """The team's digest, once a day."""
    return Swept(done=digest.send_due(work))


def alive(work: Work, _limit: int, _after: Place = BEGINNING) -> Swept:
    """Keep when the bot was last up, and say from when to when it was not."""
    outages.note(work)
    return Swept()


def figures(work: Work, _limit: int, _after: Place = BEGINNING) -> Swept:
    """Work out the week's figures for the reports."""
    reports.keep(work)
    return Swept()


def housekeeping(work: Work, _limit: int, _after: Place = BEGINNING) -> Swept:
    """Forget what is only kept to be safe against repeats."""
    work.sessions.purge(work.at - SESSIONS_KEPT)
    work.updates.purge(work.at - UPDATES_KEPT)
    work.outbox.purge(work.at - MESSAGES_KEPT)
    work.dead_letters.purge_updates(work.at - DEAD_UPDATES_KEPT)
    return Swept()


ALL: tuple[Sweep, ...] = (alert_clocks, team_clocks, undelivered, check_ins_due, checkin_clocks, morning, alive)
"""In order of urgency: loop-backs of red flags and the team's clocks first."""
HOURLY: tuple[Sweep, ...] = (housekeeping, figures)
