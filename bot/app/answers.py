""" "My answers": what was answered last, how it went over the weeks, the way to change an answer. Assesses nothing."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import reduce

from bot.app.changes import change as change_answer
from bot.app.ports import Clinic, Outcome
from bot.app.post import post
from bot.app.rounds import local_day
from bot.app.screens import button, date_text, numbers, rows
from bot.app.store import AlertState, CheckInRow, Patient, Store
from bot.core.checkin import State, next_open
from bot.core.protocol import SKIP, Question, Tier
from bot.core.screen import Action, Button, Screen, Style, Text, Trend, TrendAlert, TrendPoint

KIND = "change"
"""The kind of action that changes answers: `question` names one (empty: list them), `choice` what it becomes."""
DONE = "done"
SLOT = "answers"
LOOKED_BACK = 150
"""Check-ins that the picture goes back: a year of a standard plan with daily weeks in it."""


# -- what was answered


def mine(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> Outcome:
    """The last answers, and the picture."""
    found = _finished(store, patient)
    if not found:
        post(store, patient, Screen(name="answers.none", lines=(Text(key="answers.none"),)), at=at, slot=SLOT)
        return Outcome(language=patient.speaks)
    last = found[0]
    made = [button("button.change", Action(kind=KIND, subject=last.id))] if _changeable(clinic, last, at) else []
    heading = Text(key="answers.heading", values={"date": date_text(local_day(patient, clinic, last.opened_at))})
    said = tuple(_lines(clinic, last))
    # Below one another, closely: the long form has up to 19.
    lines = (heading, _joined("answers.below", said)) if said else (heading,)
    screen = Screen(name="answers", lines=lines, rows=rows(made), protect=True)
    post(store, patient, screen, at=at, slot=SLOT)
    post(store, patient, _trend_screen(store, clinic, patient, found), at=at, slot="trend")
    return Outcome(language=patient.speaks)


def _lines(clinic: Clinic, row: CheckInRow) -> Iterator[Text]:
    for question, choices in row.value.answers.items():
        known = clinic.protocol.questions.get(question)
        if known is not None:
            yield Text(key="answers.line", values={"question": _short(known), "answer": _answer_text(known, choices)})


def _short(question: Question) -> Text:
    return Text(key=f"short.{question.id}")


def _answer_text(question: Question, choices: tuple[str, ...]) -> Text:
    if choices == (SKIP,):
        return Text(key="answers.skipped")
    return _joined("answers.and", (_choice_text(question, choice) for choice in choices))


def _joined(key: str, texts: Iterable[Text]) -> Text:
    """Return one text that is all of them, each put behind those before by `key`."""
    return reduce(lambda first, then: Text(key=key, values={"first": first, "then": then}), texts)


def _choice_text(question: Question, choice_id: str) -> Text:
    choice = question.choice(choice_id)
    own = choice.text if choice is not None else None
    return Text(key=own or f"choice.{question.id}.{choice_id}")


# -- the picture


def _finished(store: Store, patient: Patient) -> list[CheckInRow]:
    return [row for row in store.checkins(patient.id, limit=LOOKED_BACK) if row.value.state is State.DONE]


def trend_of(store: Store, clinic: Clinic, patient: Patient) -> Trend | None:
    """Return the picture of a patient's weeks; None before the first answers."""
    found = _finished(store, patient)
    return _trend(store, clinic, patient, _points(clinic, patient, found)) if found else None


def _points(clinic: Clinic, patient: Patient, found: list[CheckInRow]) -> list[TrendPoint]:
    severity, interference = _pair(clinic)
    return [
        TrendPoint(
            day=local_day(patient, clinic, row.opened_at),
            numbness=_step(severity, row),
            interference=_step(interference, row),
        )
        for row in reversed(found)
        if severity is not None and severity.id in row.value.answers
    ]


