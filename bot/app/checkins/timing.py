"""What time does to an open check-in: it is reminded of, and at last its patient was not heard from."""

from datetime import datetime

from bot.app.checkins.reminders import next_action_at, reminders
from bot.app.checkins.silence import note_silence
from bot.app.checkins.steps import can_be_asked, close_as, settle_half_answered
from bot.app.ports.clinic import Clinic
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient, PatientState
from bot.app.schedules.plans import is_paused
from bot.app.work import Work
from bot.core.checkin import Expire, State
from bot.core.schedule import after_quiet_hours, in_quiet_hours


def step(work: Work, row: CheckInRow) -> None:
    """Do what the check-in's clock asks for: remind, or say that the patient was not heard from."""
    patient = work.patients.get(row.patient_id, lock=True)
    if patient is None or patient.state not in {PatientState.ACTIVE, PatientState.PAUSED, PatientState.ENROLLING}:
        work.checkins.save(row.model_copy(update={"next_action_at": None}))
        return
    if _rests(patient, work.clinic, row, work.at):
        # Nobody is reminded then, but what was answered still counts.
        row = settle_half_answered(work, patient, row)
        work.checkins.save(row.model_copy(update={"next_action_at": None}))
        return
    if not can_be_asked(row, work.clinic):
        close_as(work, patient, row, Expire())
        return
    due = reminders(row, patient, work.clinic)
    if row.remind_at is not None and row.value.state is State.ASKING:
        _remind_as_asked(work, patient, row)
    elif row.reminders < len(due) and due[row.reminders] <= work.at:
        _remind(work, patient, row)
    elif row.silent_at is None and row.opened_at + work.clinic.protocol.clocks.silent_after <= work.at:
        _fell_silent(work, patient, row)
    else:
        row = settle_half_answered(work, patient, row)
        work.checkins.save(row.model_copy(update={"next_action_at": next_action_at(row, patient, work.clinic)}))


def _rests(patient: Patient, clinic: Clinic, row: CheckInRow, at: datetime) -> bool:
    """Whether no reminder may come: in a pause, unless it is of what the patient began or asked to be reminded of.

    Nor does one come between the screens of an enrolment: a new phone has to be set up first.
    """
    own = row.kind in {"worse", "baseline"} or row.remind_at is not None
    return patient.state is PatientState.ENROLLING or (is_paused(patient, clinic, at) and not own)


def _remind_as_asked(work: Work, patient: Patient, row: CheckInRow) -> None:
    """The reminder that the patient asked for; who still does not answer then is waited for a little longer."""
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
    passed = sum(1 for timestamp in reminders(row, patient, work.clinic) if timestamp <= work.at)
    changed = row.model_copy(update={"reminders": passed})
    following = next_action_at(changed, patient, work.clinic)
    if following is not None and following <= work.at:
        following = work.at + work.clinic.protocol.clocks.reminder_when_daily
    work.checkins.save(changed.model_copy(update={"next_action_at": following}))
    work.notices.checkin_reminder(patient, row)


def _fell_silent(work: Work, patient: Patient, row: CheckInRow) -> None:
    row = settle_half_answered(work, patient, row)
    silent = row.model_copy(update={"silent_at": work.at, "next_action_at": None})
    silent = work.checkins.save(silent)
    if row.value.state is State.ASKING:
        note_silence(work, patient, "not_heard_from")
    if patient.next_due_at is None:
        # Nothing will ever replace it: the plan has ended.
        close_as(work, patient, silent, Expire())
