"""The screens of "My answers": the last answers, the trend over the weeks, changing an answer. Assesses nothing."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import reduce

from bot.app.alerts.naming import open_alert
from bot.app.alerts.replies import left_open
from bot.app.checkins.answering import change as change_answer
from bot.app.concerns.follow_up import local_day
from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Stores, Work
from bot.core.changes import NEWS
from bot.core.checkin import State, next_open
from bot.core.findings import ALARMING
from bot.core.protocol import SKIP, Question, Tier
from bot.core.screen import Action, Button, Screen, Style, Text, Trend, TrendAlert, TrendPeriod, TrendPoint
from bot.dialog.call_replies import rest_screen
from bot.dialog.post import post
from bot.dialog.replies import TapResult
from bot.dialog.widgets import (
    both_numbers,
    button,
    choice_text,
    copy_button,
    copy_emergency_button,
    date_text,
    numbers,
    period_texts,
    periods_to_show,
    question_text,
    rows,
)

KIND = "change"
"""The kind of action that changes answers: `question` names one (empty: list them), `choice` what it becomes."""
DONE = "done"
SLOT = "answers"
TREND_CHECKINS = 150
"""Newest check-ins in the trend: a year of a standard plan with some daily weeks."""


# -- the last answers


def show(work: Work, patient: Patient) -> TapResult:
    """Show the last answers, and the trend as a picture."""
    found = _finished(work, patient, patient.history_from)
    if not found:
        post(work, patient, Screen(name="answers.none", lines=(Text(key="answers.none"),)), slot=SLOT)
        return TapResult(language=patient.chat_language)
    last = found[0]
    made = (
        [button("button.change", Action(kind=KIND, subject=last.id))]
        if _is_changeable(work.clinic, last, work.at)
        else []
    )
    heading = Text(key="answers.heading", values={"date": date_text(local_day(patient, work.clinic, last.opened_at))})
    listed = tuple(_lines(work.clinic, last))
    # One text without blank lines between: the long form has up to 19 answers.
    lines = (heading, _joined("answers.below", listed)) if listed else (heading,)
    screen = Screen(name="answers", lines=lines, rows=rows(made), protect=True)
    post(work, patient, screen, slot=SLOT)
    post(work, patient, _trend_screen(work, patient, found), slot="trend")
    return TapResult(language=patient.chat_language)


def _lines(clinic: Clinic, row: CheckInRow) -> Iterator[Text]:
    for question, choices in row.value.answers.items():
        known = clinic.protocol.questions.get(question)
        if known is not None:
            yield Text(
                key="answers.line", values={"question": short_text(known), "answer": answer_text(known, choices)}
            )


def short_text(question: Question) -> Text:
    """Return the name of a question in a list of answers."""
    return Text(key=f"short.{question.id}" if question.follows is None else f"symptom.{question.follows}")


def answer_text(question: Question, choices: tuple[str, ...]) -> Text:
    """Return an answer as one text, also one of several choices, or a skip."""
    if choices == (SKIP,):
        return Text(key="answers.skipped")
    return _joined("answers.and", (choice_text(question, choice) for choice in choices))


def _joined(key: str, texts: Iterable[Text]) -> Text:
    """Return one text that joins all of them by the catalog string `key`."""
    return reduce(lambda first, then: Text(key=key, values={"first": first, "then": then}), texts)


# -- the trend


def _finished(stores: Stores, patient: Patient, since: datetime | None = None) -> list[CheckInRow]:
    return [
        row
        for row in stores.checkins.of_patient(patient.id, limit=TREND_CHECKINS)
        if row.value.state is State.DONE and (since is None or row.opened_at >= since)
    ]


def trend_of(work: Work, patient: Patient) -> Trend | None:
    """Return the trend of a patient's answers; None before the first finished check-in."""
    found = _finished(work, patient)
    return _trend(work, patient, _points(work.clinic, patient, found)) if found else None


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


def _trend(work: Work, patient: Patient, points: list[TrendPoint], since: datetime | None = None) -> Trend:
    severity, _ = _pair(work.clinic)
    found = [(a.raised_at, a.tier) for a in work.alerts.of_patient(patient.id, limit=TREND_CHECKINS)]
    # What was found since joined an alert, which keeps when it was raised first.
    found += [(c.at, c.tier) for c in work.concerns.changes(patient.id) if c.what in NEWS]
    marked = [
        TrendAlert(day=day, tier=tier.name)
        for day, tier in sorted(
            {(local_day(patient, work.clinic, at), tier) for at, tier in found if since is None or at >= since},
            reverse=True,
        )
        if tier > Tier.ROUTINE
    ]
    return Trend(
        points=tuple(points),
        ici_start=patient.treatment.first_start,
        alerts=tuple(marked),
        title=Text(key="trend.title"),
        severities=tuple(choice_text(severity, level) for level in severity.levels) if severity is not None else (),
        numbness=Text(key="trend.numbness"),
        interference=Text(key="trend.interference"),
        start=Text(key="trend.start"),
        alert=Text(key="trend.alert"),
        week=Text(key="trend.week"),
        periods=tuple(TrendPeriod(first=p.start, last=p.stop) for p in periods_to_show(patient)),
        given=Text(key="trend.given") if periods_to_show(patient) else None,
    )


