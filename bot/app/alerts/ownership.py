"""Acts of staff on an alert: acknowledge, hand over, note an outcome, close, reopen. Asks the patient nothing.

`core/alert.py` decides which act is allowed in which state. Each act stops or starts the escalation clocks, is shown
in the chats of everyone notified, and is audited.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import get_args

from bot.app.alerts.followers import show_changed, show_closed, show_seen
from bot.app.alerts.naming import open_alert
from bot.app.alerts.writer import act_on, team_side
from bot.app.concerns.conversion import named_by
from bot.app.concerns.level_tasks import close_level_tasks
from bot.app.concerns.memory import recall, remember
from bot.app.patients.out_of_care import end_care
from bot.app.ports.errors import NeedsContactError, RefusedError
from bot.app.records.alerts import ATTEMPT, NO_ACTION, AlertOutcome, AlertRow, NoActionReason
from bot.app.records.patients import Patient
from bot.app.records.team import Staff
from bot.app.work import Stores, Work
from bot.core.alert import Acknowledge, Close, HandOver, Note, Refusal, Refused, Reopen, TeamAct, TeamState
from bot.core.happenings import AlertClosed, Outcome, OutcomeKind
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


def note(
    work: Work,
    alert_id: int,
    outcome: AlertOutcome,
    *,
    shown_at: datetime | None = None,
    reason: NoActionReason | None = None,
) -> AlertRow:
    """Note an outcome, which replaces an earlier one; the audit keeps both, and the reason why no action was taken.

    If the alert has no owner, the actor becomes the owner. `shown_at`: when the page or message was made on which the
    outcome was chosen; what opened or rose later stays OPEN. None: when the alert last named something. An attempt to
    call that nobody answered does not replace the outcome of an alert that names nothing OPEN, and an outcome of a page
    is not the alert's if something opened since.

    Raise RefusedError for "no action" on what needs contact or without a reason, for a reason of any other outcome, and
    for "out of care" if something opened since, or by an operator.
    """
    alert = _locked(work, alert_id)
    patient = work.patients.get(alert.patient_id)
    shown = _shown(work, alert, shown_at)
    effect = _effect(work, alert, outcome, shown)
    if patient is not None and effect is not None and not can_note(recall(work, patient).value, effect):
        raise NeedsContactError(
            f"alert {alert.id} is {alert.tier.name}: it needs contact with the patient, so it can't have no action"
        )
    if (outcome == NO_ACTION) != (reason is not None):
        raise RefusedError(
            _NEEDS_REASON if reason is None else f"a reason belongs to {NO_ACTION!r}, not to {outcome!r}"
        )
    if outcome == "out_of_care" and patient is not None:
        _check_out_of_care(work, patient, shown)
    if team_side(alert).state is TeamState.OPEN:
        _present(work, alert_id, work.actor)
    why = {"reason": reason} if reason is not None else {}
    if patient is not None and outcome == ATTEMPT and _is_done(work, patient, alert):
        _record(work, alert, "alert_noted", outcome=outcome, owner=alert.owner)
        return alert
    is_older = patient is not None and alert.closed_at is None and _names_newer(work, patient, alert, shown)
    if is_older and (alert.owner is None or outcome != ATTEMPT):
        # It counts for what the page showed; what opened since needs an outcome, and an owner if there is none.
        _record(work, alert, "alert_noted", outcome=outcome, owner=alert.owner, **why)
        if patient is not None and effect is not None:
            remember(work, patient, (effect,), checkin_id=alert.checkin_id)
            close_level_tasks(work, patient)
        show_changed(work, alert)
        return alert
    noted = _act(work, alert, Note(outcome=outcome, by=work.actor), "alert_noted", **why)
    if patient is not None and effect is not None:
        remember(work, patient, (effect,), checkin_id=alert.checkin_id)
        close_level_tasks(work, patient)
    if patient is not None and outcome == "out_of_care":
        end_care(work, patient)
    return work.alerts.get(alert_id) or noted


def finish(
    work: Work,
    alert_id: int,
    outcome: AlertOutcome,
    *,
    shown_at: datetime | None = None,
    reason: NoActionReason | None = None,
) -> AlertRow:
    """Note an outcome and close the alert, unless it names something that is still OPEN, or the patient wasn't reached.

    Raise RefusedError as `note` does.
    """
    noted = note(work, alert_id, outcome, shown_at=shown_at, reason=reason)
    patient = work.patients.get(noted.patient_id)
    is_open = patient is not None and _names_open(work, patient, noted)
    is_noted = noted.outcome == outcome and outcome != ATTEMPT
    return close(work, alert_id) if is_noted and not is_open else noted


def close(work: Work, alert_id: int) -> AlertRow:
    """Close an alert, so that the patient is no longer asked about it.

    Raise RefusedError if it has no outcome, if that is a failed attempt to call, or if nobody is known to have spoken
    with the patient about it.
    """
    alert = _locked(work, alert_id)
    patient = work.patients.get(alert.patient_id)
    if patient is not None and alert.outcome is not None and _names_open(work, patient, alert):
        raise NeedsContactError(
            f"alert {alert.id} can't be closed: nobody is known to have spoken with the patient about it; "
            "note an outcome with contact first"
        )
    if alert.outcome == ATTEMPT and alert.closed_at is None:
        raise NeedsContactError(
            f"alert {alert.id} can't be closed: the patient could not be reached; note how it ended first"
        )
    closed = _act(work, alert, Close(by=work.actor), "alert_closed")
    if patient is not None:
        remember(work, patient, (AlertClosed(),), checkin_id=alert.checkin_id)
    return closed


def reopen(work: Work, alert_id: int) -> AlertRow:
    """Reopen a closed alert for anyone to acknowledge; the escalation clocks start now.

    The patient is not asked again. Raise RefusedError if the alert is not closed, or the patient has another open one.
    """
    alert = _locked(work, alert_id)
    patient = work.patients.get(alert.patient_id)
    other = open_alert(work, patient) if patient is not None and alert.closed_at is not None else None
    if other is not None:
        raise RefusedError(f"alert {other.id} of the same patient is open, so alert {alert_id} can't be reopened")
    return _act(work, alert, Reopen(), "alert_reopened")


_EFFECTS: Mapping[AlertOutcome, OutcomeKind] = {
    "spoke_to_patient": "contact",
    "seen": "contact",
    "sent_to_ed": "contact",
    "no_action": "no_action",
    "false_alarm": "false_alarm",
    "out_of_care": "out_of_care",
}
"""What an outcome means for the concerns of an alert; any other leaves them as they are."""
_NEEDS_REASON = (
    f"{NO_ACTION!r} needs a reason, one of {', '.join(get_args(NoActionReason))}: it is expected, the team has a plan "
    "for it, or the patient has a visit soon"
)


def _effect(work: Work, alert: AlertRow, outcome: AlertOutcome, shown_at: datetime) -> Outcome | None:
    kind = _EFFECTS.get(outcome)
    if kind is None:
        return None
    symptoms = named_by(work, alert)
    patient = work.patients.get(alert.patient_id)
    if kind == "out_of_care" and patient is not None:
        # It ends everything that is remembered, whichever alert names it; what opened since was refused before.
        symptoms, shown_at = tuple({*symptoms, *recall(work, patient).value.concerns}), work.at
    return Outcome(kind=kind, symptoms=symptoms, shown_at=shown_at)


def _shown(work: Work, alert: AlertRow, shown_at: datetime | None) -> datetime:
    """Return since when what opened is news to the member who chose an outcome.

    A time that can't be, because it is ahead, is as good as none: then only what the alert was raised with counts. No
    page with the alert is older than that.
    """
    if shown_at is None:
        return alert.named_at or alert.raised_at
    return alert.raised_at if shown_at > work.at else max(shown_at, alert.raised_at)


def _is_done(work: Work, patient: Patient, alert: AlertRow) -> bool:
    """Return whether the alert has an outcome and names nothing that is OPEN."""
    return alert.outcome not in {None, ATTEMPT} and not _names_open(work, patient, alert)


def _check_out_of_care(work: Work, patient: Patient, shown_at: datetime) -> None:
    person = work.staff.by_name(work.actor)
    if person is not None and person.role == "operator":
        raise RefusedError("only a coordinator or lead records that a patient left care")
    if any(concern.opened_after(shown_at) for concern in recall(work, patient).value.open):
        raise RefusedError(
            f"{patient.code} reported something since this page was made, so nothing was recorded: open it again"
        )


def _names_open(work: Work, patient: Patient, alert: AlertRow) -> bool:
    """Return whether something that the alert names is OPEN."""
    named = set(named_by(work, alert))
    return any(concern.symptom in named for concern in recall(work, patient).value.open)


def _names_newer(work: Work, patient: Patient, alert: AlertRow, shown_at: datetime) -> bool:
    """Return whether the alert names something that opened after that time and that staff have not dealt with."""
    memory = recall(work, patient).value
    found = [memory.concern(symptom) for symptom in named_by(work, alert)]
    return any(concern.awaits_staff and concern.opened_after(shown_at) for concern in found)


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


def _act(work: Work, alert: AlertRow, act: TeamAct, action: str, **more: str | None) -> AlertRow:
    """Carry out one act, audit it and show it. Raise RefusedError, having changed nothing, if it is refused."""
    changed = act_on(work.alerts, alert, act, work.at)
    if isinstance(changed, Refused):
        raise RefusedError(_why(alert, changed))
    if changed == alert:
        return alert
    _record(work, alert, action, outcome=changed.outcome, owner=changed.owner, **more)
    # Any other outcome says that the alert was dealt with, so that "call now" would come too late.
    has_seen = isinstance(act, Acknowledge) or (isinstance(act, Note) and act.outcome == ATTEMPT)
    if has_seen and team_side(alert).state is TeamState.OPEN:
        _show_seen(work, changed)
    if changed.closed_at is not None and alert.closed_at is None:
        show_closed(work, changed)
    # Reopening clears `notified`, but the messages of these members must still be updated.
    shown = changed.model_copy(update={"notified": alert.notified})
    show_changed(work, shown, except_name=changed.owner if action == "alert_handed_over" else None)
    return changed


def _show_seen(work: Work, alert: AlertRow) -> None:
    patient = work.patients.get(alert.patient_id)
    if patient is not None:
        show_seen(work, patient, alert, is_seen=True)


def _record(work: Work, alert: AlertRow, action: str, **more: str | None) -> None:
    patient = work.patients.get(alert.patient_id)
    code = patient.code if patient else ""
    work.record(action, code, alert=alert.id, tier=alert.tier.name, **more)


def _why(alert: AlertRow, refused: Refused) -> str:
    if refused.reason is Refusal.OWNED_BY_ANOTHER:
        since = f" at {alert.acknowledged_at:%H:%M} UTC" if alert.acknowledged_at is not None else ""
        return f"alert {alert.id} was acknowledged by {alert.owner}{since}: to change its owner, hand it over"
    if refused.reason is Refusal.NO_OUTCOME:
        return f"alert {alert.id} has no outcome yet: note an outcome first"
    if refused.state is TeamState.CLOSED:
        return f"alert {alert.id} was closed by {alert.closed_by}: reopen it first"
    return f"alert {alert.id} is open, so it can't be reopened"
