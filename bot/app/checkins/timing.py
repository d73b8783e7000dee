"""Processes an open check-in when its time has come: half an answer, reminders, silence. Sends nothing itself.

What needs a human at once was raised when it was tapped; what else an unfinished form found counts once nobody has
tapped for an hour (`concerns.half_answer`).
"""

from datetime import datetime

from bot.app.checkins.answering import act_on_half_answered, can_be_asked, close_as
from bot.app.checkins.reminders import after_answer, next_action_at, reminder_times
from bot.app.checkins.silence import MISSED_AFTER, note_missed, open_silence_task
from bot.app.concerns.memory import assess_so_far, recall
from bot.app.ports.clinic import Clinic
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient, PatientState
from bot.app.schedules.plans import is_paused
from bot.app.work import Work
from bot.core.checkin import Expire, State
from bot.core.findings import find
from bot.core.local_time import after_quiet_hours, in_quiet_hours
from bot.core.protocol import Tier
from bot.core.triage import Assessment


def step(work: Work, row: CheckInRow) -> None:
    """Carry out what is due for a check-in: remind the patient, or open a task because they didn't answer.

    What its answers found counts after an hour without another one.
    """
    patient = work.patients.get(row.patient_id, lock=True)
    if patient is None or patient.state not in {PatientState.ACTIVE, PatientState.PAUSED, PatientState.ENROLLING}:
        work.checkins.save(row.model_copy(update={"next_action_at": None}))
        return
    work = work.by_clock()
    has_reminders = not _has_no_reminders(patient, work.clinic, row, work.at)
    if has_reminders and not can_be_asked(row, work.clinic):
        close_as(work, patient, row, Expire())
        return
    answered = _answered_at(work, row)
    counts_at = _counts_at(work, answered)
    if counts_at is None:
        row = settle_half_answered(work, patient, row)
    following = next_action_at(row, patient, work.clinic)
    if answered is not None:
        following = after_answer(following, row, work.clinic, min(answered, work.at))
    if following is None or following > work.at:
        _wait(work, row, following, counts_at)
    elif not has_reminders:
        _wait(work, row, None, counts_at)
    elif row.remind_at is not None and row.value.state is State.ASKING:
        # The reminder that the patient asked for; the usual ones follow.
        _remind(work, patient, row, counts_at)
    elif row.reminders < len(reminder_times(row, patient, work.clinic)):
        _remind(work, patient, row, counts_at)
    else:
        _fell_silent(work, patient, row, counts_at)


def _wait(work: Work, row: CheckInRow, following: datetime | None, counts_at: datetime | None) -> CheckInRow:
    """Process the check-in again when something is due, at the latest when its answers count."""
    times = [timestamp for timestamp in (following, counts_at) if timestamp is not None]
    return work.checkins.save(row.model_copy(update={"next_action_at": min(times, default=None)}))


def _has_no_reminders(patient: Patient, clinic: Clinic, row: CheckInRow, at: datetime) -> bool:
    """Return whether reminders are held back: during enrolment (a new phone has to be set up first) and in a pause.

    A pause does not hold back reminders of what the patient began, or asked to be reminded of.
    """
    is_requested = row.kind in {"worse", "baseline"} or row.remind_at is not None
    return patient.state is PatientState.ENROLLING or (is_paused(patient, clinic, at) and not is_requested)


def _remind(work: Work, patient: Patient, row: CheckInRow, counts_at: datetime | None) -> None:
    zone = patient.timezone or work.clinic.timezone
    if in_quiet_hours(work.at, zone, patient.quiet_from, patient.quiet_to):
        _wait(work, row, after_quiet_hours(work.at, zone, patient.quiet_from, patient.quiet_to), counts_at)
        return
    if work.at - row.opened_at >= MISSED_AFTER:
        note_missed(work, patient, row)
    passed = sum(1 for timestamp in reminder_times(row, patient, work.clinic) if timestamp <= work.at)
    changed = row.model_copy(update={"reminders": passed, "remind_at": None})
    following = next_action_at(changed, patient, work.clinic)
    if following is not None and following <= work.at:
        following = work.at + work.clinic.protocol.clocks.reminder_when_daily
    _wait(work, changed, following, counts_at)
    work.notices.checkin_reminder(patient, row)


def _fell_silent(work: Work, patient: Patient, row: CheckInRow, counts_at: datetime | None) -> None:
    silent = _wait(work, row.model_copy(update={"silent_at": work.at}), None, counts_at)
    if row.value.state is State.ASKING:
        open_silence_task(work, patient, "not_heard_from")
    if patient.next_due_at is None:
        # The plan has ended, so no check-in will ever replace this one.
        close_as(work, patient, silent, Expire())


# -- half an answer is an answer


def _answered_at(work: Work, row: CheckInRow) -> datetime | None:
    """Return when a check-in was last answered; None if it never was."""
    return max((answer.given_at for answer in work.answers.of_checkin(row.id)), default=None)


def _counts_at(work: Work, answered: datetime | None) -> datetime | None:
    """Return when the answers so far count; None if there are none, or they count already.

    An answer from the future was given before the clock was set back: nobody knows how old it is, so it counts.
    """
    if answered is None or answered > work.at:
        return None
    due = answered + work.clinic.protocol.remembering.half_answer
    return due if due > work.at else None


def settle_half_answered(work: Work, patient: Patient, row: CheckInRow) -> CheckInRow:
    """Act on the answers so far and return the row: a patient may stop answering because they are ill."""
    if not row.value.answers:
        return row
    so_far = assess_so_far(work, patient, row)
    is_new = so_far.raised > row.value.raised or _finds_more(work, patient, row, so_far)
    return act_on_half_answered(work, patient, row, so_far) if is_new else row


def _finds_more(work: Work, patient: Patient, row: CheckInRow, so_far: Assessment) -> bool:
    """Return whether it finds something for a human that has not been heard from this check-in."""
    heard = recall(work, patient).heard.checkins.get(row.id, {})
    found = (f for f in find(row.value.answers, so_far, work.clinic.protocol) if f.level.tier >= Tier.SOON)
    return any(f.symptom not in heard or f.level > heard[f.symptom].level for f in found)
