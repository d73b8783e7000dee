"""Notifies the members who follow an alert: its owner, and those who were notified of it. Changes no alert."""

from bot.app.records.alerts import AlertRow
from bot.app.records.patients import Patient
from bot.app.work import Work


def show_changed(work: Work, alert: AlertRow, *, except_name: str | None = None) -> None:
    """Show an alert's new state to everyone notified of it, except to `except_name`, who gets a new message."""
    patient = work.patients.get(alert.patient_id)
    if patient is None:
        return
    for name in (name for name in alert.notified if name != except_name):
        person = work.staff.by_name(name)
        if person is not None and person.can_be_notified:
            work.notices.alert_changed(patient, alert, person)


def notify_team(work: Work, patient: Patient, alert: AlertRow, word: str) -> None:
    """Notify the owner of the patient's reply; without an owner, everyone who was notified of the alert."""
    names = (alert.owner,) if alert.owner is not None else alert.notified
    for name in names:
        person = work.staff.by_name(name)
        if person is not None and person.can_be_notified:
            work.notices.patient_replied(patient, alert, person, word)
