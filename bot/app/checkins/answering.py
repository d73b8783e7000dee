"""Answers a check-in: one input is one step of the core, whose events become answers, assessments and alerts.

The only event loop of a check-in. It also changes answers of a finished check-in, and closes one without the patient.
"""

from collections.abc import Iterable
from functools import partial

from bot.app.alerts import known, raising
from bot.app.alerts.naming import add_rules, alert_about, open_alert_of
from bot.app.checkins.answers import answer_row, with_fresh_screens
from bot.app.checkins.reminders import next_action_after_answer
from bot.app.checkins.skips import update_skip_task
from bot.app.checkins.tips import next_tip
from bot.app.concerns.assessments import as_stored, history, keep_assessment
from bot.app.concerns.follow_up import update_follow_up
from bot.app.concerns.memory import NOTHING_HEARD, found_in, hear, open_after
from bot.app.ports.clinic import Clinic
from bot.app.ports.errors import StaleRecordError
from bot.app.ports.notices import CheckInEnd
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import SYSTEM, Work
from bot.core import checkin as core
from bot.core.changes import What
from bot.core.findings import NOT_NAMED
from bot.core.memory import Applied
from bot.core.protocol import Tier
from bot.core.triage import Assessment

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
    row = with_fresh_screens(work, row)
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
    work.tasks.close_of_patient(patient.id, ("not_heard_from", "missed_twice", "phone_patient"), work.at)
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
            return act_on_half_answered(work, patient, row, assessment)
        case core.Changed(assessment=assessment):
            update_skip_task(work, patient, row)
            _changed(work, patient, row, assessment)
        case _:
            pass
    return row


def _red_flag(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment) -> None:
    """Raise the alert at once. For a changed answer of a finished check-in, `Changed` stores the assessment."""
    if row.value.state is not core.State.DONE:
        keep_assessment(work, row, assessment, final=False, finished=False)
        update_follow_up(work, as_stored(work, patient), assessment)
    applied: list[Applied] = []
    error = work.attempt(partial(_hear_into, applied, work, patient, row, assessment))
    if isinstance(error, StaleRecordError):
        raise error
    if error is not None:
        # A fault in what is remembered must not keep the call screen from the patient.
        work.acting(SYSTEM).record("concern_not_remembered", patient.code, error=type(error).__name__)
    _raise(work, patient, row, assessment, applied[0] if applied else NOTHING_HEARD)


def _hear_into(applied: list[Applied], work: Work, patient: Patient, row: CheckInRow, found: Assessment) -> None:
    applied.append(hear(work, patient, row, found))


def _raise(work: Work, patient: Patient, row: CheckInRow, found: Assessment, applied: Applied) -> None:
    names = found_in(work, patient, row, applied) if applied is not NOTHING_HEARD else ()
    agreed = known.is_agreed(work, row, found)
    raising.raise_for(work, patient, row, found, raised=applied.raised, symptoms=names, is_agreed=agreed)


def _finish(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment) -> None:
    before = patient.follow_up
    patient = update_follow_up(work, patient, assessment)
    applied = hear(work, patient, row, assessment)
    end = CheckInEnd("after_call")
    still_open, is_known = open_after(work, patient, row), known.needs_no_alert(work, before, row, assessment)
    if applied.raised > max(row.value.raised, assessment.tier):
        # What was found in earlier check-ins makes more of it: two ambers meet wherever they are.
        _raise(work, patient, row, assessment, applied)
        end = CheckInEnd("before_call")
    elif row.value.raised > Tier.ROUTINE:
        if not _add_to_alert(work, patient, row, assessment, applied):
            end = CheckInEnd("before_call")
    elif is_known and all(each.tier is Tier.SOON and each.today == "there" for each in still_open):
        end = CheckInEnd("unchanged")
    elif assessment.tier > Tier.ROUTINE and not is_known:
        _raise(work, patient, row, assessment, applied)
        end = CheckInEnd("before_call")
    elif still_open:
        end = CheckInEnd("still_open", open=still_open, alert=alert_about(work, patient, still_open))
    else:
        end = CheckInEnd("routine", complete=assessment.complete, tip=next_tip(work, patient, row))
    work.notices.checkin_ended(patient, row, end)


def _changed(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment) -> None:
    """Act on the assessment after a changed answer. A milder answer closes no alert."""
    keep_assessment(work, row, assessment, final=True, finished=True)
    stored = as_stored(work, patient)
    update_follow_up(work, stored, assessment)
    applied = hear(work, patient, row, assessment)
    is_name = any(c.symptom == NOT_NAMED and c.what is What.SETTLED for c in applied.changes)
    if applied.raised > Tier.ROUTINE and not is_name:
        # A call screen and an alert of its own: no message has named it yet.
        _raise(work, patient, row, assessment, applied)
    elif any(a.tier >= assessment.tier and a.checkin_id == row.id for a in work.alerts.of_patient(patient.id)):
        _add_to_alert(work, patient, row, assessment, applied)
    elif assessment.tier is Tier.SOON and not known.needs_no_alert(work, stored.follow_up, row, assessment):
        _raise(work, patient, row, assessment, applied)
    work.acting(patient.actor).record("answer_changed", patient.code)


def _add_to_alert(work: Work, patient: Patient, row: CheckInRow, found: Assessment, applied: Applied) -> bool:
    """Add to the open alert of the check-in and return True; raise another one if that doesn't cover what is new."""
    alert = open_alert_of(work, patient, row)
    if applied.raised > (alert.tier if alert is not None else Tier.ROUTINE):
        _raise(work, patient, row, found, applied)
        return False
    if alert is not None:
        add_rules(work, alert, found.concerns, found_in(work, patient, row, applied))
    return True


def act_on_half_answered(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment) -> CheckInRow:
    """Raise the alert that a half-answered form requires; return the row with its tier. Silence clears nothing."""
    # Whether it was known before is asked later in the form: left open, it was not known.
    left = row.model_copy(update={"value": row.value.model_copy(update={"state": core.State.EXPIRED})})
    keep_assessment(work, row, assessment, final=row.value.state in CLOSED, finished=True)
    stored = as_stored(work, patient)
    update_follow_up(work, stored, assessment)
    applied = hear(work, patient, left, assessment)
    tier = max(assessment.tier, applied.raised)
    if tier <= row.value.raised:
        _add_to_alert(work, patient, row, assessment, applied)
        return row
    if tier is assessment.tier and known.needs_no_alert(work, stored.follow_up, row, assessment):
        return row
    _raise(work, patient, row, assessment, applied)
    return work.checkins.save(row.model_copy(update={"value": row.value.model_copy(update={"raised": tier})}))


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
