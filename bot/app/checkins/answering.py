"""Check-ins answered: one tap is one step of the core, carried out; finished ones may be changed for a while."""

from bot.app.checkins.reminders import next_step_after_answer
from bot.app.checkins.steps import CLOSED, apply, current
from bot.app.concerns.assessments import history
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core import checkin as core


def answer(work: Work, patient: Patient, checkin_id: int, given: core.Input) -> core.Ignored | CheckInRow | None:
    """Take one step of a check-in: the row after it, or why nothing changed; None if it isn't their open one."""
    row = current(work, patient)
    if row is None or row.id != checkin_id:
        return None
    return _step(work, patient, row, given)


def claim_mistake(work: Work, patient: Patient, checkin_id: int | None) -> None:
    """ "I tapped by mistake": the question can be answered again; the alert and the first answer stay stored."""
    row = work.checkins.open_of(patient.id)
    if row is not None and row.id == checkin_id:
        _step(work, patient, row, core.Mistake())


def _step(work: Work, patient: Patient, row: CheckInRow, given: core.Input) -> core.Ignored | CheckInRow:
    step = core.step(row.value, given, work.clinic.protocol, history(work, row))
    ignored = next((event for event in step.events if isinstance(event, core.Ignored)), None)
    if ignored is not None:
        return ignored
    closed = step.checkin.state in CLOSED
    changed = row.model_copy(
        update={"value": step.checkin, "closed_at": work.at if closed else None, "remind_at": None}
    )
    following = None if closed else next_step_after_answer(changed, patient, work.clinic, work.at)
    changed = work.checkins.save(changed.model_copy(update={"next_action_at": following}))
    changed = apply(work, patient, changed, step.events)
    if not closed:
        work.notices.checkin_moved_on(patient, changed)
    work.tasks.close_of_patient(patient.id, ("not_heard_from", "missed_twice"), work.at)
    return changed


def change(work: Work, patient: Patient, row: CheckInRow, question: str, choices: tuple[str, ...]) -> CheckInRow | None:
    """Give an answer of a finished check-in again: both stay stored, and what it means now is acted on.

    None, and nothing changed, when it can't be changed so.
    """
    received = core.Change(question=question, choices=choices)
    step = core.step(row.value, received, work.clinic.protocol, history(work, row))
    if any(isinstance(event, core.Ignored) for event in step.events):
        return None
    changed = work.checkins.save(row.model_copy(update={"value": step.checkin}))
    return apply(work, patient, changed, step.events)
