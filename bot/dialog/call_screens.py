"""Builds the screens about calling: call screen, safety follow-up, replies, card. Decides nothing."""

from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow
from bot.app.records.patients import Patient
from bot.core.protocol import Tier
from bot.core.screen import Action, Contact, Screen, Style, Text
from bot.dialog.widgets import button, copy_button, date_text, numbers, rows


def soon_screen(alert: AlertRow, clinic: Clinic) -> Screen:
    """Return the call screen of a SOON alert: call within a day."""
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


# -- calling


def alert_tap(alert: AlertRow, word: str) -> Action:
    """Return the action of an alert's button."""
    return Action(kind="alert", subject=alert.id, choice=word)


def call_screen(alert: AlertRow, clinic: Clinic) -> Screen:
    """Return the call screen of an EMERGENCY or URGENT alert: numbers first, no tips."""
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


def contact_screen(clinic: Clinic) -> Screen:
    """Return the team's contact."""
    return Screen(name="call.contact", lines=(), contact=Contact(number=clinic.team_number, name=clinic.team_name))


def reply_screen(alert: AlertRow, clinic: Clinic, word: str) -> Screen:
    """Return the screen that follows a button of the call screen; each has the number to call."""
    # In an emergency, both "called" and "reached" mean that help is on its way.
    reply = "called" if word == "reached" and alert.tier is Tier.EMERGENCY else word
    key = f"call.reply.{reply}.{alert.tier.name.lower()}" if reply in _REPLIES_BY_TIER else f"call.reply.{reply}"
    made = [copy_button(clinic)]
    if word not in {"called", "reached"}:
        made += [
            button("button.reached", alert_tap(alert, "reached"), style=Style.SUCCESS),
            button("button.card", alert_tap(alert, "card")),
        ]
    return Screen(name=f"call.reply.{word}", lines=(Text(key=key, values=numbers(clinic)),), rows=rows(made))


_REPLIES_BY_TIER = {"not_yet", "cannot_reach", "called"}


def safety_follow_up_screen(alert: AlertRow, clinic: Clinic) -> Screen:
    """Return the safety follow-up: "did you reach someone?"."""
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
    """Return the card for an emergency department: treatment, start date, team number; no name, no answers.

    It is in the clinic's first language, followed by the patient's if that is another one.
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
