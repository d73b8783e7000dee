"""The screens of a check-in and of calling: which texts and buttons, from the state of things. Decides nothing."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.app.ports import Clinic
from bot.app.store import AlertRow, CheckInRow, Patient
from bot.core.checkin import State, progress, taps_left
from bot.core.later import Later
from bot.core.protocol import Choice, FormStep, Question, Tier, Tip
from bot.core.screen import Action, Button, Contact, Screen, Style, Text

Row = tuple[Button, ...]
HALF_HOUR = timedelta(minutes=30)
PUT_OFF = frozenset({"scheduled", "again", "extra"})
"""Check-ins that come by themselves, and so may come at a bad moment."""


def button(key: str, action: Action, *, style: Style = Style.PLAIN) -> Button:
    """Return a button whose label is one catalog string."""
    return Button(label=Text(key=key), action=action, style=style)


def rows(buttons: Iterable[Button]) -> tuple[Row, ...]:
    """One full-width button a row."""
    return tuple((b,) for b in buttons)


def numbers(clinic: Clinic) -> dict[str, str | int | Text]:
    """Return the values every call text may use."""
    return {"team": clinic.team_name, "team_number": spaced(clinic.team_number), "emergency": clinic.emergency_number}


def spaced(number: str) -> str:
    """International format for reading aloud: "+49 30 901820"; a number no plan knows stays as it is."""
    import phonenumbers  # noqa: PLC0415 - its tables take 60 ms to load, which `--help` should not pay

    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


# -- the check-in


def checkin_screen(row: CheckInRow, clinic: Clinic) -> Screen:
    """The screen an open check-in stands at."""
    value = row.value
    if value.state is State.PAUSED:
        return _offer_to_go_on(row, clinic)
    step = _step_at(row, clinic)
    question = clinic.protocol.questions[step.ask]
    position, total = progress(value, clinic.protocol)
    head: tuple[Text, ...] = ()
    if value.state is State.STOPPED:
        head = (Text(key="checkin.call_first"),)
    elif value.revision == 0:
        head = (Text(key=f"checkin.hello.{row.kind}", values={"n": taps_left(value, clinic.protocol)}),)
    if value.state is not State.STOPPED:
        head = (*head, Text(key="checkin.progress", values={"position": position, "total": total}))
    lines = (*head, Text(key=step.text or f"question.{question.id}"))
    shown = _answer_rows(row, question)
    if value.revision == 0 and row.kind in PUT_OFF:
        shown = (*shown, later_row(row))
    return Screen(name=f"ask.{question.id}", lines=lines, rows=shown, protect=True)


def _step_at(row: CheckInRow, clinic: Clinic) -> FormStep:
    form = clinic.protocol.forms[row.value.form]
    return next(s for s in form.steps if s.ask == row.value.cursor)


def _answer_rows(row: CheckInRow, question: Question) -> tuple[Row, ...]:
    given = row.value.answers.get(question.id, ())
    made = [_choice_button(row, question, choice, given) for choice in question.choices]
    if question.kind == "several":
        made.append(button("button.done", _tap(row, "submit", question.id), style=Style.SUCCESS))
    return (*rows(made), footer(row, question.id))


def _choice_button(row: CheckInRow, question: Question, choice: Choice, given: Sequence[str]) -> Button:
    label = Text(key=choice.text or f"choice.{question.id}.{choice.id}")
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


def footer(row: CheckInRow, question: str) -> Row:
    """Back, Skip, Need help now: always there, always in this order."""
    return (
        button("button.back", _tap(row, "back", question)),
        button("button.skip", _tap(row, "skip", question)),
        button("button.help_now", _tap(row, "help_now"), style=Style.DANGER),
    )


def later_row(row: CheckInRow) -> Row:
    """Remind me later: below the rest, so that no other button changes its place."""
    return tuple(button(f"later.{word}", Action(kind="later", subject=row.id, choice=word)) for word in list(Later))


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
    """The check-in is still open: the question itself stands in the reminder, so that one tap answers it."""
    current = checkin_screen(row, clinic)
    line = Text(key="reminder.open", values={"n": taps_left(row.value, clinic.protocol)})
    lines = tuple(t for t in current.lines if not t.key.startswith("checkin.hello."))
    put_off = later_row(row)
    shown = current.rows if put_off in current.rows or row.kind not in PUT_OFF else (*current.rows, put_off)
    return current.model_copy(update={"name": "reminder", "lines": (line, *lines), "rows": shown})


def put_off_screen(clinic: Clinic, moment: datetime, zone: str) -> Screen:
    """When the question comes again; the number, in case it can't wait."""
    local = moment.astimezone(ZoneInfo(zone))
    values = {**numbers(clinic), "date": day_text(local.date()), "time": f"{local:%H:%M}"}
    return Screen(name="later", lines=(Text(key="later.noted", values=values),))


