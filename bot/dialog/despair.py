"""Builds the screen for typed words of despair or self-harm: whom to call. Promises nothing, decides nothing."""

from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow
from bot.core.screen import Action, Button, Contact, Screen, Style, Text
from bot.dialog.widgets import button, numbers, rows, something_is_wrong


def despair_screen(alert: AlertRow | None, clinic: Clinic) -> Screen:
    """Return the screen for words of despair: whom to call, and no promise. `alert`: None if there is none."""
    shown = numbers(clinic)
    copied = Button(label=Text(key="button.copy_crisis", values=shown), copy_value=str(shown["crisis"]))
    replies: tuple[Button, ...] = ()
    if alert is not None:
        called, cannot = (Action(kind="alert", subject=alert.id, choice=word) for word in ("called", "cannot_reach"))
        replies = (
            button("button.called", called, style=Style.SUCCESS),
            button("button.cannot_reach", cannot, style=Style.DANGER),
        )
    ahead = Contact(number=str(shown["crisis"]), name=Text(key="call.contact.crisis", values=shown))
    return Screen(
        name="call.despair",
        lines=(
            Text(key="call.despair", values=shown),
            Text(key="call.despair.others", values=shown),
            Text(key="call.despair.team" if alert is not None else "call.despair.nobody"),
        ),
        rows=rows((copied, *replies, something_is_wrong())),
        ahead=ahead,
    )
