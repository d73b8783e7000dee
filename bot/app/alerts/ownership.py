"""Acts of staff on an alert: acknowledge, hand over, note an outcome, close, reopen. Sends the patient nothing.

`core/alert.py` decides which act is allowed in which state. Each act stops or starts the escalation clocks, is shown
in the chats of everyone notified, and is audited.
"""

from bot.app.alerts import escalation
from bot.app.alerts.writer import act_on, team_side
from bot.app.ports.errors import RefusedError
from bot.app.records.alerts import AlertOutcome, AlertRow
from bot.app.records.team import Staff
from bot.app.work import Stores, Work
from bot.core.alert import Acknowledge, Close, HandOver, Note, Refusal, Refused, Reopen, TeamAct, TeamState


def acknowledge(work: Work, alert_id: int) -> AlertRow:
    """Acknowledge an alert for the actor; repeated by its owner, change nothing.

    Raise RefusedError if another member owns the alert or it is closed.
    """
    alert = _locked(work, alert_id)
    if team_side(alert).state is TeamState.OPEN:
        _present(work, alert_id, work.actor)
    return _act(work, alert, Acknowledge(by=work.actor), "alert_acknowledged")


def hand_over(work: Work, alert_id: int, to: str) -> AlertRow:
    """Hand an alert over to another owner and notify them. Raise RefusedError if it is closed or `to` was removed."""
    alert = _locked(work, alert_id)
    person = _present(work, alert_id, to) if team_side(alert).state is not TeamState.CLOSED else None
    changed = _act(work, alert, HandOver(to=to, notify=person is not None), "alert_handed_over")
    patient = work.patients.get(alert.patient_id)
    if person is not None and patient is not None:
        # A new message, not an edit: an edit makes no sound.
        work.notices.alert_raised(patient, changed, person)
    return changed


def note(work: Work, alert_id: int, outcome: AlertOutcome) -> AlertRow:
    """Note an outcome, which replaces an earlier one; the audit keeps both.

    If the alert has no owner, the actor becomes the owner.
    """
    alert = _locked(work, alert_id)
    if team_side(alert).state is TeamState.OPEN:
        _present(work, alert_id, work.actor)
    return _act(work, alert, Note(outcome=outcome, by=work.actor), "alert_noted")


def close(work: Work, alert_id: int) -> AlertRow:
    """Close an alert, so that the patient is no longer asked about it. Raise RefusedError if it has no outcome."""
    return _act(work, _locked(work, alert_id), Close(by=work.actor), "alert_closed")


def reopen(work: Work, alert_id: int) -> AlertRow:
    """Reopen a closed alert for anyone to acknowledge; the escalation clocks start now.

    The patient is not asked again. Raise RefusedError if the alert is not closed.
    """
    return _act(work, _locked(work, alert_id), Reopen(), "alert_reopened")


def _present(stores: Stores, alert_id: int, name: str) -> Staff | None:
    """Return the future owner, locked so that they can't be removed meanwhile; None if no member has that name.

    Raise RefusedError if they were removed already.
    """
    person = stores.staff.by_name(name, lock=True)
    if person is not None and person.state == "gone":
        raise RefusedError(f"{name} was removed from the team: hand alert {alert_id} over to someone else")
    return person


def _locked(stores: Stores, alert_id: int) -> AlertRow:
    """Return the alert under its patient's lock: two members may act at once. Raise RefusedError if there is none."""
    found = stores.alerts.get(alert_id)
    patient = stores.patients.get(found.patient_id, lock=True) if found is not None else None
    alert = stores.alerts.get(alert_id) if patient is not None else None
    if alert is None:
        raise RefusedError(f"there is no alert {alert_id}: see `nervecheck alert list`")
    return alert


def _act(work: Work, alert: AlertRow, act: TeamAct, action: str) -> AlertRow:
    """Carry out one act, audit it and show it. Raise RefusedError, having changed nothing, if it is refused."""
    changed = act_on(work.alerts, alert, act, work.at)
    if isinstance(changed, Refused):
        raise RefusedError(_why(alert, changed))
    if changed == alert:
        return alert
    patient = work.patients.get(alert.patient_id)
    work.record(
        action,
        patient.code if patient else "",
        alert=alert.id,
        tier=alert.tier.name,
        outcome=changed.outcome,
        owner=changed.owner,
    )
    # Reopening clears `notified`, but the messages of these members must still be updated.
    shown = changed.model_copy(update={"notified": alert.notified})
    escalation.show_changed(work, shown, except_name=changed.owner if action == "alert_handed_over" else None)
    return changed


def _why(alert: AlertRow, refused: Refused) -> str:
    if refused.reason is Refusal.OWNED_BY_ANOTHER:
        since = f" at {alert.acknowledged_at:%H:%M} UTC" if alert.acknowledged_at is not None else ""
        return f"alert {alert.id} was acknowledged by {alert.owner}{since}: to change its owner, hand it over"
    if refused.reason is Refusal.NO_OUTCOME:
        return f"alert {alert.id} has no outcome yet: note an outcome first"
    if refused.state is TeamState.CLOSED:
        return f"alert {alert.id} was closed by {alert.closed_by}: reopen it first"
    return f"alert {alert.id} is open, so it can't be reopened"
