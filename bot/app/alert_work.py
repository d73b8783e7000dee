"""What staff do with an alert: take it up, hand it over, note what came of it, close it, open it again.

Whoever takes it up first has it; a second one is told who. Each change stops or starts the team's clocks and is shown
in the chats of all who were told. Nothing here sends the patient anything, but a closed alert asks them no more.
"""

from datetime import datetime

from bot.app import duty
from bot.app.lookup import RefusedError
from bot.app.ports import Clinic
from bot.app.store import AlertRow, AlertState, Audit, Outcome, Store
from bot.app.team_store import Staff

_REACHED = frozenset({"called", "reached"})


def take(store: Store, clinic: Clinic, alert_id: int, by: str, at: datetime) -> AlertRow:
    """Take an alert up. RefusedError if someone else has it, or it is closed; taken twice by one it stays theirs."""
    alert = _open(store, alert_id)
    if alert.taken_by == by:
        return alert
    if alert.taken_by is not None:
        since = f" at {alert.taken_at:%H:%M} UTC" if alert.taken_at is not None else ""
        raise RefusedError(f"alert {alert_id} was taken by {alert.taken_by}{since}: it can be handed over by `assign`")
    _present(store, alert_id, by)
    return _saved(store, clinic, alert, "alert_taken", by, at, **_taken(by, at))


def assign(store: Store, clinic: Clinic, alert_id: int, to: str, by: str, at: datetime) -> AlertRow:
    """Hand an alert over to someone of the team, whoever had it. Who has a chat is told there."""
    alert = _open(store, alert_id)
    person = _present(store, alert_id, to)
    told = alert.told if person is None or to in alert.told else (*alert.told, to)
    changed = _saved(store, clinic, alert, "alert_assigned", by, at, **_taken(to, at), told=told)
    patient = store.patient(alert.patient_id)
    if person is not None and patient is not None:
        # A new message, so that the phone sounds.
        duty.show(store, clinic, patient, changed, person, at, edit=False)
    return changed


def note(store: Store, clinic: Clinic, alert_id: int, outcome: Outcome, by: str, at: datetime) -> AlertRow:
    """Note what came of it; a later note takes its place, the audit keeps both. Who notes has it, if nobody had."""
    alert = _open(store, alert_id)
    taken = _taken(by, at) if alert.taken_by is None else {}
    if taken:
        _present(store, alert_id, by)
    return _saved(store, clinic, alert, "alert_noted", by, at, outcome=outcome, noted_at=at, **taken)


def close(store: Store, clinic: Clinic, alert_id: int, by: str, at: datetime) -> AlertRow:
    """Close an alert: the patient is not asked about it any more. RefusedError without an outcome."""
    alert = _open(store, alert_id)
    if alert.outcome is None:
        raise RefusedError(f"alert {alert_id} has no outcome yet: note what came of it first")
    closed = {"state": AlertState.CLOSED, "next_step_at": None, "closed_by": by, "closed_at": at}
    return _saved(store, clinic, alert, "alert_closed", by, at, **closed)


def reopen(store: Store, clinic: Clinic, alert_id: int, by: str, at: datetime) -> AlertRow:
    """Open a closed alert again, for whoever takes it up, with the team's clocks from now on.

    The patient has been asked and is not asked again.
    """
    alert = _locked(store, alert_id)
    if alert.closed_at is None:
        raise RefusedError(f"alert {alert_id} is open: nothing to reopen")
    state = AlertState.CONFIRMED if alert.last_reply in _REACHED else AlertState.UNCONFIRMED
    opened = {"state": state, "closed_by": None, "closed_at": None, "taken_by": None, "taken_at": None}
    clocks = {"clock_from": at, "stages": 0, "told": (), "staff_step_at": at}
    return _saved(store, clinic, alert, "alert_reopened", by, at, **opened, **clocks)


def _present(store: Store, alert_id: int, name: str) -> Staff | None:
    """Return who is about to have an alert, locked: who is removed meanwhile would keep it. None: nobody's name."""
    person = store.staff_by_name(name, lock=True)
    if person is not None and person.state == "gone":
        raise RefusedError(f"{name} was removed from the team: hand alert {alert_id} over to someone else")
    return person


def _taken(by: str, at: datetime) -> dict[str, object]:
    """Who has it, and no more clocks for the others."""
    return {"taken_by": by, "taken_at": at, "staff_step_at": None}


def _open(store: Store, alert_id: int) -> AlertRow:
    alert = _locked(store, alert_id)
    if alert.closed_at is not None:
        raise RefusedError(f"alert {alert_id} was closed by {alert.closed_by}: reopen it first")
    return alert


def _locked(store: Store, alert_id: int) -> AlertRow:
    """Return the alert behind its patient's lock: two of the team may tap at once."""
    found = store.alert(alert_id)
    patient = store.patient(found.patient_id, lock=True) if found is not None else None
    alert = store.alert(alert_id) if patient is not None else None
    if alert is None:
        raise RefusedError(f"there is no alert {alert_id}: see `nervecheck alert list`")
    return alert


def _saved(
    store: Store, clinic: Clinic, alert: AlertRow, action: str, by: str, at: datetime, **changes: object
) -> AlertRow:
    changed = alert.model_copy(update={**changes, "work_revision": alert.work_revision + 1})
    changed = store.save_alert(changed)
    patient = store.patient(alert.patient_id)
    detail = {"alert": alert.id, "tier": alert.tier.name, "outcome": changed.outcome, "has": changed.taken_by}
    store.audit(Audit(at=at, actor=by, action=action, subject=patient.code if patient else "", detail=detail))
    # Those who were told before a reopening see it too, though they will be told anew.
    shown = changed.model_copy(update={"told": alert.told})
    duty.refresh(store, clinic, shown, at, but=changed.taken_by if action == "alert_assigned" else None)
    return changed
