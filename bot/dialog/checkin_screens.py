"""Builds the screens of a check-in: questions, reminders, the end. Decides nothing."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.app.ports.clinic import Clinic
from bot.app.ports.notices import CheckInEnd
from bot.app.records.checkins import CheckInRow
from bot.core.back_off import is_first
from bot.core.checkin import State, is_asked_again, progress, taps_left
from bot.core.postpone import Postponement
from bot.core.protocol import Choice, FormStep, Question, Tier, Tip
from bot.core.screen import Action, Button, Screen, Style, Text
from bot.dialog.known_end import known_line
from bot.dialog.widgets import ButtonRow, asked_lines, button, choice_text, day_text, numbers, rows

POSTPONABLE = frozenset({"scheduled", "follow_up", "extra"})
"""Kinds of check-ins that come unasked, and so may come at a bad time."""


# -- the check-in


def checkin_screen(row: CheckInRow, clinic: Clinic, *, is_reminder: bool = False) -> Screen:
    """Return the current screen of an open check-in. As it opens and in a reminder, it can be postponed."""
    value = row.value
    if value.state is State.PAUSED:
        return _offer_to_go_on(row, clinic)
    step = _step_at(row, clinic)
    question = clinic.protocol.questions[step.ask]
    lines = (
        *_head(row, clinic, question, is_reminder=is_reminder),
        *asked_lines(clinic, question, step.text, value.usual),
    )
    shown = _answer_rows(row, question)
    if row.kind in POSTPONABLE and (value.revision == 0 or is_reminder):
        shown = _postponable(row, question, shown)
    # A safety screen has to be whole on a phone.
    return Screen(name=f"ask.{question.id}", lines=lines, rows=shown, protect=True, tight=question.signs is not None)


def _head(row: CheckInRow, clinic: Clinic, question: Question, *, is_reminder: bool) -> Iterator[Text]:
    """Yield the lines above a question. A safety screen has room for few: no progress next to another line."""
    value = row.value
    first = _first_line(row, clinic, is_reminder=is_reminder)
    is_left_open = is_asked_again(value, clinic.protocol)
    if first is not None:
        yield first
    is_crowded = question.signs is not None and (first is not None or is_left_open)
    if value.state is State.ASKING and not is_crowded and not (first is not None and first.key == "checkin.welcome"):
        position, total = progress(value, clinic.protocol)
        yield Text(key="checkin.progress", values={"position": position, "total": total})
    if is_left_open:
        yield Text(key="checkin.left_open")


def _first_line(row: CheckInRow, clinic: Clinic, *, is_reminder: bool) -> Text | None:
    """Return the reminder, the greeting of a check-in that opens, or the word of welcome after a long silence."""
    taps = {"n": taps_left(row.value, clinic.protocol)}
    if row.value.state is State.STOPPED:
        return Text(key="checkin.call_first")
    if is_reminder:
        return Text(key="reminder.open", values=taps)
    if row.value.revision == 0:
        return Text(key=f"checkin.hello.{_hello(row, clinic)}", values=taps)
    return Text(key="checkin.welcome") if row.unanswered and row.value.revision == 1 else None


def _hello(row: CheckInRow, clinic: Clinic) -> str:
    return "silence" if is_first(clinic.protocol.silence, row.unanswered) else row.kind


def _step_at(row: CheckInRow, clinic: Clinic) -> FormStep:
    form = clinic.protocol.forms[row.value.form]
    return next(s for s in form.steps if s.ask == row.value.cursor)


def _answer_rows(row: CheckInRow, question: Question) -> tuple[ButtonRow, ...]:
    given = row.value.answers.get(question.id, ())
    made = [_choice_button(row, question, choice, given) for choice in question.choices]
    if question.kind == "several":
        made.append(button("button.done", _tap(row, "submit", question.id), style=Style.SUCCESS))
    return (*rows(made), *footer(row, question.id))


def _choice_button(row: CheckInRow, question: Question, choice: Choice, given: Sequence[str]) -> Button:
    label = choice_text(question, choice.id)
    if question.kind == "single":
        chosen = choice.id in given
        return Button(
            label=Text(key="button.chosen", values={"label": label}) if chosen else label,
            action=_tap(row, "choose", question.id, choice.id),
        )
    if choice.exclusive:
        return Button(label=label, action=_tap(row, "toggle", question.id, f"+{choice.id}"))
    on = choice.id in given
    return Button(
        label=Text(key="button.ticked" if on else "button.unticked", values={"label": label}),
        action=_tap(row, "toggle", question.id, f"{'-' if on else '+'}{choice.id}"),
    )


def _tap(row: CheckInRow, kind: str, question: str = "", choice: str = "") -> Action:
    return Action(kind=kind, subject=row.id, revision=row.value.revision, question=question, choice=choice)


def footer(row: CheckInRow, question: str) -> tuple[ButtonRow, ButtonRow]:
    """Return the last rows of every question: Back and Skip, and Need help now, which is cut if it shares a row."""
    return (
        (button("button.back", _tap(row, "back", question)), button("button.skip", _tap(row, "skip", question))),
        (button("button.help_now", _tap(row, "help_now"), style=Style.DANGER),),
    )


def _postponable(row: CheckInRow, question: Question, shown: tuple[ButtonRow, ...]) -> tuple[ButtonRow, ...]:
    """Return the rows with "Remind me later": below, so that no other button changes its position.

    A safety screen has no room for another row: there it replaces Back, without "Tomorrow": a reminder comes then.
    """
    later = postpone_row(row)
    if question.signs is None:
        return (*shown, later)
    *answers, (_, skip), help_now = shown
    soon = tuple(b for b in later if b.action is not None and b.action.choice != Postponement.TOMORROW)
    return (*answers, (*soon, skip), help_now)


def postpone_row(row: CheckInRow) -> ButtonRow:
    """Return "Remind me later"."""
    return tuple(
        button(f"later.{word}", Action(kind="later", subject=row.id, choice=word)) for word in list(Postponement)
    )


def _offer_to_go_on(row: CheckInRow, clinic: Clinic) -> Screen:
    left = taps_left(row.value, clinic.protocol)
    return Screen(
        name="checkin.paused",
        lines=(Text(key="checkin.call_first"), Text(key="checkin.go_on", values={"n": left})),
        rows=(
            *rows(
                (
                    button("button.go_on", _tap(row, "go_on")),
                    button("button.finish", _tap(row, "finish")),
                )
            ),
            (button("button.help_now", _tap(row, "help_now"), style=Style.DANGER),),
        ),
        protect=True,
    )


def reminder_screen(row: CheckInRow, clinic: Clinic) -> Screen:
    """Return the reminder of an open check-in. It contains the question, so that one tap answers it.

    It replaces the copy before it; the second one makes no sound, unless the patient asked for it (`remind_at`).
    """
    changes = {"name": "reminder", "replaces": True, "silent": row.reminders > 0 and row.remind_at is None}
    return checkin_screen(row, clinic, is_reminder=True).model_copy(update=changes)


def postponed_screen(clinic: Clinic, timestamp: datetime, zone: str) -> Screen:
    """Return the confirmation of "Remind me later": when, and the number to call in case it can't wait."""
    local = timestamp.astimezone(ZoneInfo(zone))
    values = {**numbers(clinic), "date": day_text(local.date()), "time": f"{local:%H:%M}"}
    return Screen(name="later", lines=(Text(key="later.noted", values=values),))


