"""Check-ins: opened, answered tap by tap, finished with a tip or a call prompt; one open at a time for a patient."""

from datetime import datetime
from typing import Literal

from bot.app import alerts
from bot.app.assessments import answer_row, as_stored, history, keep_assessment, raise_for, raises_nothing_new
from bot.app.plans import plan_of
from bot.app.ports import Clinic, Outcome
from bot.app.post import drop_unsent, post
from bot.app.reminding import DAILY, next_step_after_answer, next_step_at
from bot.app.rounds import follow_up
from bot.app.screens import (
    change_row,
    checkin_screen,
    done_after_call,
    done_before_call,
    done_unchanged,
    next_checkin_text,
    routine_screen,
)
from bot.app.store import (
    Audit,
    CheckInRow,
    Lane,
    Patient,
    PatientState,
    Store,
    TipShown,
    WorkItem,
)
from bot.core import checkin as core
from bot.core.protocol import Answers, Tier, Tip
from bot.core.schedule import phase_at
from bot.core.screen import Action, Screen, Text
from bot.core.tips import Shown, choose_tip
from bot.core.triage import Assessment, assess

Kind = Literal["scheduled", "baseline", "extra", "worse", "again"]
CLOSED = frozenset({core.State.DONE, core.State.EXPIRED, core.State.REPLACED})
EARLY = "early"
"""How the phases are named in which two check-ins missed in a row are shown to the coordinator."""
WORSE_ANSWERS: Answers = {"change": ("yes",)}
""" "I feel worse now" has answered the quick check's first question."""


# -- opening


class DueTwiceError(RuntimeError):
    """A check-in of this patient was due at that moment already."""


def open_checkin(
    store: Store, clinic: Clinic, patient: Patient, *, form: str, kind: Kind, due_at: datetime, at: datetime
) -> CheckInRow | None:
    """Open one and queue its first question; an open one is replaced, what was answered stays stored.

    None (and nothing changed) when this patient already had one due at that moment. The patient must be locked.
    """
    known = WORSE_ANSWERS if kind == "worse" else {}
    row = CheckInRow(
        patient_id=patient.id,
        kind=kind,
        due_at=due_at,
        opened_at=at,
        protocol_name=clinic.protocol.name,
        protocol_version=clinic.protocol.version,
        protocol_hash=clinic.protocol.content_hash,
        value=core.open_checkin(form, clinic.protocol, known),
    )
    row = row.model_copy(update={"next_step_at": next_step_at(row, patient, clinic)})
    made: list[tuple[CheckInRow, CheckInRow | None]] = []

    def replace() -> None:
        replaced = store.open_checkin(patient.id)
        if replaced is not None:
            replaced = close_as(store, clinic, patient, replaced, core.Replace(), at)
        if (added := store.add_checkin(row)) is None:
            raise DueTwiceError(DueTwiceError.__doc__)
        made.append((added, replaced))

    error = store.attempt(replace)
    if isinstance(error, DueTwiceError):
        # As after the clock was set back: the one that is open, perhaps the very same, must stay so.
        return None
    if error is not None:
        raise error
    ((added, replaced),) = made
    for question, choices in known.items():
        store.record_answer(answer_row(patient, added, question, choices, at))
    if replaced is not None:
        _missed(store, clinic, patient, replaced, at)
    # What the patient just asked for is a reply; what comes to many at once is bulk.
    lane = Lane.REPLY if kind in {"worse", "baseline"} else Lane.CHECKIN
    show(store, clinic, patient, added, at, lane=lane, edit=False)
    return added


def show(
    store: Store,
    clinic: Clinic,
    patient: Patient,
    row: CheckInRow,
    at: datetime,
    *,
    lane: Lane,
    edit: bool,
    everyone: bool = True,
) -> None:
    """Queue the screen the check-in stands at; not for `everyone`: for the chat that asked alone."""
    post(
        store,
        patient,
        checkin_screen(row, clinic),
        at=at,
        slot=f"checkin:{row.id}",
        lane=lane,
        edit=edit,
        revision=row.value.revision,
        lasts=clinic.protocol.clocks.cutoff if lane is Lane.CHECKIN else None,
        everyone=everyone,
    )


