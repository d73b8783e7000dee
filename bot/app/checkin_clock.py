"""What time does to an open check-in: it is reminded of, and at last its patient was not heard from."""

from datetime import datetime

from bot.app.checkins import can_be_asked, close_as, settle_half_answered, work_item
from bot.app.plans import is_paused
from bot.app.ports import Clinic
from bot.app.post import post
from bot.app.reminding import next_step_at, reminders
from bot.app.screens import reminder_screen
from bot.app.store import CheckInRow, Lane, Patient, PatientState, Store
from bot.core.checkin import Expire, State
from bot.core.schedule import after_quiet_hours, in_quiet_hours


def step(store: Store, clinic: Clinic, row: CheckInRow, at: datetime) -> None:
    """Do what the check-in's clock asks for: remind, or say that the patient was not heard from."""
    patient = store.patient(row.patient_id, lock=True)
    if patient is None or patient.state not in {PatientState.ACTIVE, PatientState.PAUSED, PatientState.ENROLLING}:
        store.save_checkin(row.model_copy(update={"next_step_at": None}))
        return
    if _rests(patient, clinic, row, at):
        # Nobody is reminded then, but what was answered still counts.
        row = settle_half_answered(store, clinic, patient, row, at)
        store.save_checkin(row.model_copy(update={"next_step_at": None}))
        return
    if not can_be_asked(row, clinic):
        close_as(store, clinic, patient, row, Expire(), at)
        return
    due = reminders(row, patient, clinic)
    if row.remind_at is not None and row.value.state is State.ASKING:
        _remind_as_asked(store, clinic, patient, row, at)
    elif row.reminders < len(due) and due[row.reminders] <= at:
        _remind(store, clinic, patient, row, at)
    elif row.silent_at is None and row.opened_at + clinic.protocol.clocks.silent_after <= at:
        _fell_silent(store, clinic, patient, row, at)
    else:
        row = settle_half_answered(store, clinic, patient, row, at)
        store.save_checkin(row.model_copy(update={"next_step_at": next_step_at(row, patient, clinic)}))


def _rests(patient: Patient, clinic: Clinic, row: CheckInRow, at: datetime) -> bool:
    """Whether no reminder may come: in a pause, unless it is of what the patient began or asked to be reminded of.

    Nor does one come between the screens of an enrolment: a new phone has to be set up first.
    """
    own = row.kind in {"worse", "baseline"} or row.remind_at is not None
    return patient.state is PatientState.ENROLLING or (is_paused(patient, clinic, at) and not own)


def _remind_as_asked(store: Store, clinic: Clinic, patient: Patient, row: CheckInRow, at: datetime) -> None:
    """The reminder that the patient asked for; who still does not answer then is waited for a little longer."""
    if row.remind_at is not None and row.remind_at > at:
        store.save_checkin(row.model_copy(update={"next_step_at": row.remind_at}))
        return
    _remind(store, clinic, patient, row.model_copy(update={"remind_at": None}), at)


def _remind(store: Store, clinic: Clinic, patient: Patient, row: CheckInRow, at: datetime) -> None:
    zone = patient.timezone or clinic.timezone
    if in_quiet_hours(at, zone, patient.quiet_from, patient.quiet_to):
        later = after_quiet_hours(at, zone, patient.quiet_from, patient.quiet_to)
        store.save_checkin(row.model_copy(update={"next_step_at": later}))
        return
    row = settle_half_answered(store, clinic, patient, row, at)
    passed = sum(1 for moment in reminders(row, patient, clinic) if moment <= at)
    changed = row.model_copy(update={"reminders": passed})
    following = next_step_at(changed, patient, clinic)
    if following is not None and following <= at:
        following = at + clinic.protocol.clocks.reminder_when_daily
    store.save_checkin(changed.model_copy(update={"next_step_at": following}))
    post(
        store,
        patient,
        reminder_screen(row, clinic),
        at=at,
        slot=f"checkin:{row.id}",
        lane=Lane.REMINDER,
        revision=row.value.revision,
        lasts=clinic.protocol.clocks.cutoff,
        everyone=True,
    )


def _fell_silent(store: Store, clinic: Clinic, patient: Patient, row: CheckInRow, at: datetime) -> None:
    row = settle_half_answered(store, clinic, patient, row, at)
    silent = row.model_copy(update={"silent_at": at, "next_step_at": None})
    silent = store.save_checkin(silent)
    if row.value.state is State.ASKING:
        work_item(store, patient, "not_heard_from", at)
    if patient.next_due_at is None:
        # Nothing will ever replace it: the plan has ended.
        close_as(store, clinic, patient, silent, Expire(), at)