# -- the end of a check-in


def tip_buttons(tip: Tip) -> list[Button]:
    """Return the buttons of a tip: rate it, show its source, show another one."""
    return [
        button("button.helpful", Action(kind="tip", question=tip.id, choice="helpful"), style=Style.SUCCESS),
        button("button.not_for_me", Action(kind="tip", question=tip.id, choice="not_for_me")),
        button("button.source", Action(kind="tip", question=tip.id, choice="source")),
        button("button.more_tips", Action(kind="tip", choice="more")),
    ]


_ENDS = {"after_call": "done.after_call", "before_call": "done.see_next"}


def end_screen(clinic: Clinic, end: CheckInEnd, following: Text | None) -> Screen:
    """Return the last screen of a check-in. It never says "fine" or "safe", and is neutral if questions were skipped.

    If the patient has to call, it says so and has no tip; after "before_call" a separate call screen follows.
    """
    name = _ENDS.get(end.kind) or ("done.routine" if end.complete else "done.incomplete")
    key = "done.after_call.emergency" if name == "done.after_call" and end.tier is Tier.EMERGENCY else name
    lines = [Text(key=key, values=numbers(clinic))]
    if name == "done.routine" and end.is_first_of_week:
        lines.append(Text(key="done.scope"))
    made: list[Button] = []
    if end.kind == "known":
        name, lines, made = "done.known", [known_line(clinic, end)], [button("button.worse_than_that", WORSE)]
    if end.tip is not None:
        lines.append(Text(key="done.tip", values={"tip": Text(key=f"tip.{end.tip.id}")}))
        about = button("button.about_tip", Action(kind="tip", question=end.tip.id, choice="about"))
        made += [about, button("button.more_tips", Action(kind="tip", choice="more"))]
    if following is not None:
        lines.append(following)
    return Screen(name=name, lines=tuple(lines), rows=rows(made))


WORSE = Action(kind="menu", choice="worse")


def change_row(row: CheckInRow) -> ButtonRow:
    """Return the button that opens the answers just given."""
    return (button("button.change", Action(kind="change", subject=row.id)),)
