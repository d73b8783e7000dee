"""Calculates when an open check-in has to be processed next: reminders, silence. Pure functions; stores nothing."""

from datetime import datetime, timedelta

from bot.app.ports.clinic import Clinic
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.schedules.plans import occurrence_after
from bot.core.back_off import step_at
from bot.core.checkin import State

DAILY = timedelta(hours=36)
"""The longest interval of check-ins that count as daily: those get one reminder."""


def reminder_times(row: CheckInRow, patient: Patient, clinic: Clinic) -> tuple[datetime, ...]:
    """Return when a check-in reminds, before the next one is due.

    After a call screen there are no reminders: the safety follow-up asks instead.
    """
    if row.value.state is not State.ASKING:
        return ()
    following = patient.next_due_at
    if following is not None and following <= row.opened_at:
        ahead = occurrence_after(patient, clinic, row.opened_at)
        following = ahead.due_at if ahead else following
    return reminder_times_between(row.opened_at, following, clinic)[: _most(row, clinic)]


def _most(row: CheckInRow, clinic: Clinic) -> int | None:
    """Return how many reminders a check-in has at most; None if as many as the protocol has."""
    step = step_at(clinic.protocol.silence, row.unanswered)
    return step.reminders if step is not None else None


def reminder_times_between(opened_at: datetime, following: datetime | None, clinic: Clinic) -> tuple[datetime, ...]:
    """Return when a check-in opened at `opened_at` reminds before the `following` one, if there is one."""
    clocks = clinic.protocol.clocks
    until = following or datetime.max.replace(tzinfo=opened_at.tzinfo)
    waits = (clocks.reminder_when_daily,) if until - opened_at <= DAILY else clocks.reminders
    return tuple(opened_at + wait for wait in waits if opened_at + wait < until)


def next_action_at(row: CheckInRow, patient: Patient, clinic: Clinic) -> datetime | None:
    """Return when the check-in has to be processed next; None if there is nothing left to wait for."""
    if row.remind_at is not None and row.value.state is State.ASKING:
        return row.remind_at
    due = reminder_times(row, patient, clinic)
    if row.reminders < len(due):
        return due[row.reminders]
    return row.opened_at + clinic.protocol.clocks.silent_after if row.silent_at is None else None


def next_action_after_answer(row: CheckInRow, patient: Patient, clinic: Clinic, at: datetime) -> datetime | None:
    """Return when the check-in has to be processed next after an answer at `at`: half an answer is an answer."""
    following = after_answer(next_action_at(row, patient, clinic), row, clinic, at)
    if row.value.state not in {State.ASKING, State.PAUSED} or not row.value.answers:
        return following
    counts_at = at + clinic.protocol.remembering.half_answer
    return counts_at if following is None else min(following, counts_at)


def after_answer(due_at: datetime | None, row: CheckInRow, clinic: Clinic, answered_at: datetime) -> datetime | None:
    """Return when to process what is due: hours after an answer that came later, because the patient is answering."""
    if due_at is None or due_at > answered_at or row.value.state is not State.ASKING:
        return due_at
    return answered_at + clinic.protocol.clocks.reminder_when_daily
