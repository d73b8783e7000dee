"""When an open check-in has to be looked at again: its reminders, and when its patient counts as silent. Pure."""

from datetime import datetime, timedelta

from bot.app.ports.clinic import Clinic
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.schedules.plans import occurrence_after
from bot.core.checkin import State

DAILY = timedelta(hours=36)
"""Check-ins closer than this count as daily: one reminder, then missed."""


def reminders(row: CheckInRow, patient: Patient, clinic: Clinic) -> tuple[datetime, ...]:
    """The moments of the reminders: only those before the next check-in count.

    None once a call screen was shown: the loop-back asks what matters then.
    """
    if row.value.state is not State.ASKING:
        return ()
    following = patient.next_due_at
    if following is not None and following <= row.opened_at:
        ahead = occurrence_after(patient, clinic, row.opened_at)
        following = ahead.due_at if ahead else following
    return reminders_between(row.opened_at, following, clinic)


def reminders_between(opened_at: datetime, following: datetime | None, clinic: Clinic) -> tuple[datetime, ...]:
    """The moments of the reminders of a check-in until the next one; None: there is no next one."""
    clocks = clinic.protocol.clocks
    until = following or datetime.max.replace(tzinfo=opened_at.tzinfo)
    waits = (clocks.reminder_when_daily,) if until - opened_at <= DAILY else clocks.reminders
    return tuple(opened_at + wait for wait in waits if opened_at + wait < until)


def next_action_at(row: CheckInRow, patient: Patient, clinic: Clinic) -> datetime | None:
    """Return when to look next; None when there is nothing left to wait for."""
    if row.remind_at is not None and row.value.state is State.ASKING:
        return row.remind_at
    due = reminders(row, patient, clinic)
    if row.reminders < len(due):
        return due[row.reminders]
    return row.opened_at + clinic.protocol.clocks.silent_after if row.silent_at is None else None


def next_step_after_answer(row: CheckInRow, patient: Patient, clinic: Clinic, at: datetime) -> datetime | None:
    """Return when to look next after an answer at `at`: soon, should nothing more come to a check-in that waits.

    All its other moments may be over, and a half-answered concern must not lie until the next check-in.
    """
    following = next_action_at(row, patient, clinic)
    if row.value.state is State.ASKING and (following is None or following <= at):
        return at + clinic.protocol.clocks.reminder_when_daily
    return following
