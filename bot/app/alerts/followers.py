"""The members who follow an alert: its owner, as long as they can act on it, and those who were notified of it."""

from collections.abc import Callable
from datetime import timedelta

from bot.app.alerts.writer import act_on
from bot.app.ports.errors import StaleRecordError
from bot.app.records.alerts import AlertRow
from bot.app.records.patients import Patient
from bot.app.work import SYSTEM, Work
from bot.core.alert import Refused, Rise
from bot.core.protocol import Tier

ONE_MESSAGE_FOR = timedelta(hours=1)
"""How long one message to the team is enough for what a form, or a request for help, adds to an alert."""


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
    """Notify the owner of the patient's reply; without one who has a chat, everyone who was notified of the alert."""
    owner = work.staff.by_name(alert.owner) if alert.owner is not None else None
    for name in (owner.name,) if owner is not None and owner.can_be_notified else alert.notified:
        notify_person(work, patient, alert, name, word)


def notify_person(work: Work, patient: Patient, alert: AlertRow, name: str | None, word: str) -> None:
    """Notify one member of the patient's reply, if they can be."""
    person = work.staff.by_name(name) if name is not None else None
    if person is not None and person.can_be_notified:
        work.notices.patient_replied(patient, alert, person, word)


def show_seen(work: Work, patient: Patient, alert: AlertRow, *, is_seen: bool) -> None:
    """Show the patient that the team has seen the alert, or that something opened since.

    A fault in an older message is recorded, and keeps back neither a call screen nor an acknowledgement.
    """
    _show(work, patient, alert, lambda: work.notices.seen_by_team(patient, alert, is_seen=is_seen))


def show_closed(work: Work, alert: AlertRow) -> None:
    """Show the patient that an alert asks nothing any more; a fault in that is recorded, as above."""
    patient = work.patients.get(alert.patient_id)
    if patient is not None:
        _show(work, patient, alert, lambda: work.notices.alert_closed(patient, alert))


def _show(work: Work, patient: Patient, alert: AlertRow, change: Callable[[], None]) -> None:
    error = work.attempt(change)
    if isinstance(error, StaleRecordError):
        raise error
    if error is not None:
        work.acting(SYSTEM).record("call_screen_unchanged", patient.code, alert=alert.id, error=type(error).__name__)


def needs_owner_again(work: Work, alert: AlertRow, tier: Tier) -> bool:
    """Return whether what joins must escalate: by its tier, or because a message about it would reach nobody."""
    if tier > alert.tier or alert.is_agreed:
        return True
    if alert.owner is None:
        return alert.next_escalation_at is None and (tier is Tier.EMERGENCY or not alert.notified)
    owner = work.staff.by_name(alert.owner)
    return tier is Tier.EMERGENCY or owner is None or not owner.can_be_notified


def without_owner(work: Work, alert: AlertRow) -> AlertRow:
    """Take an alert from its owner, so that it escalates again, and return it."""
    risen = act_on(work.alerts, alert, Rise(), work.at)
    return alert if isinstance(risen, Refused) else risen