def _trend(store: Store, clinic: Clinic, patient: Patient, points: list[TrendPoint]) -> Trend:
    severity, _ = _pair(clinic)
    marked = [
        TrendAlert(day=local_day(patient, clinic, alert.raised_at), tier=alert.tier.name)
        for alert in store.alerts(patient.id, limit=LOOKED_BACK)
        if alert.tier > Tier.ROUTINE
    ]
    return Trend(
        points=tuple(points),
        ici_start=patient.ici_start,
        alerts=tuple(marked),
        title=Text(key="trend.title"),
        severities=tuple(_choice_text(severity, c.id) for c in severity.choices) if severity is not None else (),
        numbness=Text(key="trend.numbness"),
        interference=Text(key="trend.interference"),
        start=Text(key="trend.start"),
        alert=Text(key="trend.alert"),
        week=Text(key="trend.week"),
    )


def _trend_screen(store: Store, clinic: Clinic, patient: Patient, found: list[CheckInRow]) -> Screen:
    points = _points(clinic, patient, found)
    trend = _trend(store, clinic, patient, points)
    return Screen(name="trend", lines=tuple(_caption(clinic, patient, found, points)), trend=trend, protect=True)


def _caption(clinic: Clinic, patient: Patient, found: list[CheckInRow], points: list[TrendPoint]) -> Iterator[Text]:
    """The figures in words: whoever can't see the picture has them all the same."""
    yield Text(key="trend.caption", values={"n": len(points), "start": date_text(patient.ici_start)})
    severity, _ = _pair(clinic)
    shown = [row for row in found if severity is not None and severity.id in row.value.answers][:6]
    for row in shown:
        answer = _answer_text(severity, row.value.answers[severity.id]) if severity is not None else Text(key="raw")
        day = date_text(local_day(patient, clinic, row.opened_at))
        yield Text(key="trend.figure", values={"date": day, "answer": answer})
    yield Text(key="trend.call", values=numbers(clinic))


def _pair(clinic: Clinic) -> tuple[Question | None, Question | None]:
    """Return the two questions of the composite table: what is drawn."""
    composite = next((rule.composite for rule in clinic.protocol.rules if rule.composite is not None), None)
    if composite is None:
        return None, None
    questions = clinic.protocol.questions
    return questions.get(composite.severity), questions.get(composite.interference)


def _step(question: Question | None, row: CheckInRow) -> int | None:
    given = row.value.answers.get(question.id) if question is not None else None
    return question.step_of(given[0]) if question is not None and given else None


# -- changing an answer


def change(store: Store, clinic: Clinic, patient: Patient, action: Action, at: datetime) -> Outcome | None:
    """List the answers of a finished check-in, ask one again, or take the new one; None when that is over."""
    row = store.checkin(action.subject)
    if row is None or row.patient_id != patient.id or not _changeable(clinic, row, at):
        return None
    question = clinic.protocol.questions.get(action.question)
    open_ones = {*row.value.answers, next_open(row.value, clinic.protocol)}
    if question is None or question.id not in open_ones:
        return _list(store, clinic, patient, row, at)
    if not action.choice:
        return _ask(store, clinic, patient, row, question, at)
    if action.choice == DONE:
        return _next(store, clinic, patient, row, at)
    choices = _becomes(row, question, action.choice)
    if choices is None:
        return None
    if not choices:
        return _ask(store, clinic, patient, row, question, at)
    changed = change_answer(store, clinic, patient, row, question.id, choices, at)
    if changed is None:
        return None
    if action.choice[:1] in {"+", "-"} and action.choice[1:] != "" and not _stands_alone(question, action.choice[1:]):
        return _ask(store, clinic, patient, changed, question, at)
    return _next(store, clinic, patient, changed, at)


def _changeable(clinic: Clinic, row: CheckInRow, at: datetime) -> bool:
    done = row.value.state is State.DONE and row.value.form in clinic.protocol.forms
    return done and row.closed_at is not None and at - row.closed_at < clinic.protocol.clocks.change_for


