"""Finds the alert that names what is open. Raises and changes no alert."""

from bot.app.concerns.memory import named_by
from bot.app.records.alerts import AlertRow
from bot.app.records.concerns import OpenConcern
from bot.app.records.patients import Patient
from bot.app.work import Work


def alert_about(work: Work, patient: Patient, concerns: tuple[OpenConcern, ...]) -> AlertRow | None:
    """Return the newest alert, not closed, that names one of these concerns; None if there is none."""
    symptoms = {concern.symptom for concern in concerns}
    return next(
        (
            alert
            for alert in work.alerts.of_patient(patient.id)
            if alert.closed_at is None and symptoms & set(named_by(work, alert))
        ),
        None,
    )
