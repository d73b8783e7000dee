"""Sweeps: each does one chunk of what fell due and says what it found. The ticker calls them until nothing is left.

One row that can't be worked off is left as it is, and never blocks the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from bot.app import alerts, checkin_clock, checkins, digest, duty, outage, weekly
from bot.app.plans import AGAIN, occurrence_after
from bot.app.ports import Clinic
from bot.app.store import Audit, Patient, Store, WorkItem

CHUNK = 50
"""Rows a transaction: short enough that a tap never waits long for it."""
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
    """What one chunk came to: rows worked off, and the errors of those that could not be."""

    done: int = 0
    errors: tuple[Exception, ...] = ()


Sweep = Callable[[Store, Clinic, datetime, int], Swept]


def _each(store: Store, found: Sequence[T], work: Callable[[T], None]) -> Swept:
    results = [store.attempt(partial(work, row)) for row in found]
    errors = tuple(error for error in results if error is not None)
    return Swept(done=len(results) - len(errors), errors=errors)


def check_ins_due(store: Store, clinic: Clinic, at: datetime, limit: int) -> Swept:
    """Open the check-ins that fell due."""
    return _each(store, store.due_patients(at, limit), lambda patient: _fall_due(store, clinic, patient, at))


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


def checkin_clocks(store: Store, clinic: Clinic, at: datetime, limit: int) -> Swept:
    """Remind, expire, notice silence."""
    return _each(store, store.checkins_to_step(at, limit), lambda row: checkin_clock.step(store, clinic, row, at))


def alert_clocks(store: Store, clinic: Clinic, at: datetime, limit: int) -> Swept:
    """Ask "did you reach someone?"; quiet hours never delay it."""
    return _each(store, store.alerts_to_step(at, limit), lambda alert: alerts.step(store, clinic, alert, at))


def team_clocks(store: Store, clinic: Clinic, at: datetime, limit: int) -> Swept:
    """Tell the team of an alert, step by step until someone takes it up; quiet hours never delay it."""
    return _each(store, store.alerts_to_escalate(at, limit), lambda alert: duty.step(store, clinic, alert, at))


def undelivered(store: Store, _clinic: Clinic, at: datetime, limit: int) -> Swept:
    """Show the team, once, whom a red flag's message could not be brought: somebody has to phone them."""
    return _each(store, store.undelivered(limit), lambda patient_id: _show_undelivered(store, patient_id, at))


def _show_undelivered(store: Store, patient_id: int, at: datetime) -> None:
    patient = store.patient(patient_id)
    if patient is not None:
        item = WorkItem(kind="not_delivered", patient_id=patient.id, subject=patient.code, raised_at=at)
        store.add_work_item(item)


def morning(store: Store, clinic: Clinic, at: datetime, _limit: int) -> Swept:
    """The team's digest, once a day."""
    return Swept(done=digest.send_due(store, clinic, at))


def alive(store: Store, clinic: Clinic, at: datetime, _limit: int) -> Swept:
    """Keep when the bot was last up, and say from when to when it was not."""
    outage.note(store, clinic, at)
    return Swept()


def figures(store: Store, clinic: Clinic, at: datetime, _limit: int) -> Swept:
    """Work out the week's figures for the reports."""
    weekly.keep(store, clinic, at)
    return Swept()


def housekeeping(store: Store, _clinic: Clinic, at: datetime, _limit: int) -> Swept:
    """Forget what is only kept to be safe against repeats."""
    store.forget_sessions(at - SESSIONS_KEPT)
    store.forget_updates(at - UPDATES_KEPT)
    store.forget_messages(at - MESSAGES_KEPT)
    store.forget_dead_updates(at - DEAD_UPDATES_KEPT)
    return Swept()


ALL: tuple[Sweep, ...] = (alert_clocks, team_clocks, undelivered, check_ins_due, checkin_clocks, morning, alive)
"""In order of urgency: loop-backs of red flags and the team's clocks first."""
HOURLY: tuple[Sweep, ...] = (housekeeping, figures)
