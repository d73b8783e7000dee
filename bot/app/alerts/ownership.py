"""Acts of staff on an alert: acknowledge, hand over, note an outcome, close, reopen. Sends the patient nothing.

`core/alert.py` decides which act is allowed in which state. Each act stops or starts the escalation clocks, is shown
in the chats of everyone notified, and is audited.
"""

from collections.abc import Mapping

from bot.app.alerts import escalation
from bot.app.alerts.writer import act_on, team_side
from bot.app.concerns.conversion import named_by
from bot.app.concerns.memory import recall, remember
from bot.app.ports.errors import NeedsContactError, RefusedError
from bot.app.records.alerts import AlertOutcome, AlertRow
from bot.app.records.patients import Patient
from bot.app.records.team import Staff
from bot.app.work import Stores, Work
from bot.core.alert import Acknowledge, Close, HandOver, Note, Refusal, Refused, Reopen, TeamAct, TeamState
from bot.core.happenings import Outcome, OutcomeKind
from bot.core.memory import can_note


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

    If the alert has no owner, the actor becomes the owner. Contact with the patient reaches what the alert names; raise
    RefusedError for "no action" on what needs contact.
    """
    alert = _locked(work, alert_id)
    patient = work.patients.get(alert.patient_id)
    effect = _effect(work, alert, outcome)
    if patient is not None and effect is not None and not can_note(recall(work, patient).value, effect):
        raise NeedsContactError(
            f"alert {alert.id} is {alert.tier.name}: it needs contact with the patient, so it can't have no action"
        )
    if team_side(alert).state is TeamState.OPEN:
        _present(work, alert_id, work.actor)
    noted = _act(work, alert, Note(outcome=outcome, by=work.actor), "alert_noted")
    if patient is not None and effect is not None:
        remember(work, patient, (effect,), checkin_id=alert.checkin_id)
    return noted


def close(work: Work, alert_id: int) -> AlertRow:
    """Close an alert, so that the patient is no longer asked about it.

    Raise RefusedError if it has no outcome, or if nobody is known to have spoken with the patient about it.
    """
    alert = _locked(work, alert_id)
    patient = work.patients.get(alert.patient_id)
    if patient is not None and alert.outcome is not None and _names_open(work, patient, alert):
        raise NeedsContactError(
            f"alert {alert.id} can't be closed: nobody is known to have spoken with the patient about it; "
            "note an outcome with contact first"
        )
    return _act(work, alert, Close(by=work.actor), "alert_closed")


def reopen(work: Work, alert_id: int) -> AlertRow:
    """Reopen a closed alert for anyone to acknowledge; the escalation clocks start now.

    The patient is not asked again. Raise RefusedError if the alert is not closed.
    """
    return _act(work, _locked(work, alert_id), Reopen(), "alert_reopened")


_EFFECTS: Mapping[AlertOutcome, OutcomeKind] = {
    "spoke_to_patient": "contact",
    "sent_to_ed": "contact",
    "no_action": "no_action",
}
"""What an outcome means for the concerns of an alert; any other leaves them as they are."""


def _effect(work: Work, alert: AlertRow, outcome: AlertOutcome) -> Outcome | None:
    kind = _EFFECTS.get(outcome)
    if kind is None:
        return None
    shown_at = alert.named_at or alert.raised_at
    return Outcome(kind=kind, symptoms=named_by(work, alert), shown_at=shown_at)


def _names_open(work: Work, patient: Patient, alert: AlertRow) -> bool:
    """Return whether something that the alert names is OPEN; what opened or rose since belongs to a later alert."""
    named, since = set(named_by(work, alert)), alert.named_at or alert.raised_at
    found = (c for c in recall(work, patient).value.open if c.symptom in named)
    return any(c.opened_at is None or c.opened_at <= since for c in found)


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
