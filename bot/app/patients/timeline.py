"""One patient's timeline: check-ins, answers, alerts, calls, acts of staff. Changes nothing."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal

from pydantic import Field

from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import CheckInRow
from bot.app.records.operations import Audit
from bot.app.records.patients import Patient
from bot.app.work import Stores, Work
from bot.core.frozen import Frozen
from bot.core.protocol import Tier
from bot.core.safety_follow_up import Reply

MAX_CHECKINS = 60
"""Check-ins and alerts at most: two months of daily check-ins."""
MAX_AUDIT_LINES = 500
"""Newest lines of the audit that are searched for replies and acts of staff."""
_SHOWN_ACTIONS = frozenset(
    {
        *("plan_changed", "patient_paused", "patient_resumed", "checkin_sent_now", "baseline_sent"),
        *("patient_withdrawn", "patient_out_of_care", "level_agreed", "agreed_level_ended"),
        *("reference_set", "reference_confirmed", "reference_rejected", "usual_sign_proposed", "usual_sign_declined"),
        *("close_watch_set", "close_watch_ended"),
    }
)
_REPLIES = {f"patient_{word}": f"call.{word}" for word in (*Reply, "mistake", "is_urgent", "can_wait", "remind")}
"""Actions of the audit that are replies to a call screen, with the keys of their texts."""


class TimelineEvent(Frozen):
    """One event. `what`: a key of the catalog; `tier` if it has one; `facts` in the order they are shown.

    `facts`: the rules of an alert, or the details of an act of staff. `answers`: question to choices. `alert_id`: the
    alert that a reply of the patient is about.
    """

    at: datetime
    kind: Literal["checkin", "alert", "call", "staff"]
    what: str
    tier: str | None = None
    facts: tuple[str, ...] = ()
    answers: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    by: str | None = None
    alert_id: int | None = None


def timeline(work: Work, patient: Patient) -> list[TimelineEvent]:
    """Return the events, newest first. They contain answers, so only staff who may see answers get them."""
    lines = work.audit.lines(patient.code, limit=MAX_AUDIT_LINES)
    replies = [_replied(line) for line in lines if line.action in _REPLIES]
    noted = [_noted(line) for line in lines if line.action == "alert_noted" and line.detail.get("outcome")]
    seen = {(event.at, event.what) for event in noted}
    events = [
        *_checkins(work, patient),
        *(_joined(line) for line in lines if line.action == "alert_joined"),
        *(event for event in _alerts(work, patient) if (event.at, event.what) not in seen),
        *noted,
        *replies,
        *(event for event in _last_replies(work, patient) if event not in replies),
        *(_changed(line) for line in lines if line.action in _SHOWN_ACTIONS),
    ]
    # An alert is shown above the check-in that raised it, though both have the same time.
    return sorted(events, key=lambda event: (event.at, event.kind != "checkin"), reverse=True)


def _checkins(work: Work, patient: Patient) -> Iterator[TimelineEvent]:
    tiers = {
        row.checkin_id: row.tier for row in reversed(work.assessments.of_patient(patient.id, limit=2 * MAX_CHECKINS))
    }
    for row in work.checkins.of_patient(patient.id, limit=MAX_CHECKINS):
        found = tiers.get(row.id)
        yield TimelineEvent(
            at=row.opened_at,
            kind="checkin",
            what=f"checkin.{row.value.state}",
            tier=Tier(found).name if found is not None else None,
            answers=dict(_answers(work.clinic, row)),
        )


def _answers(clinic: Clinic, row: CheckInRow) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the answers, as a question and its choices; leave out those that report nothing."""
    for question_id, choices in row.value.answers.items():
        question = clinic.protocol.questions.get(question_id)
        unremarkable = {"none", "no", "not_at_all", "yes_known"} if question is not None else set()
        reported = tuple(choice for choice in choices if choice not in unremarkable)
        if reported:
            yield question_id, reported


def _alerts(stores: Stores, patient: Patient) -> Iterator[TimelineEvent]:
    for alert in stores.alerts.of_patient(patient.id, limit=MAX_CHECKINS):
        tier = alert.tier.name
        yield TimelineEvent(at=alert.raised_at, kind="alert", what="alert.raised", tier=tier, facts=alert.rules)
        yield from _of_alert(alert, tier)


def _of_alert(alert: AlertRow, tier: str) -> Iterator[TimelineEvent]:
    if alert.acknowledged_at is not None:
        yield TimelineEvent(
            at=alert.acknowledged_at, kind="staff", what="alert.acknowledged", tier=tier, by=alert.owner
        )
    if alert.noted_at is not None and alert.outcome is not None:
        yield TimelineEvent(at=alert.noted_at, kind="staff", what=f"outcome.{alert.outcome}", tier=tier, by=alert.owner)
    if alert.closed_at is not None:
        yield TimelineEvent(at=alert.closed_at, kind="staff", what="alert.closed", tier=tier, by=alert.closed_by)


def _joined(line: Audit) -> TimelineEvent:
    """Return a finding that joined an alert that was open already; `tier`: its own."""
    return TimelineEvent(at=line.at, kind="alert", what="alert.joined", tier=str(line.detail["tier"]))


def _replied(line: Audit) -> TimelineEvent:
    """Return a reply to a call screen; the alert itself keeps only the last one."""
    alert_id, tier = line.detail.get("alert"), line.detail.get("tier")
    return TimelineEvent(
        at=line.at,
        kind="call",
        what=_REPLIES[line.action],
        tier=str(tier) if tier is not None else None,
        alert_id=int(alert_id) if alert_id is not None else None,
    )


def _noted(line: Audit) -> TimelineEvent:
    """Return an outcome that was noted; the alert itself keeps only the last one."""
    tier = line.detail.get("tier")
    return TimelineEvent(
        at=line.at,
        kind="staff",
        what=f"outcome.{line.detail['outcome']}",
        facts=(f"reason: {line.detail['reason']}",) if line.detail.get("reason") else (),
        tier=str(tier) if tier is not None else None,
        by=line.actor,
    )


def _last_replies(stores: Stores, patient: Patient) -> Iterator[TimelineEvent]:
    """Yield what each alert keeps of its replies, for those whose line of the audit is not among the newest."""
    for alert in stores.alerts.of_patient(patient.id, limit=MAX_CHECKINS):
        kept = ((alert.replied_at, alert.last_reply), (alert.mistake_at, "mistake"))
        for at, word in kept:
            if at is not None and word is not None:
                yield TimelineEvent(at=at, kind="call", what=f"call.{word}", tier=alert.tier.name, alert_id=alert.id)


def _changed(line: Audit) -> TimelineEvent:
    facts = tuple(f"{name}: {value}" for name, value in line.detail.items() if value is not None)
    return TimelineEvent(at=line.at, kind="staff", what=f"staff.{line.action}", facts=facts, by=line.actor)
