"""Answers a check-in: one input is one step of the core, whose events become answers, assessments and alerts.

The only event loop of a check-in. It also changes answers of a finished check-in, and closes one without the patient.
"""

from collections.abc import Iterable
from datetime import datetime

from bot.app.alerts import raising
from bot.app.checkins.reminders import next_action_after_answer
from bot.app.checkins.skips import update_skip_task
from bot.app.concerns.assessments import as_stored, history, keep_assessment
from bot.app.concerns.follow_up import update_follow_up
from bot.app.ports.clinic import Clinic
from bot.app.ports.notices import CheckInEnd
from bot.app.records.checkins import AnswerRow, CheckInRow, TipShown
from bot.app.records.patients import Patient
from bot.app.work import Stores, Work
from bot.core import checkin as core
from bot.core.protocol import Tier, Tip
from bot.core.tips import Shown, choose_tip
from bot.core.triage import Assessment, assess

CLOSED = frozenset({core.State.DONE, core.State.EXPIRED, core.State.REPLACED})


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
    changed = _apply(work, patient, changed, step.events)
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
    return _apply(work, patient, changed, step.events)


# -- events


def _apply(work: Work, patient: Patient, row: CheckInRow, events: Iterable[core.Event]) -> CheckInRow:
    """Carry out the events of one step, whose new value is saved already; return the row as it is afterwards."""
    for event in events:
        row = _apply_one(work, patient, row, event)
    return row


def _apply_one(work: Work, patient: Patient, row: CheckInRow, event: core.Event) -> CheckInRow:
    match event:
        case core.AnswerGiven(question=question, choices=choices):
            work.answers.record(answer_row(patient, row, question, choices, work.at))
        case core.AnswerRemoved(question=question):
            work.answers.supersede(row.id, question, work.at)
        case core.RedFlag(assessment=assessment):
            _red_flag(work, patient, row, assessment)
        case core.Finished(assessment=assessment) if row.value.state is core.State.DONE:
            keep_assessment(work, row, assessment, final=True, finished=True)
            update_skip_task(work, patient, row)
            _finish(work, as_stored(work, patient), row, assessment)
        case core.Finished(assessment=assessment):
            update_skip_task(work, patient, row)
            return _act_on_half_answered(work, patient, row, assessment)
        case core.Changed(assessment=assessment):
            update_skip_task(work, patient, row)
            _changed(work, patient, row, assessment)
        case _:
            pass
    return row


def answer_row(patient: Patient, row: CheckInRow, question: str, choices: tuple[str, ...], at: datetime) -> AnswerRow:
    """Return an answer as it is stored, with the caregiver who gave it, if one did."""
    return AnswerRow(
        checkin_id=row.id,
        patient_id=row.patient_id,
        question=question,
        choices=choices,
        given_at=at,
        caregiver_id=patient.caregiver.id if patient.caregiver is not None else None,
    )


def _red_flag(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment) -> None:
    """Raise the alert at once. For a changed answer of a finished check-in, `Changed` stores the assessment."""
    if row.value.state is not core.State.DONE:
        keep_assessment(work, row, assessment, final=False, finished=False)
        update_follow_up(work, as_stored(work, patient), assessment)
    raising.raise_for(work, patient, row, assessment)


def _finish(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment) -> None:
    before = patient.follow_up
    patient = update_follow_up(work, patient, assessment)
    end = CheckInEnd("after_call")
    if row.value.raised > Tier.ROUTINE:
        raising.add_rules(work, patient.id, row.id, assessment.concerns)
    elif raising.needs_no_alert(work, before, row, assessment):
        end = CheckInEnd("unchanged")
    elif assessment.tier > Tier.ROUTINE:
        raising.raise_for(work, patient, row, assessment)
        end = CheckInEnd("before_call")
    elif not raising.calls_for(work, patient):
        # No all-clear while an earlier red flag is unconfirmed.
        end = CheckInEnd("routine", complete=assessment.complete, tip=_next_tip(work, patient, row))
    work.notices.checkin_ended(patient, row, end)


def _next_tip(work: Work, patient: Patient, row: CheckInRow) -> Tip | None:
    tip = choose_tip(row.value.answers, shown_tips(work, patient.id), work.clinic.protocol, work.at)
    if tip is not None:
        work.tips.add(TipShown(patient_id=patient.id, tip=tip.id, shown_at=work.at))
    return tip


def shown_tips(stores: Stores, patient_id: int) -> tuple[Shown, ...]:
    """Return the tips that the patient saw, newest first."""
    return tuple(Shown(tip=t.tip, shown_at=t.shown_at, rating=t.rating) for t in stores.tips.of_patient(patient_id))


def _changed(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment) -> None:
    """Act on the assessment after a changed answer. A milder answer closes no alert."""
    keep_assessment(work, row, assessment, final=True, finished=True)
    stored = as_stored(work, patient)
    update_follow_up(work, stored, assessment)
    raised = [alert for alert in work.alerts.of_patient(patient.id) if alert.checkin_id == row.id]
    if any(alert.tier >= assessment.tier for alert in raised):
        raising.add_rules(work, patient.id, row.id, assessment.concerns)
    elif assessment.tier is Tier.SOON and not raising.needs_no_alert(work, stored.follow_up, row, assessment):
        raising.raise_for(work, patient, row, assessment)
    work.acting(patient.actor).record("answer_changed", patient.code)


def _act_on_half_answered(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment) -> CheckInRow:
    """Raise the alert that a half-answered form requires; return the row with its tier. Silence clears nothing."""
    keep_assessment(work, row, assessment, final=row.value.state in CLOSED, finished=True)
    stored = as_stored(work, patient)
    update_follow_up(work, stored, assessment)
    if assessment.tier <= row.value.raised or raising.needs_no_alert(work, stored.follow_up, row, assessment):
        return row
    raising.raise_for(work, patient, row, assessment)
    return work.checkins.save(
        row.model_copy(update={"value": row.value.model_copy(update={"raised": assessment.tier})})
    )


# -- closing without the patient


def close_as(work: Work, patient: Patient, row: CheckInRow, how: core.Replace | core.Expire) -> CheckInRow:
    """Close a check-in that the patient didn't finish, act on its answers and return the row."""
    step = core.step(row.value, how, work.clinic.protocol, history(work, row))
    changes = {"value": step.checkin, "closed_at": work.at, "next_action_at": None, "remind_at": None}
    closed = work.checkins.save(row.model_copy(update=changes))
    work.notices.checkin_closed(patient, closed)
    return _apply(work, patient, closed, step.events)


def current(work: Work, patient: Patient) -> CheckInRow | None:
    """Return the open check-in. Close it, and return None, if the protocol no longer has its question."""
    row = work.checkins.open_of(patient.id)
    if row is None or can_be_asked(row, work.clinic):
        return row
    close_as(work, patient, row, core.Expire())
    return None


def can_be_asked(row: CheckInRow, clinic: Clinic) -> bool:
    """Return whether the protocol still has the check-in's current question."""
    form = clinic.protocol.forms.get(row.value.form)
    return form is not None and row.value.cursor in {None, *(step.ask for step in form.steps)}


def settle_half_answered(work: Work, patient: Patient, row: CheckInRow) -> CheckInRow:
    """Act on the answers so far and return the row: a patient may stop answering because they are ill."""
    if not row.value.answers:
        return row
    so_far = assess(row.value.answers, history(work, row), work.clinic.protocol, form=row.value.form, finished=True)
    return _act_on_half_answered(work, patient, row, so_far) if so_far.tier > row.value.raised else row
