"""Answers a check-in: one input is one step of the core, whose events become answers, assessments and alerts.

The only event loop of a check-in. It also changes answers of a finished check-in, and closes one without the patient.
"""

from collections.abc import Iterable

from bot.app.alerts import raising
from bot.app.alerts.naming import Found, open_alert
from bot.app.alerts.raising import add_findings
from bot.app.checkins.answers import answer_row, say_again, with_fresh_screens
from bot.app.checkins.reminders import next_action_after_answer
from bot.app.checkins.skips import update_skip_task
from bot.app.checkins.tips import next_tip
from bot.app.checkins.weeks import is_first_of_week
from bot.app.concerns.assessments import as_stored, history, keep_assessment
from bot.app.concerns.conversion import alert_about
from bot.app.concerns.memory import (
    NOTHING_HEARD,
    found_in,
    hear,
    known_after,
    open_after,
    remembered,
    tier_to_call_about,
)
from bot.app.ports.clinic import Clinic
from bot.app.ports.errors import StaleRecordError
from bot.app.ports.notices import CheckInEnd
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import SYSTEM, Work
from bot.core import checkin as core
from bot.core.changes import NEWS, What
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


def claim_mistake(work: Work, patient: Patient, checkin_id: int | None, question: str = "") -> None:
    """Let the patient answer the question again after "I tapped by mistake"; alert and first answer stay stored.

    `question` is behind what is still open: it is asked if no answer of the open check-in raised anything by itself.
    """
    row = work.checkins.open_of(patient.id)
    if row is not None and row.id == checkin_id:
        _step(work, patient, row, core.Mistake(question=question))


def _step(work: Work, patient: Patient, row: CheckInRow, given: core.Input) -> core.Ignored | CheckInRow:
    # Before anything is forgotten or expires: what is ignored changes nothing.
    if ignored := _ignored(core.step(row.value, given, work.clinic.protocol, history(work, row))):
        return ignored
    row = with_fresh_screens(work, row, given)
    step = _core_step(work, patient, row, given)
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


def _ignored(step: core.Step) -> core.Ignored | None:
    return next((event for event in step.events if isinstance(event, core.Ignored)), None)


def _core_step(work: Work, patient: Patient, row: CheckInRow, given: core.Input) -> core.Step:
    """Take the step in the core. A fault in what is remembered must not keep a call screen from the patient."""
    protocol, compared = work.clinic.protocol, history(work, row)
    made: list[core.Step] = []

    def weighed() -> None:
        made.append(core.step(row.value, given, protocol, compared, remembered(work, patient, row)))

    failed = _failed(work, patient, work.attempt(weighed))
    return core.step(row.value, given, protocol, compared) if failed else made[0]


def _failed(work: Work, patient: Patient, error: Exception | None) -> bool:
    """Return whether there was a fault in what is remembered, which the audit keeps; raise it to run again if stale."""
    if isinstance(error, StaleRecordError):
        raise error
    if error is not None:
        work.acting(SYSTEM).record("concern_not_remembered", patient.code, error=type(error).__name__)
    return error is not None


def change(work: Work, patient: Patient, row: CheckInRow, question: str, choices: tuple[str, ...]) -> CheckInRow | None:
    """Change an answer of a finished check-in, act on its new assessment and return the row; both answers stay stored.

    Return None, having changed nothing, if the answer can't be changed so.
    """
    given = core.Change(question=question, choices=choices)
    if _ignored(core.step(row.value, given, work.clinic.protocol, history(work, row))):
        return None
    say_again(work, row, question, choices)
    step = _core_step(work, patient, row, given)
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
            _finish(work, patient, row, assessment)
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
    applied, is_done = list[Applied](), row.value.state is core.State.DONE
    if not is_done:
        keep_assessment(work, row, assessment, final=False, finished=False)

    def listen() -> None:
        applied.append(hear(work, patient, row, assessment, finished=is_done))

    # A fault in what is remembered must not keep the call screen from the patient.
    failed = _failed(work, patient, work.attempt(listen))
    _raise(work, patient, row, assessment, NOTHING_HEARD if failed else applied[0])


