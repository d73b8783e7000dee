"""What staff do with an alert: acknowledge it, hand it over, note an outcome, close it, reopen it.

What each act may do in which state is the table of `core/alert.py`. Each change stops or starts the team's clocks and
is shown in the chats of all who were notified. Nothing here sends the patient anything, but a closed alert asks them
no more.
"""

from bot.app.alerts import escalation
from bot.app.alerts.writer import act_on, team_side
from bot.app.ports.errors import RefusedError
from bot.app.records.alerts import AlertOutcome, AlertRow
from bot.app.records.operations import Audit
from bot.app.records.team import Staff
from bot.app.work import Stores, Work
from bot.core.alert import Acknowledge, Close, HandOver, Note, Refusal, Refused, Reopen, TeamAct, TeamState


def acknowledge(work: Work, alert_id: int) -> AlertRow:
    """Acknowledge an alert; by its owner again it stays theirs. RefusedError if it is another's, or closed."""
    alert = _locked(work, alert_id)
    if team_side(alert).state is TeamState.OPEN:
        _present(work, alert_id, work.actor)
    return _act(work, alert, Acknowledge(by=work.actor), "alert_acknowledged")


def hand_over(work: Work, alert_id: int, to: str) -> AlertRow:
    """Hand an alert over to another owner, and notify them in their chat. RefusedError if it is closed."""
    alert = _locked(work, alert_id)
    person = _present(work, alert_id, to) if team_side(alert).state is not TeamState.CLOSED else None
    changed = _act(work, alert, HandOver(to=to, notify=person is not None), "alert_handed_over")
    patient = work.patients.get(alert.patient_id)
    if person is not None and patient is not None:
        # A new message, so that the phone sounds.
        work.notices.alert_raised(patient, changed, person)
    return changed


def note(work: Work, alert_id: int, outcome: AlertOutcome) -> AlertRow:
    """Note an outcome; a later one replaces it, the audit keeps both. Whoever notes owns it, if nobody did."""
    alert = _locked(work, alert_id)
    if team_side(alert).state is TeamState.OPEN:
        _present(work, alert_id, work.actor)
    return _act(work, alert, Note(outcome=outcome, by=work.actor), "alert_noted")


def close(work: Work, alert_id: int) -> AlertRow:
    """Close an alert: the patient is not asked about it any more. RefusedError without an outcome."""
    return _act(work, _locked(work, alert_id), Close(by=work.actor), "alert_closed")


def reopen(work: Work, alert_id: int) -> AlertRow:
    """Reopen a closed alert for anyone to acknowledge, with the team's clocks starting now.

    The patient has been asked and is not asked again. RefusedError if it isn't closed.
    """
    return _act(work, _locked(work, alert_id), Reopen(), "alert_reopened")


def _present(stores: Stores, alert_id: int, name: str) -> Staff | None:
    """Return who is about to have an alert, locked: who is removed meanwhile would keep it. None: nobody's name."""
    person = stores.staff.by_name(name, lock=True)
    if person is not None and person.state == "gone":
        raise RefusedError(f"{name} was removed from the team: hand alert {alert_id} over to someone else")
    return person


def _locked(stores: Stores, alert_id: int) -> AlertRow:
    """Return the alert behind its patient's lock: two of the team may tap at once."""
    found = stores.alerts.get(alert_id)
    patient = stores.patients.get(found.patient_id, lock=True) if found is not None else None
    alert = stores.alerts.get(alert_id) if patient is not None else None
    if alert is None:
        raise RefusedError(f"there is no alert {alert_id}: see `nervecheck alert list`")
    return alert


def _act(work: Work, alert: AlertRow, act: TeamAct, action: str) -> AlertRow:
    """Do one act, record it and show it; RefusedError, and nothing changed, if it can't be done."""
    changed = act_on(work.alerts, alert, act, work.at)
    if isinstance(changed, Refused):
        raise RefusedError(_why(alert, changed))
    if changed == alert:
        return alert
    patient = work.patients.get(alert.patient_id)
    detail = {"alert": alert.id, "tier": alert.tier.name, "outcome": changed.outcome, "owner": changed.owner}
    work.audit.add(
        Audit(at=work.at, actor=work.actor, action=action, subject=patient.code if patient else "", detail=detail)
    )
    # Those who were notified before a reopening see it too, though they will be notified again.
    shown = changed.model_copy(update={"notified": alert.notified})
    escalation.refresh(work, shown, but=changed.owner if action == "alert_handed_over" else None)
    return changed


def _why(alert: AlertRow, refused: Refused) -> str:
    if refused.reason is Refusal.OWNED_BY_ANOTHER:
        since = f" at {alert.acknowledged_at:%H:%M} UTC" if alert.acknowledged_at is not None else ""
        return f"alert {alert.id} was taken by {alert.owner}{since}: it can be handed over by `assign`"
    if refused.reason is Refusal.NO_OUTCOME:
        return f"alert {alert.id} has no outcome yet: note what came of it first"
    if refused.state is TeamState.CLOSED:
        return f"alert {alert.id} was closed by {alert.closed_by}: reopen it first"
    return f"alert {alert.id} is open: nothing to reopen"
