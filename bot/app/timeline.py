"""One patient's story on one line of time: check-ins, answers, alerts, calls, what staff changed. Changes nothing."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from bot.app.ports import Clinic
from bot.app.store import AlertRow, Audit, CheckInRow, Patient, Store
from bot.core.protocol import Tier
from bot.core.screen import Frozen

MOST = 60
"""Check-ins, and lines of the audit, that are looked at: two months of daily ones."""
_TOLD = frozenset(
    {"plan_changed", "patient_paused", "patient_resumed", "checkin_sent_now", "symptom_expected", "patient_withdrawn"}
)


class Event(Frozen):
    """One thing that happened. `what`: a key of words; `tier` where it has one; `facts` in the order they are read."""

    at: datetime
    kind: Literal["checkin", "alert", "call", "staff"]
    what: str
    tier: str | None = None
    facts: tuple[str, ...] = ()
    by: str | None = None


def timeline(store: Store, clinic: Clinic, patient: Patient) -> list[Event]:
    """Return what happened, newest first. Answers are in it: it is for those who may see them."""
    events = [
        *_checkins(store, clinic, patient),
        *_alerts(store, patient),
        *(_changed(line) for line in store.audit_lines(patient.code, limit=2 * MOST) if line.action in _TOLD),
    ]
    # What an answer led to stands above it, though it was at the same moment.
    return sorted(events, key=lambda event: (event.at, event.kind != "checkin"), reverse=True)


def _checkins(store: Store, clinic: Clinic, patient: Patient) -> Iterator[Event]:
    tiers = {row.checkin_id: row.tier for row in reversed(store.assessments(patient.id, limit=2 * MOST))}
    for row in store.checkins(patient.id, limit=MOST):
        found = tiers.get(row.id)
        yield Event(
            at=row.opened_at,
            kind="checkin",
            what=f"checkin.{row.value.state}",
            tier=Tier(found).name if found is not None else None,
            facts=tuple(_answers(clinic, row)),
        )


def _answers(clinic: Clinic, row: CheckInRow) -> Iterator[str]:
    """ "numbness: mild"; what says that nothing is wrong is left out."""
    for question_id, choices in row.value.answers.items():
        question = clinic.protocol.questions.get(question_id)
        calm = {"none", "no", "not_at_all", "yes_known"} if question is not None else set()
        told = [choice for choice in choices if choice not in calm]
        if told:
            yield f"{question_id}: {', '.join(told)}"


def _alerts(store: Store, patient: Patient) -> Iterator[Event]:
    for alert in store.alerts(patient.id, limit=MOST):
        tier = alert.tier.name
        yield Event(at=alert.raised_at, kind="alert", what="alert.raised", tier=tier, facts=alert.rules)
        yield from _of_alert(alert, tier)


def _of_alert(alert: AlertRow, tier: str) -> Iterator[Event]:
    if alert.replied_at is not None and alert.last_reply is not None:
        yield Event(at=alert.replied_at, kind="call", what=f"call.{alert.last_reply}", tier=tier)
    if alert.mistake_at is not None:
        yield Event(at=alert.mistake_at, kind="call", what="call.mistake", tier=tier)
    if alert.taken_at is not None:
        yield Event(at=alert.taken_at, kind="staff", what="alert.taken", tier=tier, by=alert.taken_by)
    if alert.noted_at is not None and alert.outcome is not None:
        yield Event(at=alert.noted_at, kind="staff", what=f"outcome.{alert.outcome}", tier=tier, by=alert.taken_by)
    if alert.closed_at is not None:
        yield Event(at=alert.closed_at, kind="staff", what="alert.closed", tier=tier, by=alert.closed_by)


def _changed(line: Audit) -> Event:
    facts = tuple(f"{name}: {value}" for name, value in line.detail.items() if value is not None)
    return Event(at=line.at, kind="staff", what=f"staff.{line.action}", facts=facts, by=line.actor)
