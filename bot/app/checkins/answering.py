"""Answers a check-in: one input is one step of the core. Also changes answers of a finished one. Decides nothing."""

from bot.app.checkins.reminders import next_action_after_answer
from bot.app.checkins.steps import CLOSED, apply, current
from bot.app.concerns.assessments import history
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core import checkin as core


def answer(work: Work, patient: Patient, checkin_id: int, given: core.Input) -> core.Ignored | CheckInRow | None:
    """Take one step of a check-in and return the row, or why it was ignored; None if it isn't the open check-in."""
    row = current(work, patient)
    if row is None or row.id != checkin_id:
        return None
    return _step(work, patient, row, given)


def claim_mistake(work: Work, patient: Patient, checkin_id: int | None) -> None:
    """Let the patient answer the question again after "I tapped by mistake"; alert and first answer stay stored."""
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
    following = None if closed else next_action_after_answer(changed, patient, work.clinic, work.at)
    changed = work.checkins.save(changed.model_copy(update={"next_action_at": following}))
    changed = apply(work, patient, changed, step.events)
    if not closed:
        work.notices.checkin_moved_on(patient, changed)
    work.tasks.close_of_patient(patient.id, ("not_heard_from", "missed_twice"), work.at)
    return changed


def change(work: Work, patient: Patient, row: CheckInRow, question: str, choices: tuple[str, ...]) -> CheckInRow | None:
    """Change an answer of a finished check-in, act on its new assessment and return the row; both answers stay stored.

    Return None, having changed nothing, if the answer can't be changed so.
    """
    given = core.Change(question=question, choices=choices)
    step = core.step(row.value, given, work.clinic.protocol, history(work, row))
    if any(isinstance(event, core.Ignored) for event in step.events):
        return None
    changed = work.checkins.save(row.model_copy(update={"value": step.checkin}))
    return apply(work, patient, changed, step.events)
