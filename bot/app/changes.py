"""An answer of a finished check-in given anew: both stay stored, and what it means now is acted on."""

from datetime import datetime

from bot.app import alerts
from bot.app.assessments import answer_row, as_stored, history, keep_assessment, raise_for, raises_nothing_new
from bot.app.ports import Clinic
from bot.app.rounds import follow_up
from bot.app.store import Audit, CheckInRow, Patient, Store
from bot.core import checkin as core
from bot.core.protocol import Tier


def change(
    store: Store,
    clinic: Clinic,
    patient: Patient,
    row: CheckInRow,
    question: str,
    choices: tuple[str, ...],
    at: datetime,
) -> CheckInRow | None:
    """Give an answer of a finished check-in anew: both stay stored, and what it means now is acted on.

    None, and nothing changed, when it can't be changed so. What falls closes nothing.
    """
    received = core.Change(question=question, choices=choices)
    step = core.step(row.value, received, clinic.protocol, history(store, clinic, row), at)
    if any(isinstance(event, core.Ignored) for event in step.events):
        return None
    changed = row.model_copy(update={"value": step.checkin})
    changed = store.save_checkin(changed)
    for event in step.events:
        _carry_out_change(store, clinic, patient, changed, event, at)
    return changed


def _carry_out_change(
    store: Store, clinic: Clinic, patient: Patient, row: CheckInRow, event: core.Event, at: datetime
) -> None:
    match event:
        case core.AnswerGiven(question=question, choices=choices):
            store.record_answer(answer_row(patient, row, question, choices, at))
        case core.AnswerForgotten(question=question):
            store.forget_answer(row.id, question, at)
        case core.RedFlag(assessment=assessment):
            raise_for(store, clinic, patient, row, assessment, at)
        case core.Changed(assessment=assessment):
            keep_assessment(store, clinic, row, assessment, at, final=True, finished=True)
            before = as_stored(store, patient).watch
            follow_up(store, clinic, as_stored(store, patient), assessment, at)
            raised = [a for a in store.alerts(patient.id) if a.checkin_id == row.id]
            if any(a.tier >= assessment.tier for a in raised):
                alerts.add_rules(store, patient.id, row.id, assessment.concerns)
            elif assessment.tier is Tier.SOON and not raises_nothing_new(store, clinic, before, row, assessment, at):
                raise_for(store, clinic, patient, row, assessment, at)
            store.audit(Audit(at=at, actor=patient.actor, action="answer_changed", subject=patient.code))
        case _:
            pass