def send_now(
    store: Store, clinic: Clinic, patient: Patient, at: datetime, *, by: str = "operator"
) -> CheckInRow | None:
    """Send a quick check at once, beside the plan; None when the patient isn't active or has no chat."""
    if patient.state is not PatientState.ACTIVE or patient.chat_id is None:
        return None
    row = open_checkin(store, clinic, patient, form="quick", kind="extra", due_at=at, at=at)
    if row is not None:
        store.audit(Audit(at=at, actor=by, action="checkin_sent_now", subject=patient.code))
    return row


def feel_worse(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> Outcome:
    """ "I feel worse now": the same questions, at any time; tapped again it shows where they are."""
    row = present(store, clinic, patient, at)
    if row is not None and row.kind == "worse":
        show(store, clinic, patient, row, at, lane=Lane.REPLY, edit=False, everyone=False)
    else:
        open_checkin(store, clinic, patient, form="quick", kind="worse", due_at=at, at=at)
    return Outcome(language=patient.speaks)


def present(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> CheckInRow | None:
    """Return the open check-in. One whose question a newer protocol no longer has is closed by what was answered."""
    row = store.open_checkin(patient.id)
    if row is None or can_be_asked(row, clinic):
        return row
    close_as(store, clinic, patient, row, core.Expire(), at)
    return None


def can_be_asked(row: CheckInRow, clinic: Clinic) -> bool:
    """Whether the protocol still has the question the check-in stands at."""
    form = clinic.protocol.forms.get(row.value.form)
    return form is not None and row.value.cursor in {None, *(step.ask for step in form.steps)}


# -- answering


def answer(store: Store, clinic: Clinic, patient: Patient, action: Action, at: datetime) -> Outcome | None:
    """Work off one tap on a check-in; None, and nothing changed, when it isn't open or isn't this patient's."""
    row = present(store, clinic, patient, at)
    if row is None or row.id != action.subject:
        return None
    if action.kind == "help_now":
        return alerts.need_help(store, clinic, patient, row.id, at)
    step = core.step(row.value, _input(action), clinic.protocol, history(store, clinic, row), at)
    ignored = next((e for e in step.events if isinstance(e, core.Ignored)), None)
    if ignored is not None:
        return _ignored(store, clinic, patient, row, action, ignored, at)
    carry_out(store, clinic, patient, row, step, at)
    return Outcome(language=patient.speaks)


def _input(action: Action) -> core.Input:
    revision, question, choice = action.revision, action.question, action.choice
    match action.kind:
        case "choose":
            return core.Choose(question=question, choice=choice, revision=revision)
        case "toggle":
            return core.Toggle(question=question, choice=choice[1:], on=choice[:1] == "+", revision=revision)
        case "submit":
            return core.Submit(question=question, revision=revision)
        case "skip":
            return core.Skip(question=question, revision=revision)
        case "back":
            return core.Back(question=question, revision=revision)
        case "go_on":
            return core.GoOn(revision=revision)
        case _:
            return core.Finish(revision=revision)


KINDS = frozenset({"choose", "toggle", "submit", "skip", "back", "go_on", "finish", "help_now"})
"""The kinds of action that `answer` takes."""


def _ignored(
    store: Store, clinic: Clinic, patient: Patient, row: CheckInRow, action: Action, ignored: core.Ignored, at: datetime
) -> Outcome:
    """A late, doubled or empty tap changes nothing: say so, and show where they are now."""
    # A tap one or two screens old is a doubled tap on the message itself; an older one comes from further up the chat.
    doubled = row.value.revision - action.revision <= 2  # noqa: PLR2004
    show(store, clinic, patient, row, at, lane=Lane.REPLY, edit=doubled, everyone=False)
    key = f"toast.{ignored.reason}" if ignored.reason in {"nothing_chosen", "first_question"} else "toast.closed"
    return Outcome(toast=Text(key=key), language=patient.speaks)


def carry_out(
    store: Store, clinic: Clinic, patient: Patient, row: CheckInRow, step: core.Step, at: datetime
) -> CheckInRow:
    """Make what the core said so: answers, assessments, alerts, and the next screen."""
    closed = step.checkin.state in CLOSED
    changed = row.model_copy(update={"value": step.checkin, "closed_at": at if closed else None, "remind_at": None})
    following = None if closed else next_step_after_answer(changed, patient, clinic, at)
    changed = changed.model_copy(update={"next_step_at": following})
    changed = store.save_checkin(changed)
    for event in step.events:
        _carry_out_one(store, clinic, patient, changed, event, at)
    if not closed:
        show(store, clinic, patient, changed, at, lane=Lane.REPLY, edit=True)
    store.close_work_items(patient.id, ("not_heard_from", "missed_twice"), at)
    return changed


def _carry_out_one(
    store: Store, clinic: Clinic, patient: Patient, row: CheckInRow, event: core.Event, at: datetime
) -> None:
    match event:
        case core.AnswerGiven(question=question, choices=choices):
            store.record_answer(answer_row(patient, row, question, choices, at))
        case core.AnswerForgotten(question=question):
            store.forget_answer(row.id, question, at)
        case core.RedFlag(assessment=assessment):
            keep_assessment(store, clinic, row, assessment, at, final=False, finished=False)
            follow_up(store, clinic, as_stored(store, patient), assessment, at)
            raise_for(store, clinic, patient, row, assessment, at)
        case core.Finished(assessment=assessment):
            keep_assessment(store, clinic, row, assessment, at, final=True, finished=True)
            _finish(store, clinic, as_stored(store, patient), row, assessment, at)
        case _:
            pass


def _finish(
    store: Store, clinic: Clinic, patient: Patient, row: CheckInRow, assessment: Assessment, at: datetime
) -> None:
    before = patient.watch
    patient = follow_up(store, clinic, patient, assessment, at)
    following = next_checkin_text(patient.next_due_at, patient.timezone or clinic.timezone)
    if row.value.raised > Tier.ROUTINE:
        alerts.add_rules(store, patient.id, row.id, assessment.concerns)
        screen = done_after_call(clinic, following)
    elif raises_nothing_new(store, clinic, before, row, assessment, at):
        screen = done_unchanged(clinic, following)
    elif assessment.tier > Tier.ROUTINE:
        raise_for(store, clinic, patient, row, assessment, at)
        screen = done_before_call(clinic, following)
    elif alerts.calls_for(store, clinic, patient, at):
        # These answers need no call, but an earlier red flag still does: no all-clear beside it.
        screen = done_after_call(clinic, following)
    else:
        tip = _next_tip(store, clinic, patient, row, at)
        screen = routine_screen(clinic, complete=assessment.complete, tip=tip, following=following)
    _show_end(store, patient, row, screen, at)


def _show_end(store: Store, patient: Patient, row: CheckInRow, screen: Screen, at: datetime) -> None:
    ended = screen.model_copy(update={"rows": (*screen.rows, change_row(row))})
    post(
        store,
        patient,
        ended,
        at=at,
        slot=f"checkin:{row.id}",
        lane=Lane.REPLY,
        edit=True,
        revision=row.value.revision,
        everyone=True,
    )


def _next_tip(store: Store, clinic: Clinic, patient: Patient, row: CheckInRow, at: datetime) -> Tip | None:
    tip = choose_tip(row.value.answers, shown_tips(store, patient.id), clinic.protocol, at)
    if tip is not None:
        store.add_tip_shown(TipShown(patient_id=patient.id, tip=tip.id, shown_at=at))
    return tip


def shown_tips(store: Store, patient_id: int) -> tuple[Shown, ...]:
    """What the patient saw, newest first."""
    return tuple(Shown(tip=t.tip, shown_at=t.shown_at, rating=t.rating) for t in store.tips_shown(patient_id))


def claim_mistake(store: Store, clinic: Clinic, patient: Patient, checkin_id: int | None, at: datetime) -> None:
    """ "I tapped by mistake": the question can be answered anew; the alert and the first answer stay stored."""
    row = store.open_checkin(patient.id)
    if row is None or row.id != checkin_id:
        return
    step = core.step(row.value, core.Mistake(), clinic.protocol, history(store, clinic, row), at)
    if not any(isinstance(e, core.Ignored) for e in step.events):
        carry_out(store, clinic, patient, row, step, at)


# -- ending without the patient


def close_as(
    store: Store, clinic: Clinic, patient: Patient, row: CheckInRow, how: core.Input, at: datetime
) -> CheckInRow:
    """End a check-in that the patient didn't finish; what was answered counts."""
    step = core.step(row.value, how, clinic.protocol, history(store, clinic, row), at)
    closed = row.model_copy(update={"value": step.checkin, "closed_at": at, "next_step_at": None, "remind_at": None})
    closed = store.save_checkin(closed)
    # A question that was not sent yet is pointless now; the message that was sent stays where it is.
    drop_unsent(store, patient, f"checkin:{row.id}")
    for event in step.events:
        if isinstance(event, core.Finished):
            _settle(store, clinic, patient, closed, event.assessment, at)
    return closed


def _settle(
    store: Store, clinic: Clinic, patient: Patient, row: CheckInRow, assessment: Assessment, at: datetime
) -> CheckInRow:
    """Silence clears nothing: a concerning half-answered form is an alert. Return the row that knows it was raised."""
    keep_assessment(store, clinic, row, assessment, at, final=row.value.state in CLOSED, finished=True)
    before = as_stored(store, patient).watch
    follow_up(store, clinic, as_stored(store, patient), assessment, at)
    if assessment.tier <= row.value.raised or raises_nothing_new(store, clinic, before, row, assessment, at):
        return row
    raise_for(store, clinic, patient, row, assessment, at)
    settled = row.model_copy(update={"value": row.value.model_copy(update={"raised": assessment.tier})})
    return store.save_checkin(settled)


def settle_half_answered(store: Store, clinic: Clinic, patient: Patient, row: CheckInRow, at: datetime) -> CheckInRow:
    """Act on what was answered so far when nothing more came: the patient may have fallen silent for a reason."""
    if not row.value.answers:
        return row
    so_far = assess(row.value.answers, history(store, clinic, row), clinic.protocol, form=row.value.form, finished=True)
    return _settle(store, clinic, patient, row, so_far, at) if so_far.tier > row.value.raised else row


def _missed(store: Store, clinic: Clinic, patient: Patient, row: CheckInRow, at: datetime) -> None:
    """A check-in was replaced before it was finished: silence where the plan isn't daily, or twice in a row."""
    if row.kind == "worse" or row.value.raised >= Tier.URGENT:
        return  # beside the plan, or not silent at all: a call screen was shown
    if row.silent_at is None and at - row.opened_at > DAILY:
        work_item(store, patient, "not_heard_from", at)
    before = next((c for c in store.checkins(patient.id) if c.id < row.id), None)
    early = (phase_at(plan_of(patient, clinic), row.due_at.date()) or "").startswith(EARLY)
    if early and not row.value.answers and before is not None and not before.value.answers:
        work_item(store, patient, "missed_twice", at)


def work_item(store: Store, patient: Patient, kind: Literal["not_heard_from", "missed_twice"], at: datetime) -> None:
    """Show a patient's silence to the coordinator, once."""
    store.add_work_item(WorkItem(kind=kind, patient_id=patient.id, subject=patient.code, raised_at=at))
