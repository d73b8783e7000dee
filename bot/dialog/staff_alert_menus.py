"""Builds the lists that an alert's buttons open in the team's chats: outcomes, members to hand over to."""

from collections.abc import Sequence

from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow, outcomes_for
from bot.app.records.patients import Patient
from bot.app.records.team import Staff
from bot.core.screen import Button, Screen, Text
from bot.dialog.staff_alerts import head, tap
from bot.dialog.widgets import button, rows


def outcome_screen(clinic: Clinic, patient: Patient, alert: AlertRow) -> Screen:
    """Return the list of outcomes to choose from."""
    made = [button(f"staff.outcome.{word}", tap(alert, word)) for word in outcomes_for(alert.tier)]
    made.append(button("staff.back", tap(alert, "back")))
    lines = (head(clinic, patient, alert), Text(key="staff.which_outcome"))
    return Screen(name="staff.outcomes", lines=lines, rows=rows(made))


def hand_over_screen(clinic: Clinic, patient: Patient, alert: AlertRow, others: Sequence[Staff]) -> Screen:
    """Return the list of members to hand the alert over to."""
    made = [
        Button(label=Text(key="staff.name", values={"who": person.name}), action=tap(alert, f"to{person.id}"))
        for person in others
    ]
    made.append(button("staff.back", tap(alert, "back")))
    key = "staff.to_whom" if others else "staff.nobody_else"
    return Screen(name="staff.hand_over", lines=(head(clinic, patient, alert), Text(key=key)), rows=rows(made))