def _becomes(row: CheckInRow, question: Question, word: str) -> tuple[str, ...] | None:
    """Return what a tap makes of an answer; None when there is no such choice. A tick says what it becomes."""
    sign, choice_id = (word[0], word[1:]) if word[:1] in {"+", "-"} else ("", word)
    choice = question.choice(choice_id)
    if choice is None:
        return None
    if question.kind == "single" or choice.exclusive:
        return (choice_id,)
    ticked = set(row.value.answers.get(question.id, ())) - {choice_id}
    if sign == "+":
        ticked.add(choice_id)
    return tuple(c.id for c in question.choices if c.id in ticked and not c.exclusive)


def _stands_alone(question: Question, choice_id: str) -> bool:
    choice = question.choice(choice_id)
    return choice is not None and choice.exclusive


def _list(store: Store, clinic: Clinic, patient: Patient, row: CheckInRow, at: datetime) -> Outcome:
    made = [
        Button(
            label=Text(key="answers.line", values={"question": _short(q), "answer": _answer_text(q, choices)}),
            action=Action(kind=KIND, subject=row.id, question=q.id),
        )
        for name, choices in row.value.answers.items()
        if (q := clinic.protocol.questions.get(name)) is not None
    ]
    screen = Screen(name="change.list", lines=(Text(key="change.which"),), rows=rows(made), protect=True)
    post(store, patient, screen, at=at, slot=SLOT)
    return Outcome(language=patient.speaks)


def _ask(store: Store, clinic: Clinic, patient: Patient, row: CheckInRow, question: Question, at: datetime) -> Outcome:
    form = clinic.protocol.forms[row.value.form]
    text = next((s.text for s in form.steps if s.ask == question.id), None)
    given = row.value.answers.get(question.id, ())
    made = [_choice_button(row, question, choice.id, given) for choice in question.choices]
    if question.kind == "several":
        done = Action(kind=KIND, subject=row.id, question=question.id, choice=DONE)
        made.append(button("button.done", done, style=Style.SUCCESS))
    made.append(button("change.back", Action(kind=KIND, subject=row.id)))
    lines = (Text(key="change.ask"), Text(key=text or f"question.{question.id}"))
    screen = Screen(name=f"change.{question.id}", lines=lines, rows=rows(made), protect=True)
    post(store, patient, screen, at=at, slot=SLOT, edit=question.kind == "several")
    return Outcome(language=patient.speaks)


def _choice_button(row: CheckInRow, question: Question, choice_id: str, given: tuple[str, ...]) -> Button:
    label = _choice_text(question, choice_id)
    chosen = choice_id in given
    several = question.kind == "several" and not _stands_alone(question, choice_id)
    if several:
        label = Text(key="button.ticked" if chosen else "button.unticked", values={"label": label})
    elif chosen:
        label = Text(key="button.chosen", values={"label": label})
    word = f"{'-' if chosen else '+'}{choice_id}" if several else choice_id
    return Button(label=label, action=Action(kind=KIND, subject=row.id, question=question.id, choice=word))


def _next(store: Store, clinic: Clinic, patient: Patient, row: CheckInRow, at: datetime) -> Outcome:
    """Ask what the new answer leads to, or say that all is noted."""
    following = next_open(row.value, clinic.protocol)
    if following is not None:
        return _ask(store, clinic, patient, row, clinic.protocol.questions[following], at)
    calls = any(a.checkin_id == row.id and a.state is not AlertState.CLOSED for a in store.alerts(patient.id))
    key = "change.noted.call" if calls else "change.noted"
    made = (button("change.more", Action(kind=KIND, subject=row.id)),)
    screen = Screen(name="change.noted", lines=(Text(key=key, values=numbers(clinic)),), rows=rows(made))
    post(store, patient, screen, at=at, slot=SLOT)
    return Outcome(toast=Text(key="toast.noted"), language=patient.speaks)
