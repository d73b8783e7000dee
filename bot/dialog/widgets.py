"""The parts that screens are made of: buttons, rows, numbers to call, dates."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.app.ports.clinic import Clinic
from bot.core.screen import Action, Button, Screen, Style, Text

HALF_HOUR = timedelta(minutes=30)
ButtonRow = tuple[Button, ...]


def button(key: str, action: Action, *, style: Style = Style.PLAIN) -> Button:
    """Return a button whose label is one catalog string."""
    return Button(label=Text(key=key), action=action, style=style)


def rows(buttons: Iterable[Button]) -> tuple[ButtonRow, ...]:
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


def copy_button(clinic: Clinic) -> Button:
    """Copies the team's number: a `tel:` button would make Telegram refuse the whole message."""
    return Button(label=Text(key="button.copy_number"), copy_value=spaced(clinic.team_number))


def keyboard_screen() -> Screen:
    """The message that brings the buttons at the bottom of the chat."""
    return Screen(name="keyboard", lines=(Text(key="keyboard.intro"),), keyboard="show")
