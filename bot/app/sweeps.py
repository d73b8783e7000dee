"""Sweeps: each works off the next rows that fell due, after a place, and says which they were.

The ticker calls them for one row a transaction, until nothing is left: what one row's work locks and changes is never
held for another's. A row that can't be worked off is left as it is until the next tick, and never blocks the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from bot.app import alerts, checkin_clock, checkins, digest, duty, outage, weekly
from bot.app.ops_store import BEGINNING, Place
from bot.app.plans import AGAIN, occurrence_after
from bot.app.ports import Clinic
from bot.app.store import Audit, Patient, Store, WorkItem

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


Sweep = Callable[[Store, Clinic, datetime, int, Place], Swept]


def _each(
    store: Store, found: Sequence[T], work: Callable[[T], None], place: Callable[[T], tuple[datetime | None, int]]
) -> Swept:
    if not found:
        return Swept()
    results = [store.attempt(partial(work, row)) for row in found]
    errors = tuple(error for error in results if error is not None)
    at, number = place(found[-1])
    return Swept(done=len(results) - len(errors), errors=errors, last=Place(at or BEGINNING.at, number))


def check_ins_due(store: Store, clinic: Clinic, at: datetime, limit: int, after: Place = BEGINNING) -> Swept:
    """Open the check-ins that fell due."""
    found = store.due_patients(at, limit, after)
    return _each(store, found, lambda row: _fall_due(store, clinic, row, at), lambda row: (row.next_due_at, row.id))


def _fall_due(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> None:
    due_at = patient.next_due_at
    if due_at is None:
        return
    occurrence = occurrence_after(patient, clinic, due_at - _TICK)
    following = occurrence_after(patient, clinic, due_at)
    moved = patient.model_copy(update={"next_due_at": following.due_at if following else None})
    moved = store.save_patient(moved)
    if occurrence is None or occurrence.due_at != due_at or patient.unreachable_at is not None:
        return
    if at - due_at > clinic.protocol.clocks.cutoff:
        _skip(store, moved, due_at, at)
        return
    kind: checkins.Kind = "again" if occurrence.phase == AGAIN else "scheduled"
    checkins.open_checkin(store, clinic, moved, form=occurrence.form, kind=kind, due_at=due_at, at=at)


def _skip(store: Store, patient: Patient, due_at: datetime, at: datetime) -> None:
    """Too late to be asked as if it were then: shown to the coordinator, never silently dropped."""
    subject = f"{patient.code}@{due_at:%Y-%m-%dT%H:%MZ}"
    store.add_work_item(WorkItem(kind="skipped_after_outage", patient_id=patient.id, subject=subject, raised_at=at))
    store.audit(Audit(at=at, actor="system", action="checkin_skipped", subject=patient.code))


def checkin_clocks(store: Store, clinic: Clinic, at: datetime, limit: int, after: Place = BEGINNING) -> Swept:
    """Remind, expire, notice silence."""
    found = store.checkins_to_step(at, limit, after)
    return _each(
        store, found, lambda row: checkin_clock.step(store, clinic, row, at), lambda row: (row.next_step_at, row.id)
    )


def alert_clocks(store: Store, clinic: Clinic, at: datetime, limit: int, after: Place = BEGINNING) -> Swept:
    """Ask "did you reach someone?"; quiet hours never delay it."""
    found = store.alerts_to_step(at, limit, after)
    return _each(store, found, lambda row: alerts.step(store, clinic, row, at), lambda row: (row.next_step_at, row.id))


def team_clocks(store: Store, clinic: Clinic, at: datetime, limit: int, after: Place = BEGINNING) -> Swept:
    """Tell the team of an alert, step by step until someone takes it up; quiet hours never delay it."""
    found = store.alerts_to_escalate(at, limit, after)
    return _each(store, found, lambda row: duty.step(store, clinic, row, at), lambda row: (row.staff_step_at, row.id))


def undelivered(store: Store, _clinic: Clinic, at: datetime, limit: int, after: Place = BEGINNING) -> Swept:
    """Show the team, once, whom a red flag's message could not be brought: somebody has to phone them."""
    found = store.undelivered(limit, after.id)
    return _each(store, found, lambda row: _show_undelivered(store, row, at), lambda row: (None, row))


def _show_undelivered(store: Store, patient_id: int, at: datetime) -> None:
    patient = store.patient(patient_id)
    if patient is not None:
        item = WorkItem(kind="not_delivered", patient_id=patient.id, subject=patient.code, raised_at=at)
        store.add_work_item(item)


def morning(store: Store, clinic: Clinic, at: datetime, _limit: int, _after: Place = BEGINNING) -> Swept:
    """The team's digest, once a day."""
    return Swept(done=digest.send_due(store, clinic, at))


def alive(store: Store, clinic: Clinic, at: datetime, _limit: int, _after: Place = BEGINNING) -> Swept:
    """Keep when the bot was last up, and say from when to when it was not."""
    outage.note(store, clinic, at)
    return Swept()


def figures(store: Store, clinic: Clinic, at: datetime, _limit: int, _after: Place = BEGINNING) -> Swept:
    """Work out the week's figures for the reports."""
    weekly.keep(store, clinic, at)
    return Swept()


def housekeeping(store: Store, _clinic: Clinic, at: datetime, _limit: int, _after: Place = BEGINNING) -> Swept:
    """Forget what is only kept to be safe against repeats."""
    store.forget_sessions(at - SESSIONS_KEPT)
    store.forget_updates(at - UPDATES_KEPT)
    store.forget_messages(at - MESSAGES_KEPT)
    store.forget_dead_updates(at - DEAD_UPDATES_KEPT)
    return Swept()


ALL: tuple[Sweep, ...] = (alert_clocks, team_clocks, undelivered, check_ins_due, checkin_clocks, morning, alive)
"""In order of urgency: loop-backs of red flags and the team's clocks first."""
HOURLY: tuple[Sweep, ...] = (housekeeping, figures)
