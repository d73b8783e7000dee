"""Finds the alert that names what is open, and adds to what an alert names. Raises and closes none."""

from bot.app.alerts.writer import update_patient_side
from bot.app.concerns.conversion import ASKED_FOR_HELP, named_by
from bot.app.records.alerts import AlertRow, AlertState
from bot.app.records.checkins import CheckInRow
from bot.app.records.concerns import OpenConcern
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.alert import first_prompt_at


def alert_about(work: Work, patient: Patient, concerns: tuple[OpenConcern, ...]) -> AlertRow | None:
    """Return the newest alert that names one of these concerns, one that is not closed first; None if there is none.

    A closed one can be answered too: it may be from before an alert needed contact to be closed.
    """
    symptoms = {concern.symptom for concern in concerns}
    found = [alert for alert in work.alerts.of_patient(patient.id) if symptoms & set(named_by(work, alert))]
    return min(found, key=lambda alert: alert.closed_at is not None, default=None)


def open_alert_of(work: Work, patient: Patient, row: CheckInRow) -> AlertRow | None:
    """Return the newest alert of a check-in that is not closed, other than for help; None if there is none."""
    return next(
        (
            alert
            for alert in work.alerts.of_patient(patient.id)
            if alert.checkin_id == row.id and alert.closed_at is None and ASKED_FOR_HELP not in alert.rules
        ),
        None,
    )


def add_rules(
    work: Work, alert: AlertRow, rules: tuple[str, ...], symptoms: tuple[str, ...], *, is_new: bool = False
) -> None:
    """Add what was found after the call screen (its "which sign?") to an alert.

    `is_new`: something opened. An alert that asks nothing any more asks again, about what is new or was not named yet.
    """
    merged = (*alert.rules, *(rule for rule in rules if rule not in alert.rules))
    # What was taken back stays named: the alert goes on until staff have dealt with it.
    named = (*alert.symptoms, *(symptom for symptom in symptoms if symptom not in alert.symptoms))
    changed = alert
    if (merged, named) != (alert.rules, alert.symptoms):
        changed = update_patient_side(work.alerts, alert, rules=merged, symptoms=named, named_at=work.at)
    if (is_new or named != alert.symptoms) and alert.next_patient_prompt_at is None and alert.closed_at is None:
        update_patient_side(
            work.alerts,
            changed,
            state=AlertState.OPEN,
            last_reply=None,
            safety_follow_ups=0,
            next_patient_prompt_at=first_prompt_at(alert.tier, work.clinic.protocol.clocks, work.at),
        )
