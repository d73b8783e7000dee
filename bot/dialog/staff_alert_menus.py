"""Builds the lists that an alert's buttons open in the team's chats: outcomes, members to hand over to."""

from collections.abc import Mapping, Sequence
from typing import get_args

from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow, NoActionReason, outcomes_for
from bot.app.records.patients import Patient
from bot.app.records.team import Staff
from bot.core.screen import Button, Screen, Style, Text
from bot.dialog.staff_alerts import head, tap
from bot.dialog.widgets import button, rows

CONFIRMED = "end_care"
"""The word of the button that confirms "out of care"."""
NO_ACTION_WORDS: Mapping[str, NoActionReason] = {f"why_{reason}": reason for reason in get_args(NoActionReason)}
"""The words of the buttons that say why no action is needed, with the reasons."""


def outcome_screen(clinic: Clinic, patient: Patient, alert: AlertRow, shown: str) -> Screen:
    """Return the list of outcomes to choose from. `shown`: when the alert's message was made that it replaces."""
    made = [button(f"staff.outcome.{word}", tap(alert, word, shown)) for word in outcomes_for(alert.tier)]
    made.append(button("staff.back", tap(alert, "back")))
    lines = (head(clinic, patient, alert), Text(key="staff.which_outcome"))
    return Screen(name="staff.outcomes", lines=lines, rows=rows(made))


def out_of_care_screen(clinic: Clinic, patient: Patient, alert: AlertRow, shown: str) -> Screen:
    """Return the question whether the patient left care for good: check-ins end."""
    made = [
        button("staff.do.out_of_care", tap(alert, CONFIRMED, shown), style=Style.DANGER),
        button("staff.back", tap(alert, "back")),
    ]
    lines = (head(clinic, patient, alert), Text(key="staff.sure_out_of_care", values={"code": patient.code}))
    return Screen(name="staff.out_of_care", lines=lines, rows=rows(made))


def no_action_screen(clinic: Clinic, patient: Patient, alert: AlertRow, shown: str) -> Screen:
    """Return the question why nobody has to contact the patient."""
    made = [button(f"staff.reason.{reason}", tap(alert, word, shown)) for word, reason in NO_ACTION_WORDS.items()]
    made.append(button("staff.back", tap(alert, "back")))
    lines = (head(clinic, patient, alert), Text(key="staff.why_no_action"))
    return Screen(name="staff.no_action", lines=lines, rows=rows(made))


def hand_over_screen(clinic: Clinic, patient: Patient, alert: AlertRow, others: Sequence[Staff]) -> Screen:
    """Return the list of members to hand the alert over to."""
    made = [
        Button(label=Text(key="staff.name", values={"who": person.name}), action=tap(alert, f"to{person.id}"))
        for person in others
    ]
    made.append(button("staff.back", tap(alert, "back")))
    key = "staff.to_whom" if others else "staff.nobody_else"
    return Screen(name="staff.hand_over", lines=(head(clinic, patient, alert), Text(key=key)), rows=rows(made))