# -- the end of a check-in


def routine_screen(clinic: Clinic, *, complete: bool, tip: Tip | None, following: Text | None) -> Screen:
    """The lowest tier: never "fine" or "safe"; an incomplete one promises nothing at all."""
    values = numbers(clinic)
    lines = [Text(key="done.routine" if complete else "done.incomplete", values=values)]
    made: list[Button] = []
    if tip is not None:
        lines.append(Text(key="done.tip", values={"tip": Text(key=f"tip.{tip.id}")}))
        made = tip_buttons(tip)
    if following is not None:
        lines.append(following)
    return Screen(name="done.routine" if complete else "done.incomplete", lines=tuple(lines), rows=rows(made))


def tip_buttons(tip: Tip) -> list[Button]:
    """Rate it, see where it comes from, or see another."""
    return [
        button("button.helpful", Action(kind="tip", question=tip.id, choice="helpful"), style=Style.SUCCESS),
        button("button.not_for_me", Action(kind="tip", question=tip.id, choice="not_for_me")),
        button("button.source", Action(kind="tip", question=tip.id, choice="source")),
        button("button.more_tips", Action(kind="tip", choice="more")),
    ]


def done_after_call(clinic: Clinic, following: Text | None) -> Screen:
    """The form ended after a call screen was shown: thanks, and the call once more. No tip here."""
    return _done("done.after_call", clinic, following)


def done_before_call(clinic: Clinic, following: Text | None) -> Screen:
    """The form ended with a call prompt, which is a message of its own: this one only points to it."""
    return _done("done.see_next", clinic, following)


def _done(name: str, clinic: Clinic, following: Text | None) -> Screen:
    lines = (Text(key=name, values=numbers(clinic)), *((following,) if following else ()))
    return Screen(name=name, lines=lines)


def done_unchanged(clinic: Clinic, following: Text | None) -> Screen:
    """The same as before, and worth a call all the same: for who has not called yet. No all-clear, no tip."""
    return _done("done.unchanged", clinic, following)


def change_row(row: CheckInRow) -> Row:
    """The way back to the answers just given."""
    return (button("button.change", Action(kind="change", subject=row.id)),)


def soon_screen(alert: AlertRow, clinic: Clinic) -> Screen:
    """Call within a day."""
    return Screen(
        name="call.soon",
        lines=(Text(key="call.soon", values=numbers(clinic)), Text(key="call.soon.why")),
        rows=rows(
            (
                copy_button(clinic),
                button("button.called", alert_tap(alert, "called"), style=Style.SUCCESS),
                button("button.remind_call", alert_tap(alert, "remind")),
                button("button.tip_today", Action(kind="tip", choice="more")),
                button("button.mistake", alert_tap(alert, "mistake")),
            )
        ),
    )


def next_checkin_text(due: datetime | None, zone: str) -> Text | None:
    """ "Next check-in: Thursday, 10:00", in the patient's own time."""
    if due is None:
        return None
    # The jitter of sending is not the patient's business: the half hour is what they chose.
    local = (due.astimezone(ZoneInfo(zone)) + HALF_HOUR / 2).replace(second=0, microsecond=0)
    local -= timedelta(minutes=local.minute % 30)
    return Text(key="done.next", values={"date": day_text(local.date()), "time": f"{local:%H:%M}"})


def day_text(day: date) -> Text:
    """ "Friday, 6 March"."""
    weekday, month = Text(key=f"weekday.{day.isoweekday()}"), Text(key=f"month.{day.month}")
    return Text(key="date.day", values={"weekday": weekday, "day": day.day, "month": month})


def date_text(day: date) -> Text:
    """ "6 March 2026"."""
    return Text(key="date.long", values={"day": day.day, "month": Text(key=f"month.{day.month}"), "year": day.year})


# -- calling


def alert_tap(alert: AlertRow, word: str) -> Action:
    """A button that belongs to an alert."""
    return Action(kind="alert", subject=alert.id, choice=word)


def copy_button(clinic: Clinic) -> Button:
    """Copies the team's number: a `tel:` button would make Telegram refuse the whole message."""
    return Button(label=Text(key="button.copy_number"), copy_value=spaced(clinic.team_number))


