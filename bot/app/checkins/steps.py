"""The steps of a check-in: the one place where what the core decides becomes answers, assessments and alerts."""

from collections.abc import Iterable
from datetime import datetime

from bot.app.alerts import raising
from bot.app.concerns.assessments import as_stored, history, keep_assessment
from bot.app.concerns.findings import raise_for, raises_nothing_new
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


def apply(work: Work, patient: Patient, row: CheckInRow, events: Iterable[core.Event]) -> CheckInRow:
    """Carry out the events of one step of a check-in whose new value is saved; return the row as it is then."""
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
            _finish(work, as_stored(work, patient), row, assessment)
        case core.Finished(assessment=assessment):
            return _act_on_half_answered(work, patient, row, assessment)
        case core.Changed(assessment=assessment):
            _changed(work, patient, row, assessment)
        case _:
            pass
    return row


def answer_row(patient: Patient, row: CheckInRow, question: str, choices: tuple[str, ...], at: datetime) -> AnswerRow:
    """Return an answer as it is stored: it carries who gave it."""
    return AnswerRow(
        checkin_id=row.id,
        patient_id=row.patient_id,
        question=question,
        choices=choices,
        given_at=at,
        caregiver_id=patient.helper.id if patient.helper is not None else None,
    )


def _red_flag(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment) -> None:
    """Raise the alert at the tap. In a finished check-in that is changed, the assessment follows by `Changed`."""
    if row.value.state is not core.State.DONE:
        keep_assessment(work, row, assessment, final=False, finished=False)
        update_follow_up(work, as_stored(work, patient), assessment)
    raise_for(work, patient, row, assessment)


def _finish(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment) -> None:
    before = patient.follow_up
    patient = update_follow_up(work, patient, assessment)
    end = CheckInEnd("after_call")
    if row.value.raised > Tier.ROUTINE:
        raising.add_rules(work, patient.id, row.id, assessment.concerns)
    elif raises_nothing_new(work, before, row, assessment):
        end = CheckInEnd("unchanged")
    elif assessment.tier > Tier.ROUTINE:
        raise_for(work, patient, row, assessment)
        end = CheckInEnd("before_call")
    elif not raising.calls_for(work, patient):
        # Only without an earlier red flag that nobody has confirmed: no all-clear beside one.
        end = CheckInEnd("routine", complete=assessment.complete, tip=_next_tip(work, patient, row))
    work.notices.checkin_ended(patient, row, end)


def _next_tip(work: Work, patient: Patient, row: CheckInRow) -> Tip | None:
    tip = choose_tip(row.value.answers, shown_tips(work, patient.id), work.clinic.protocol, work.at)
    if tip is not None:
        work.tips.add(TipShown(patient_id=patient.id, tip=tip.id, shown_at=work.at))
    return tip


def shown_tips(stores: Stores, patient_id: int) -> tuple[Shown, ...]:
    """Return what the patient saw, newest first."""
    return tuple(Shown(tip=t.tip, shown_at=t.shown_at, rating=t.rating) for t in stores.tips.of_patient(patient_id))


def _changed(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment) -> None:
    """Act on what a changed answer means now. A lowered answer closes nothing."""
    keep_assessment(work, row, assessment, final=True, finished=True)
    stored = as_stored(work, patient)
    update_follow_up(work, stored, assessment)
    raised = [alert for alert in work.alerts.of_patient(patient.id) if alert.checkin_id == row.id]
    if any(alert.tier >= assessment.tier for alert in raised):
        raising.add_rules(work, patient.id, row.id, assessment.concerns)
    elif assessment.tier is Tier.SOON and not raises_nothing_new(work, stored.follow_up, row, assessment):
        raise_for(work, patient, row, assessment)
    work.acting(patient.actor).record("answer_changed", patient.code)


def _act_on_half_answered(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment) -> CheckInRow:
    """Silence clears nothing: a concerning half-answered form is an alert. Return the row that knows it was raised."""
    keep_assessment(work, row, assessment, final=row.value.state in CLOSED, finished=True)
    stored = as_stored(work, patient)
    update_follow_up(work, stored, assessment)
    if assessment.tier <= row.value.raised or raises_nothing_new(work, stored.follow_up, row, assessment):
        return row
    raise_for(work, patient, row, assessment)
    return work.checkins.save(
        row.model_copy(update={"value": row.value.model_copy(update={"raised": assessment.tier})})
    )


# -- ending without the patient


def close_as(work: Work, patient: Patient, row: CheckInRow, how: core.Replace | core.Expire) -> CheckInRow:
    """End a check-in that the patient didn't finish; what was answered counts."""
    step = core.step(row.value, how, work.clinic.protocol, history(work, row))
    closed = row.model_copy(
        update={"value": step.checkin, "closed_at": work.at, "next_action_at": None, "remind_at": None}
    )
    closed = work.checkins.save(closed)
    work.notices.checkin_closed(patient, closed)
    return apply(work, patient, closed, step.events)


def current(work: Work, patient: Patient) -> CheckInRow | None:
    """Return the open check-in. One whose question a newer protocol no longer has is closed by what was answered."""
    row = work.checkins.open_of(patient.id)
    if row is None or can_be_asked(row, work.clinic):
        return row
    close_as(work, patient, row, core.Expire())
    return None


def can_be_asked(row: CheckInRow, clinic: Clinic) -> bool:
    """Whether the protocol still has the question the check-in stands at."""
    form = clinic.protocol.forms.get(row.value.form)
    return form is not None and row.value.cursor in {None, *(step.ask for step in form.steps)}


def settle_half_answered(work: Work, patient: Patient, row: CheckInRow) -> CheckInRow:
    """Act on what was answered so far when nothing more came: the patient may have fallen silent for a reason."""
    if not row.value.answers:
        return row
    so_far = assess(row.value.answers, history(work, row), work.clinic.protocol, form=row.value.form, finished=True)
    return _act_on_half_answered(work, patient, row, so_far) if so_far.tier > row.value.raised else row
