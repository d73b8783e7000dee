"""Builds the messages about a pause. Decides nothing."""

from bot.app.concerns.memory import tier_to_call_about
from bot.app.records.patients import Patient
from bot.app.schedules.plans import OPEN_ENDED
from bot.app.work import Work
from bot.core.schedule import Pause
from bot.core.screen import Screen, Text
from bot.dialog.widgets import call_line, date_text


def pause_screen(work: Work, patient: Patient, pause: Pause, *, is_planned: bool) -> Screen:
    """Return that check-ins pause: as planned by the team, or from today, with what there is still to call about."""
    if is_planned:
        values: dict[str, str | int | Text] = {"first": date_text(pause.first), "last": date_text(pause.last)}
        return Screen(name="pause", lines=(Text(key="pause.planned", values=values),))
    until = Text(key="pause.until", values={"date": date_text(pause.last)})
    shown = Text(key="pause.open") if pause.last == OPEN_ENDED else until
    return Screen(name="pause", lines=(*call_line(work.clinic, tier_to_call_about(work, patient)), shown))
