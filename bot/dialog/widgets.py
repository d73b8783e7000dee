"""The parts of screens: buttons, rows, numbers to call, dates. Knows no use case."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import reduce
from zoneinfo import ZoneInfo

from bot.app.ports.clinic import Clinic
from bot.app.records.patients import Patient
from bot.core.protocol import Question, Symptom, Tier
from bot.core.screen import Action, Button, Screen, Style, Text
from bot.core.treatment import Period

HALF_HOUR = timedelta(minutes=30)
ButtonRow = tuple[Button, ...]


def button(key: str, action: Action, *, style: Style = Style.PLAIN) -> Button:
    """Return a button whose label is one catalog string."""
    return Button(label=Text(key=key), action=action, style=style)


def rows(buttons: Iterable[Button]) -> tuple[ButtonRow, ...]:
    """Return the buttons as rows of one full-width button each."""
    return tuple((b,) for b in buttons)


def question_text(clinic: Clinic, question: Question, key: str | None = None, usual: Iterable[str] = ()) -> Text:
    """Return a question; a safety screen lists its signs below it, and their rarer forms in a fold.

    `key` is that of its words in the form; by default the question's own. `usual`: signs that are usual for the
    patient, so that their line asks whether they are worse than that.
    """
    signs = [clinic.protocol.symptoms[name] for name in usual if name in clinic.protocol.symptoms]
    values = {"what": Text(key=f"symptom.{question.follows}")} if question.follows is not None else None
    return _with_usual(signs_text(key or f"question.{question.id}", question, values), question, signs)


def asked_lines(clinic: Clinic, question: Question, key: str | None, usual: Iterable[str]) -> Iterator[Text]:
    """Yield a question as it is asked; a safety screen ends with it in short, next to the buttons of a small phone."""
    yield question_text(clinic, question, key, usual)
    if question.signs is not None:
        yield Text(key=f"{key or f'question.{question.id}'}.short")


def _with_usual(shown: Text, question: Question, usual: Iterable[Symptom]) -> Text:
    """Return the text of a safety screen whose lines ask about usual signs as "worse than usual for you"."""
    if question.signs is None:
        return shown
    named = [symptom for symptom in usual if symptom.question == question.signs.named_in]
    lines = [
        next((_worse_than_usual(s) for s in named if set(s.levels) & set(line.choices)), text)
        for line, text in zip(question.signs.lines, shown.bullets, strict=True)
    ]
    return shown.model_copy(update={"bullets": tuple(lines)})


def _worse_than_usual(symptom: Symptom) -> Text:
    return Text(key="sign.usual", values={"what": Text(key=f"symptom.{symptom.id}")})


def signs_text(key: str, question: Question, values: Mapping[str, str | int | Text] | None = None) -> Text:
    """Return a text above the signs of a safety screen; the text alone for another question."""
    given = values or {}
    if question.signs is None:
        return Text(key=key, values=given)
    lines = tuple(Text(key=f"sign.{question.id}.{line.id}") for line in question.signs.lines)
    return Text(key=key, values=given, bullets=lines, fold=Text(key=f"fold.{question.id}"))


def sign_screens(clinic: Clinic, tier: Tier) -> tuple[Question, ...]:
    """Return the safety screens whose signs have that tier; none in a protocol that writes them into its questions."""
    questions = clinic.protocol.questions.values()
    return tuple(q for q in questions if q.signs is not None and q.signs.tier is tier)


def choice_text(question: Question, choice_id: str) -> Text:
    """Return a choice; one of a safety screen may name the number of signs."""
    choice = question.choice(choice_id)
    own_key = choice.text if choice is not None else None
    values = {"count": len(question.signs.lines)} if question.signs is not None else {}
    return Text(key=own_key or f"choice.{question.id}.{choice_id}", values=values)


def short_text(question: Question) -> Text:
    """Return the name of a question in a list of answers."""
    return Text(key=f"short.{question.id}" if question.follows is None else f"symptom.{question.follows}")


def symptom_text(clinic: Clinic, symptom: str) -> Text:
    """Return a symptom in the patient's words; "something else" for one that the protocol doesn't have."""
    return Text(key=f"symptom.{symptom if symptom in clinic.protocol.symptoms else 'unknown'}")


def numbers(clinic: Clinic) -> dict[str, str | int | Text]:
    """Return the values that every text on calling may use."""
    team, emergency = spaced(clinic.team_number), clinic.emergency_number
    crisis = clinic.crisis_number or emergency
    return {"team": clinic.team_name, "team_number": team, "emergency": emergency, "crisis": crisis}


def hinted_language(clinic: Clinic, language_hint: str | None) -> str:
    """Return the language of a phone, if the clinic has it; otherwise the clinic's first one."""
    hinted = (language_hint or "").split("-")[0]
    return hinted if hinted in clinic.languages else clinic.languages[0]