def _raise(work: Work, patient: Patient, row: CheckInRow, found: Assessment, applied: Applied) -> None:
    names = found_in(work, patient, row, applied) if applied is not NOTHING_HEARD else ()
    is_new = applied is NOTHING_HEARD or any(c.what in NEWS for c in applied.changes)
    tier = max(found.raised, applied.raised)
    call = tier_to_call_about(work, patient) if applied is not NOTHING_HEARD else None
    raising.raise_for(work, patient, row, found, raised=tier, symptoms=names, to_call_about=call, is_new=is_new)


def _finish(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment) -> None:
    applied = hear(work, patient, row, assessment, finished=True)
    still_open, known = open_after(work, patient, row), known_after(work, patient, row)
    end = CheckInEnd("after_call", tier=row.value.raised)
    if assessment.raised > row.value.raised:
        _raise(work, patient, row, assessment, applied)
        end = CheckInEnd("before_call")
    elif row.value.raised > Tier.ROUTINE:
        if not _add_to_alert(work, patient, row, assessment, applied):
            end = CheckInEnd("before_call")
    elif still_open:
        end = CheckInEnd("still_open", open=still_open, alert=alert_about(work, patient, still_open))
    elif known:
        end = CheckInEnd("known", known=known, tip=next_tip(work, patient, row))
    else:
        is_first, tip = is_first_of_week(work, patient, row), next_tip(work, patient, row)
        end = CheckInEnd("routine", complete=assessment.complete, tip=tip, is_first_of_week=is_first)
    # What was heard may have changed when the next check-in is due.
    work.notices.checkin_ended(as_stored(work, patient), row, end)


def _changed(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment) -> None:
    """Act on the assessment after a changed answer. A milder answer closes no alert."""
    keep_assessment(work, row, assessment, final=True, finished=True)
    applied = hear(work, patient, row, assessment, finished=True)
    is_name = any(c.symptom == NOT_NAMED and c.what is What.SETTLED for c in applied.changes)
    if applied.raised > Tier.ROUTINE and not is_name:
        # A call screen and an alert of its own: no message has named it yet.
        _raise(work, patient, row, assessment, applied)
    else:
        _add_to_alert(work, patient, row, assessment, applied)
    work.acting(patient.actor).record("answer_changed", patient.code)


def _add_to_alert(work: Work, patient: Patient, row: CheckInRow, found: Assessment, applied: Applied) -> bool:
    """Add to the open alert and return True; raise what the call screens of this check-in don't cover."""
    alert = open_alert(work, patient)
    if applied.raised > (row.value.raised if alert is not None else Tier.ROUTINE):
        _raise(work, patient, row, found, applied)
        return False
    if alert is not None:
        names, call = found_in(work, patient, row, applied), tier_to_call_about(work, patient)
        add_findings(work, patient, alert, Found(Tier.ROUTINE, found.concerns, names, row.id, call), applied.changes)
    return True


def act_on_half_answered(work: Work, patient: Patient, row: CheckInRow, assessment: Assessment) -> CheckInRow:
    """Raise the alert that a half-answered form requires; return the row with its tier. Silence clears nothing."""
    keep_assessment(work, row, assessment, final=row.value.state in CLOSED, finished=True)
    applied = hear(work, patient, row, assessment, finished=True)
    if assessment.raised <= row.value.raised:
        _add_to_alert(work, patient, row, assessment, applied)
        return row
    _raise(work, patient, row, assessment, applied)
    raised = {"raised": assessment.raised}
    return work.checkins.save(row.model_copy(update={"value": row.value.model_copy(update=raised)}))


# -- closing without the patient


def close_as(work: Work, patient: Patient, row: CheckInRow, how: core.Replace | core.Expire) -> CheckInRow:
    """Close a check-in that the patient didn't finish, act on its answers and return the row."""
    step = _core_step(work, patient, row, how)
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