def _trend_screen(work: Work, patient: Patient, found: list[CheckInRow]) -> Screen:
    points = _points(work.clinic, patient, found)
    trend = _trend(work, patient, points, patient.history_from)
    return Screen(name="trend", lines=tuple(_caption(work.clinic, patient, found, points)), trend=trend, protect=True)


def _caption(clinic: Clinic, patient: Patient, found: list[CheckInRow], points: list[TrendPoint]) -> Iterator[Text]:
    """Yield the caption: the newest figures as text, for people who can't see the picture."""
    yield Text(key="trend.caption", values={"n": len(points), "start": date_text(patient.treatment.first_start)})
    yield from period_texts(patient)
    severity, _ = _pair(clinic)
    shown = [row for row in found if severity is not None and severity.id in row.value.answers][:6]
    for row in shown:
        answer = answer_text(severity, row.value.answers[severity.id]) if severity is not None else Text(key="raw")
        day = date_text(local_day(patient, clinic, row.opened_at))
        yield Text(key="trend.figure", values={"date": day, "answer": answer})
    yield Text(key="trend.call", values=numbers(clinic))


def _pair(clinic: Clinic) -> tuple[Question | None, Question | None]:
    """Return the two questions that the trend shows: those of the composite rule."""
    composite = next((rule.composite for rule in clinic.protocol.rules if rule.composite is not None), None)
    if composite is None:
        return None, None
    questions = clinic.protocol.questions
    return questions.get(composite.severity), questions.get(composite.interference)


def _step(question: Question | None, row: CheckInRow) -> int | None:
    given = row.value.answers.get(question.id) if question is not None else None
    return question.step_of(given[0]) if question is not None and given else None


# -- changing an answer


