"""Builds the safety follow-up: is help there, or did someone speak with you? Decides nothing."""

from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow
from bot.core.screen import Button, Screen, Style, Text
from bot.dialog.call_screens import alert_tap
from bot.dialog.widgets import button, numbers, rows


def safety_follow_up_screen(alert: AlertRow, clinic: Clinic) -> Screen:
    """Return the question, and the number to call if the answer is no."""
    number = Text(key=f"loopback.number.{alert.call_tier.name.lower()}", values=numbers(clinic))
    return Screen(name="loopback.ask", lines=(Text(key="loopback.ask"), number), rows=rows(answer_buttons(alert)))


def answer_buttons(alert: AlertRow) -> tuple[Button, ...]:
    """Return the five answers to whether someone spoke with the patient."""
    return (
        button("button.yes", alert_tap(alert, "reached"), style=Style.SUCCESS),
        button("button.at_hospital", alert_tap(alert, "at_hospital")),
        button("button.not_yet", alert_tap(alert, "not_yet")),
        button("button.cannot_reach", alert_tap(alert, "cannot_reach"), style=Style.DANGER),
        button("button.was_mistake", alert_tap(alert, "was_mistake")),
    )
