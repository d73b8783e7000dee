"""Builds the call screens of SOON: call within a day. Decides nothing."""

from collections.abc import Iterator

from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow
from bot.core.protocol import UNANSWERED
from bot.core.screen import Action, Screen, Style, Text
from bot.dialog.call_screens import alert_tap, named_signs
from bot.dialog.widgets import button, numbers, rows

KNOWS, NOT_ABOUT_THIS = "knows", "not_about_this"
"""The words of "my team knows", and of its second answer: neither changes anything."""


def soon_screen(alert: AlertRow, clinic: Clinic) -> Screen:
    """Return the call screen of a SOON alert: call within a day."""
    return Screen(
        name="call.soon",
        lines=(Text(key="call.soon", values=numbers(clinic)), *_reasons_to_call(alert, clinic)),
        rows=rows(
            (
                button("button.called", alert_tap(alert, "called"), style=Style.SUCCESS),
                button("button.team_knows", alert_tap(alert, KNOWS)),
                button("button.remind_call", alert_tap(alert, "remind")),
                button("button.tip_today", Action(kind="tip", choice="more")),
            )
        ),
    )


def knows_screen(alert: AlertRow) -> Screen:
    """Return the question whether the team knows about this."""
    made = (
        button("button.yes", alert_tap(alert, "team_knows"), style=Style.SUCCESS),
        button("button.not_about_this", alert_tap(alert, NOT_ABOUT_THIS)),
    )
    return Screen(name="call.knows", lines=(Text(key="call.knows"),), rows=rows(made))


def _reasons_to_call(alert: AlertRow, clinic: Clinic) -> Iterator[Text]:
    """Yield why: what is new or stronger, or a safety screen that was left open, which is neither."""
    left_open = {rule.id for rule in clinic.protocol.rules if rule.group == UNANSWERED}
    if not alert.rules or set(alert.rules) - left_open:
        yield Text(key="call.soon.why", bullets=named_signs(alert, clinic))
    if set(alert.rules) & left_open:
        yield Text(key="call.soon.left_open")