def spaced(number: str) -> str:
    """Return a number in international format ("+49 30 901820"); return it unchanged if it can't be parsed."""
    import phonenumbers  # noqa: PLC0415 - its tables take 60 ms to load, which `--help` should not pay

    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def next_checkin_text(due: datetime | None, zone: str) -> Text | None:
    """Return a line such as "Next check-in: Thursday, 10:00" in the patient's time; None if none is due."""
    if due is None:
        return None
    # Round to the half hour that the patient chose: they need not see the jitter.
    local = (due.astimezone(ZoneInfo(zone)) + HALF_HOUR / 2).replace(second=0, microsecond=0)
    local -= timedelta(minutes=local.minute % 30)
    return Text(key="done.next", values={"date": day_text(local.date()), "time": f"{local:%H:%M}"})


def joined(key: str, texts: Iterable[Text]) -> Text:
    """Return one text that joins all of them by the catalog string `key`."""
    return reduce(lambda first, then: Text(key=key, values={"first": first, "then": then}), texts)


def day_text(day: date) -> Text:
    """Return a day such as "Friday, 6 March"."""
    weekday, month = Text(key=f"weekday.{day.isoweekday()}"), Text(key=f"month.{day.month}")
    return Text(key="date.day", values={"weekday": weekday, "day": day.day, "month": month})


def date_text(day: date) -> Text:
    """Return a date such as "6 March 2026"."""
    return Text(key="date.long", values={"day": day.day, "month": Text(key=f"month.{day.month}"), "year": day.year})


def periods_to_show(patient: Patient) -> tuple[Period, ...]:
    """Return the treatment periods; none if there was neither a stop nor a restart, so that the start says it all."""
    periods = patient.treatment.periods
    return periods if len(periods) > 1 or periods[0].stop is not None else ()


def period_texts(patient: Patient) -> Iterator[Text]:
    """Yield one text with a line per treatment period, such as "Treatment: 6 March 2026 to 1 May 2026", if any."""
    lines = [_period_text(period) for period in periods_to_show(patient)]
    if lines:
        yield joined("answers.below", lines)


def _period_text(period: Period) -> Text:
    if period.stop is None:
        return Text(key="treatment.since", values={"start": date_text(period.start)})
    return Text(key="treatment.until", values={"start": date_text(period.start), "stop": date_text(period.stop)})


def copy_button(clinic: Clinic) -> Button:
    """Return the button that copies the team's number: Telegram rejects messages with a `tel:` button."""
    return Button(label=Text(key="button.copy_number"), copy_value=spaced(clinic.team_number))


def copy_emergency_button(clinic: Clinic) -> Button:
    """Return the button that copies the emergency number."""
    label = Text(key="button.copy_emergency", values=numbers(clinic))
    return Button(label=label, copy_value=clinic.emergency_number)


def keyboard_screen() -> Screen:
    """Return the message that shows the reply keyboard."""
    return Screen(name="keyboard", lines=(Text(key="keyboard.intro"),), keyboard="show")


def both_numbers(clinic: Clinic) -> Text:
    """Return the line with the team's number and the emergency number."""
    return Text(key="numbers.both", values=numbers(clinic))


def call_line(clinic: Clinic, tier: Tier) -> tuple[Text, ...]:
    """Return the line on what a patient still has to call about when they leave; none if there is nothing."""
    return (Text(key=f"stop.open.{tier.name.lower()}", values=numbers(clinic)),) if tier > Tier.ROUTINE else ()
