"""The screens of "My answers": the picture, the last answers, changing an answer. Assesses nothing."""

from collections.abc import Iterator
from datetime import datetime

from bot.app.alerts.naming import open_alert
from bot.app.alerts.replies import left_open
from bot.app.checkins.answering import change as change_answer
from bot.app.checkins.trend import finished
from bot.app.concerns.follow_up import local_day
from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import CheckInRow
from bot.app.records.patients import Patient
from bot.app.work import Stores, Work
from bot.core.checkin import State, next_open
from bot.core.findings import ALARMING
from bot.core.protocol import SKIP, Question, Tier
from bot.core.screen import Action, Button, Screen, Style, Text
from bot.dialog.call_replies import rest_screen
from bot.dialog.pauses import call_first
from bot.dialog.post import post
from bot.dialog.replies import TapResult
from bot.dialog.trend import trend_screen
from bot.dialog.widgets import (
    asked_lines,
    both_numbers,
    button,
    choice_text,
    copy_button,
    copy_emergency_button,
    date_text,
    joined,
    numbers,
    rows,
    short_text,
)

KIND = "change"
"""The kind of action that changes answers: `question` names one (empty: list them), `choice` what it becomes."""
DONE = "done"
SLOT = "answers"


# -- the last answers


def show(work: Work, patient: Patient) -> TapResult:
    """Show the trend as a picture, with a sentence first, and then the last answers."""
    found = finished(work, patient, patient.history_from)
    if not found:
        lines = (*call_first(work, patient), Text(key="answers.none"))
        post(work, patient, Screen(name="answers.none", lines=lines), slot=SLOT)
        return TapResult(language=patient.chat_language)
    post(work, patient, trend_screen(work, patient, found), slot="trend")
    last = found[0]
    made = (
        [button("button.change", Action(kind=KIND, subject=last.id))]
        if _is_changeable(work.clinic, last, work.at)
        else []
    )
    heading = Text(key="answers.heading", values={"date": date_text(local_day(patient, work.clinic, last.opened_at))})
    listed = tuple(_lines(work.clinic, last))
    # One text without blank lines between: the long form has up to 19 answers.
    lines = (heading, joined("answers.below", listed)) if listed else (heading,)
    screen = Screen(name="answers", lines=lines, rows=rows(made), protect=True)
    post(work, patient, screen, slot=SLOT)
    return TapResult(language=patient.chat_language)


def _lines(clinic: Clinic, row: CheckInRow) -> Iterator[Text]:
    for question, choices in row.value.answers.items():
        known = clinic.protocol.questions.get(question)
        if known is not None:
            yield Text(
                key="answers.line", values={"question": short_text(known), "answer": answer_text(known, choices)}
            )


def answer_text(question: Question, choices: tuple[str, ...]) -> Text:
    """Return an answer as one text, also one of several choices, or a skip."""
    if choices == (SKIP,):
        return Text(key="answers.skipped")
    return joined("answers.and", (choice_text(question, choice) for choice in choices))


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
    if choices is None or _is_yes_again(row, question, choices):
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


def _is_yes_again(row: CheckInRow, question: Question, choices: tuple[str, ...] | None) -> bool:
    """Return whether it says "yes" again on a safety screen: that changes nothing, it acts as on any of them."""
    is_same = choices == row.value.answers.get(question.id)
    return is_same and question.signs is not None and bool(ALARMING & set(choices or ()))


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
    asked = (Text(key="change.ask"), *asked_lines(work.clinic, question, text, row.value.usual))
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
    if _is_yes_again(row, question, choices):
        return None
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