def call_screen(alert: AlertRow, clinic: Clinic) -> Screen:
    """The call screen of an EMERGENCY or URGENT alert: numbers first, no tips."""
    if alert.tier is Tier.EMERGENCY:
        return _emergency_screen(alert, clinic)
    asked = "asked_for_help" in alert.rules
    return Screen(
        name="call.help" if asked else "call.urgent",
        lines=(
            Text(key="call.help" if asked else "call.urgent", values=numbers(clinic)),
            *(() if asked else (Text(key="call.urgent.why"),)),
            Text(key="call.no_answer", values=numbers(clinic)),
        ),
        rows=rows(
            (
                copy_button(clinic),
                button("button.called", alert_tap(alert, "called"), style=Style.SUCCESS),
                button("button.cannot_reach", alert_tap(alert, "cannot_reach"), style=Style.DANGER),
                button("button.card", alert_tap(alert, "card")),
                button("button.this_is_urgent", alert_tap(alert, "is_urgent")),
                button("button.can_wait", alert_tap(alert, "can_wait")),
                button("button.mistake", alert_tap(alert, "mistake")),
            )
        ),
    )


def _emergency_screen(alert: AlertRow, clinic: Clinic) -> Screen:
    return Screen(
        name="call.emergency",
        lines=(
            Text(key="call.emergency", values=numbers(clinic)),
            Text(key="call.emergency.say", values=numbers(clinic)),
            Text(key="call.emergency.wait"),
        ),
        rows=rows(
            (
                copy_button(clinic),
                button("button.called", alert_tap(alert, "called"), style=Style.SUCCESS),
                button("button.cannot_call", alert_tap(alert, "cannot_call"), style=Style.DANGER),
                button("button.card", alert_tap(alert, "card")),
                button("button.mistake", alert_tap(alert, "mistake")),
            )
        ),
    )


def keyboard_screen() -> Screen:
    """The message that brings the buttons at the bottom of the chat."""
    return Screen(name="keyboard", lines=(Text(key="keyboard.intro"),), keyboard="show")


def contact_screen(clinic: Clinic) -> Screen:
    """The team's contact card."""
    return Screen(name="call.contact", lines=(), contact=Contact(number=clinic.team_number, name=clinic.team_name))


def reply_screen(alert: AlertRow, clinic: Clinic, word: str) -> Screen:
    """What follows a button of the call screen; the number stands in each."""
    coming = word == "reached" and alert.tier is Tier.EMERGENCY
    said = "called" if coming else word  # help is on its way either way
    key = f"call.reply.{said}.{alert.tier.name.lower()}" if said in _REPLIES_BY_TIER else f"call.reply.{said}"
    made = [copy_button(clinic)]
    if word not in {"called", "reached"}:
        made += [
            button("button.reached", alert_tap(alert, "reached"), style=Style.SUCCESS),
            button("button.card", alert_tap(alert, "card")),
        ]
    return Screen(name=f"call.reply.{word}", lines=(Text(key=key, values=numbers(clinic)),), rows=rows(made))


_REPLIES_BY_TIER = {"not_yet", "cannot_reach", "called"}


def loop_back_screen(alert: AlertRow, clinic: Clinic) -> Screen:
    """Ask "did you reach someone?"."""
    return Screen(
        name="loopback.ask",
        lines=(
            Text(key="loopback.ask"),
            Text(key=f"loopback.number.{alert.tier.name.lower()}", values=numbers(clinic)),
        ),
        rows=rows(
            (
                button(
                    "button.help_coming" if alert.tier is Tier.EMERGENCY else "button.reached",
                    alert_tap(alert, "reached"),
                    style=Style.SUCCESS,
                ),
                button("button.not_yet", alert_tap(alert, "not_yet")),
                button("button.cannot_reach", alert_tap(alert, "cannot_reach"), style=Style.DANGER),
                button("button.card", alert_tap(alert, "card")),
            )
        ),
    )


def card_screen(patient: Patient, clinic: Clinic) -> Screen:
    """The card for an emergency department: drug class, start date, team number; no name, no answers.

    In the clinic's own language, and in the patient's below where that is another one.
    """
    languages = dict.fromkeys((clinic.languages[0], patient.language))
    regimen = Text(key=f"card.regimen.{patient.regimen}")
    values = {
        **numbers(clinic),
        "start": date_text(patient.ici_start),
        "regimen": patient.drug or regimen,
    }
    lines = [
        Text(key=key, values=values if key == "card.body" else {}, language=language)
        for language in languages
        for key in ("card.title", "card.body")
    ]
    return Screen(name="card", lines=tuple(lines))
