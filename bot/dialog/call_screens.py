"""Builds the call screens of EMERGENCY and URGENT, each with the card of the number to call. Decides nothing."""

from collections.abc import Callable, Mapping

from bot.app.alerts.help_requests import WORDS_OF_DESPAIR
from bot.app.concerns.conversion import ASKED_FOR_HELP
from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow
from bot.core.findings import DESPAIR, HELP, NOT_NAMED
from bot.core.protocol import UNANSWERED, Tier
from bot.core.screen import Action, Contact, Screen, Style, Text
from bot.dialog.help_screens import despair_screen, help_lines
from bot.dialog.widgets import button, copy_emergency_button, numbers, rows, symptom_text

WITHOUT_A_NAME = frozenset({NOT_NAMED, HELP, DESPAIR, UNANSWERED, "other", "autonomic_not_sure"})
"""What an alert is about without that a sign was named."""


def alert_tap(alert: AlertRow, word: str) -> Action:
    """Return the action of an alert's button."""
    return Action(kind="alert", subject=alert.id, choice=word)


def call_screen(alert: AlertRow, clinic: Clinic) -> Screen:
    """Return the call screen of an EMERGENCY or URGENT alert: numbers first, no tips."""
    if alert.call_tier is Tier.EMERGENCY:
        return _emergency_screen(alert, clinic)
    return _OF_RULE.get(alert.rules[-1:], _urgent_screen)(alert, clinic)


def _urgent_screen(alert: AlertRow, clinic: Clinic) -> Screen:
    why = Text(key="call.urgent.why", bullets=named_signs(alert, clinic))
    return _call_team("call.urgent", (Text(key="call.urgent", values=numbers(clinic)), why), alert, clinic)


def _help_screen(alert: AlertRow, clinic: Clinic) -> Screen:
    return _call_team("call.help", help_lines(clinic), alert, clinic)


def _call_team(name: str, why: tuple[Text, ...], alert: AlertRow, clinic: Clinic) -> Screen:
    return Screen(
        name=name,
        lines=(*why, Text(key="call.no_answer", values=numbers(clinic))),
        rows=rows(
            (
                button("button.called", alert_tap(alert, "called"), style=Style.SUCCESS),
                button("button.cannot_reach", alert_tap(alert, "cannot_reach"), style=Style.DANGER),
                button("button.card", alert_tap(alert, "card")),
                button("button.can_wait", alert_tap(alert, "can_wait")),
                button("button.mistake", alert_tap(alert, "mistake")),
            )
        ),
        ahead=_team_contact(clinic),
    )


def named_signs(alert: AlertRow, clinic: Clinic) -> tuple[Text, ...]:
    """Return the signs that the alert names, in the patient's words; none of what has no name yet."""
    return tuple(symptom_text(clinic, symptom) for symptom in alert.symptoms if symptom not in WITHOUT_A_NAME)


def _emergency_screen(alert: AlertRow, clinic: Clinic) -> Screen:
    return Screen(
        name="call.emergency",
        lines=(
            Text(key="call.emergency", values=numbers(clinic)),
            Text(key="call.emergency.team", values=numbers(clinic)),
            Text(key="call.emergency.wait", fold=Text(key="call.emergency.say")),
        ),
        rows=rows(
            (
                copy_emergency_button(clinic),
                button("button.called", alert_tap(alert, "called"), style=Style.SUCCESS),
                button("button.cannot_call", alert_tap(alert, "cannot_call"), style=Style.DANGER),
                button("button.card", alert_tap(alert, "card")),
                button("button.mistake", alert_tap(alert, "mistake")),
            )
        ),
        ahead=Contact(number=clinic.emergency_number, name=Text(key="call.contact.emergency", values=numbers(clinic))),
    )


def contact_screen(clinic: Clinic) -> Screen:
    """Return the team's contact."""
    return Screen(name="call.contact", lines=(), contact=_team_contact(clinic))


def _team_contact(clinic: Clinic) -> Contact:
    return Contact(number=clinic.team_number, name=clinic.team_name)


_OF_RULE: Mapping[tuple[str, ...], Callable[[AlertRow, Clinic], Screen]]
_OF_RULE = {(ASKED_FOR_HELP,): _help_screen, (WORDS_OF_DESPAIR,): despair_screen}
"""The call screens of what a patient asked for or wrote, by the last rule of its alert."""