def change(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """List the answers of a finished check-in, ask one again, or change it.

    Return None if the check-in is not theirs or can no longer be changed, or there is no such choice.
    """
    row = work.checkins.get(action.subject)
    if row is None or row.patient_id != patient.id:
        return None
    if action.revision and (alert := _mistaken(work, row, action.revision)) is not None:
        return _take_back(work, patient, row, alert, action)
    return _change(work, patient, row, action) if _is_changeable(work.clinic, row, work.at) else None


def _change(work: Work, patient: Patient, row: CheckInRow, action: Action) -> TapResult | None:
    question = work.clinic.protocol.questions.get(action.question)
    askable = {*row.value.answers, next_open(row.value, work.clinic.protocol)}
    if question is None or question.id not in askable:
        return _list(work, patient, row)
    if not action.choice:
        return _ask(work, patient, row, question)
    if action.choice == DONE:
        return _next(work, patient, row)
    choices = _choices_after_tap(row, question, action.choice)
    if choices is None:
        return None
    if not choices:
        return _ask(work, patient, row, question)
    changed = change_answer(work, patient, row, question.id, choices)
    if changed is None:
        return None
    if action.choice[:1] in {"+", "-"} and action.choice[1:] != "" and not _is_exclusive(question, action.choice[1:]):
        return _ask(work, patient, changed, question)
    return _next(work, patient, changed)


def _is_changeable(clinic: Clinic, row: CheckInRow, at: datetime) -> bool:
    done = row.value.state is State.DONE and row.value.form in clinic.protocol.forms
    return done and row.closed_at is not None and at - row.closed_at < clinic.protocol.clocks.change_for


def _choices_after_tap(row: CheckInRow, question: Question, word: str) -> tuple[str, ...] | None:
    """Return the answer after a tap ("+x" selects, "-x" deselects); None if there is no such choice."""
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


def _is_exclusive(question: Question, choice_id: str) -> bool:
    choice = question.choice(choice_id)
    return choice is not None and choice.exclusive


def _list(work: Work, patient: Patient, row: CheckInRow) -> TapResult:
    made = [
        Button(
            label=_listed(q, choices),
            action=Action(kind=KIND, subject=row.id, question=q.id),
        )
        for name, choices in row.value.answers.items()
        if (q := work.clinic.protocol.questions.get(name)) is not None
    ]
    screen = Screen(name="change.list", lines=(Text(key="change.which"),), rows=rows(made), protect=True)
    post(work, patient, screen, slot=SLOT)
    return TapResult(language=patient.chat_language)


def _listed(question: Question, choices: tuple[str, ...]) -> Text:
    """Return the label of an answer: without the answer where Telegram would cut it, as the next screen marks it."""
    short = short_text(question)
    if question.follows is not None or question.kind == "several":
        return short
    return Text(key="answers.line", values={"question": short, "answer": answer_text(question, choices)})


def _ask(work: Work, patient: Patient, row: CheckInRow, question: Question, alert: AlertRow | None = None) -> TapResult:
    """Ask it again; with `alert`, in the message that asked about the call."""
    form = work.clinic.protocol.forms[row.value.form]
    text = next((s.text for s in form.steps if s.ask == question.id), None)
    given = row.value.answers.get(question.id, ())
    about = alert.id if alert is not None else 0
    made = [_choice_button(row, question, choice.id, given, about) for choice in question.choices]
    if question.kind == "several":
        done = Action(kind=KIND, subject=row.id, revision=about, question=question.id, choice=DONE)
        made.append(button("button.done", done, style=Style.SUCCESS))
    asked = (Text(key="change.ask"), question_text(work.clinic, question, text, row.value.usual))
    # It replaces a message with the numbers, while somebody may still have to call.
    lines = asked if alert is None else (both_numbers(work.clinic), *asked)
    if alert is None:
        made.append(button("change.back", Action(kind=KIND, subject=row.id)))
    else:
        made.append(button("button.help_now", Action(kind="help_now", subject=row.id), style=Style.DANGER))
    screen = Screen(name=f"change.{question.id}", lines=lines, rows=rows(made), protect=True)
    slot = SLOT if alert is None else _asked_in(alert)
    post(work, patient, screen, slot=slot, edit=alert is not None or question.kind == "several")
    return TapResult(language=patient.chat_language)


# -- what was a mistake


def ask_again(work: Work, patient: Patient, row: CheckInRow, question_id: str, alert: AlertRow) -> TapResult:
    """Ask a question of a finished check-in again, in the message that asked about the call."""
    return _ask(work, patient, row, work.clinic.protocol.questions[question_id], alert)


def _asked_in(alert: AlertRow) -> str:
    return f"loopback:{alert.id}:{alert.safety_follow_ups}"


def _mistaken(stores: Stores, row: CheckInRow, alert_id: int) -> AlertRow | None:
    """Return the alert that was called a mistake, while it is not closed and the check-in can be read."""
    alert = stores.alerts.get(alert_id)
    is_its = alert is not None and alert.checkin_id == row.id and alert.closed_at is None
    return alert if is_its and row.value.state is State.DONE else None


def _take_back(work: Work, patient: Patient, row: CheckInRow, alert: AlertRow, action: Action) -> TapResult | None:
    """Change the answer behind an alert; say that it was noted, or what is still open."""
    question = work.clinic.protocol.questions.get(action.question)
    if question is None or question.id not in {*row.value.answers, next_open(row.value, work.clinic.protocol)}:
        return None
    choices = (
        row.value.answers.get(question.id)
        if action.choice == DONE
        else _choices_after_tap(row, question, action.choice)
    )
    if choices == row.value.answers.get(question.id) and question.signs is not None and ALARMING & set(choices or ()):
        return None  # "yes" again is no mistake: it acts as on any safety screen
    changed = change_answer(work, patient, row, question.id, choices) if choices else row
    if choices is None or changed is None:
        return None
    if action.choice != DONE and question.kind == "several" and not _is_exclusive(question, action.choice[1:]):
        return _ask(work, patient, changed, question, alert)
    following = next_open(changed.value, work.clinic.protocol)
    if following is not None and changed.value != row.value:
        return _ask(work, patient, row, work.clinic.protocol.questions[following], alert)
    left = [each for each in left_open(work, patient, alert) if each.retracted_at is None]
    said = (Text(key="done.open.mistake"), both_numbers(work.clinic))
    copies = (copy_emergency_button(work.clinic), copy_button(work.clinic))
    noted = Screen(name="call.mistake", lines=said, rows=rows(copies))
    post(work, patient, rest_screen(alert, work.clinic, left) if left else noted, slot=_asked_in(alert), edit=True)
    return TapResult(toast=Text(key="toast.noted"), language=patient.chat_language)


def _choice_button(
    row: CheckInRow, question: Question, choice_id: str, given: tuple[str, ...], about: int = 0
) -> Button:
    label = choice_text(question, choice_id)
    chosen = choice_id in given
    several = question.kind == "several" and not _is_exclusive(question, choice_id)
    if several:
        label = Text(key="button.ticked" if chosen else "button.unticked", values={"label": label})
    elif chosen:
        label = Text(key="button.chosen", values={"label": label})
    word = f"{'-' if chosen else '+'}{choice_id}" if several else choice_id
    action = Action(kind=KIND, subject=row.id, revision=about, question=question.id, choice=word)
    return Button(label=label, action=action)


def _next(work: Work, patient: Patient, row: CheckInRow) -> TapResult:
    """Ask the question that the new answer leads to, or confirm that the change is noted."""
    following = next_open(row.value, work.clinic.protocol)
    if following is not None:
        return _ask(work, patient, row, work.clinic.protocol.questions[following])
    alert = open_alert(work, patient)
    tier = alert.asks if alert is not None else Tier.ROUTINE
    key = "change.noted.call" if tier > Tier.ROUTINE else "change.noted"
    key = "change.noted.call.emergency" if tier is Tier.EMERGENCY else key
    made = (button("change.more", Action(kind=KIND, subject=row.id)),)
    screen = Screen(name="change.noted", lines=(Text(key=key, values=numbers(work.clinic)),), rows=rows(made))
    post(work, patient, screen, slot=SLOT)
    return TapResult(toast=Text(key="toast.noted"), language=patient.chat_language)
