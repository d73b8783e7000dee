"""Processes an open check-in when its time has come: reminders, then silence. Sends nothing itself."""

from datetime import datetime

from bot.app.checkins.answering import can_be_asked, close_as, settle_half_answered
from bot.app.checkins.reminders import next_action_at, reminder_times
from bot.app.checkins.silence import open_silence_task
from bot.app.ports.clinic import Clinic
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient, PatientState
from bot.app.schedules.plans import is_paused
from bot.app.work import Work
from bot.core.checkin import Expire, State
from bot.core.local_time import after_quiet_hours, in_quiet_hours


def step(work: Work, row: CheckInRow) -> None:
    """Carry out what is due for a check-in: remind the patient, or open a task because they didn't answer."""
    patient = work.patients.get(row.patient_id, lock=True)
    if patient is None or patient.state not in {PatientState.ACTIVE, PatientState.PAUSED, PatientState.ENROLLING}:
        work.checkins.save(row.model_copy(update={"next_action_at": None}))
        return
    if _has_no_reminders(patient, work.clinic, row, work.at):
        # The answers so far still count.
        row = settle_half_answered(work, patient, row)
        work.checkins.save(row.model_copy(update={"next_action_at": None}))
        return
    if not can_be_asked(row, work.clinic):
        close_as(work, patient, row, Expire())
        return
    due = reminder_times(row, patient, work.clinic)
    if row.remind_at is not None and row.value.state is State.ASKING:
        _remind_as_asked(work, patient, row)
    elif row.reminders < len(due) and due[row.reminders] <= work.at:
        _remind(work, patient, row)
    elif row.silent_at is None and row.opened_at + work.clinic.protocol.clocks.silent_after <= work.at:
        _fell_silent(work, patient, row)
    else:
        row = settle_half_answered(work, patient, row)
        work.checkins.save(row.model_copy(update={"next_action_at": next_action_at(row, patient, work.clinic)}))


def _has_no_reminders(patient: Patient, clinic: Clinic, row: CheckInRow, at: datetime) -> bool:
    """Return whether reminders are held back: during enrolment (a new phone has to be set up first) and in a pause.

    A pause does not hold back reminders of what the patient began, or asked to be reminded of.
    """
    is_requested = row.kind in {"worse", "baseline"} or row.remind_at is not None
    return patient.state is PatientState.ENROLLING or (is_paused(patient, clinic, at) and not is_requested)


def _remind_as_asked(work: Work, patient: Patient, row: CheckInRow) -> None:
    """Remind at the time that the patient asked for; the usual reminders follow."""
    if row.remind_at is not None and row.remind_at > work.at:
        work.checkins.save(row.model_copy(update={"next_action_at": row.remind_at}))
        return
    _remind(work, patient, row.model_copy(update={"remind_at": None}))


def _remind(work: Work, patient: Patient, row: CheckInRow) -> None:
    zone = patient.timezone or work.clinic.timezone
    if in_quiet_hours(work.at, zone, patient.quiet_from, patient.quiet_to):
        later = after_quiet_hours(work.at, zone, patient.quiet_from, patient.quiet_to)
        work.checkins.save(row.model_copy(update={"next_action_at": later}))
        return
    row = settle_half_answered(work, patient, row)
    passed = sum(1 for timestamp in reminder_times(row, patient, work.clinic) if timestamp <= work.at)
    changed = row.model_copy(update={"reminders": passed})
    following = next_action_at(changed, patient, work.clinic)
    if following is not None and following <= work.at:
        following = work.at + work.clinic.protocol.clocks.reminder_when_daily
    work.checkins.save(changed.model_copy(update={"next_action_at": following}))
    work.notices.checkin_reminder(patient, row)


def _fell_silent(work: Work, patient: Patient, row: CheckInRow) -> None:
    row = settle_half_answered(work, patient, row)
    silent = work.checkins.save(row.model_copy(update={"silent_at": work.at, "next_action_at": None}))
    if row.value.state is State.ASKING:
        open_silence_task(work, patient, "not_heard_from")
    if patient.next_due_at is None:
        # The plan has ended, so no check-in will ever replace this one.
        close_as(work, patient, silent, Expire())
