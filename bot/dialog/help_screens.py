"""Builds what is shown to those who ask for help or write words of despair: whom to call. Promises nothing."""

from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow
from bot.core.protocol import Tier
from bot.core.screen import Action, Button, Contact, Screen, Style, Text
from bot.dialog.widgets import button, numbers, rows, sign_screens, signs_text

DESPAIR_SCREEN = "call.despair"
"""The name of the screen for words of despair. It goes to who wrote them alone: the others would read of them."""


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
    has_line = clinic.crisis_number is not None
    card = Text(key="call.contact.crisis" if has_line else "call.contact.emergency", values=shown)
    ahead = Contact(number=str(shown["crisis"]), name=card)
    return Screen(
        name=DESPAIR_SCREEN,
        lines=(
            Text(key="call.despair" if has_line else "call.despair.emergency", values=shown),
            Text(key="call.despair.others", values=shown),
            Text(key="call.despair.team" if alert is not None else "call.despair.nobody"),
        ),
        rows=rows((copied, *replies, something_is_wrong())),
        ahead=ahead,
    )


def something_is_wrong() -> Button:
    """Return the red button that opens the first safety screen."""
    return button("button.something_wrong", Action(kind="menu", choice="worse"), style=Style.DANGER)


def help_lines(clinic: Clinic) -> tuple[Text, ...]:
    """Return whom to call after "Need help now", and for which signs the emergency number."""
    screens = sign_screens(clinic, Tier.EMERGENCY)
    if not screens:
        return (Text(key="call.help", values=numbers(clinic)),)
    signs = (signs_text("call.help.signs", question, numbers(clinic)) for question in screens)
    return Text(key="call.help.team", values=numbers(clinic)), *signs
