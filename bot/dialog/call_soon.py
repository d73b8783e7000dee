"""Builds the call screens of SOON: call within a day. Decides nothing."""

from collections.abc import Iterator

from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow
from bot.core.protocol import UNANSWERED
from bot.core.screen import Action, Screen, Style, Text
from bot.dialog.call_screens import alert_tap
from bot.dialog.widgets import button, copy_button, numbers, rows


def soon_screen(alert: AlertRow, clinic: Clinic) -> Screen:
    """Return the call screen of a SOON alert: call within a day."""
    return Screen(
        name="call.soon",
        lines=(Text(key="call.soon", values=numbers(clinic)), *_reasons_to_call(alert, clinic)),
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


def _reasons_to_call(alert: AlertRow, clinic: Clinic) -> Iterator[Text]:
    """Yield why: what is new or stronger, or a safety screen that was left open, which is neither."""
    left_open = {rule.id for rule in clinic.protocol.rules if rule.group == UNANSWERED}
    if not alert.rules or set(alert.rules) - left_open:
        yield Text(key="call.soon.why")
    if set(alert.rules) & left_open:
        yield Text(key="call.soon.left_open")
