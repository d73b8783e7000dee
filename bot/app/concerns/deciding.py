"""Who may decide about a patient's levels, and the record of what they decided. Changes no level itself."""

from datetime import datetime
from typing import Any

from bot.app.ports.errors import RefusedError
from bot.app.records.levels import DecisionKind, LevelDecision
from bot.app.records.patients import Patient
from bot.app.records.team import Staff
from bot.app.work import Work
from bot.core.concern_values import ConcernState

MAX_TEXT = 200
"""The longest reason, and the longest name of a clinician, in characters."""
CARE = frozenset({"coordinator", "lead"})


def check_may_decide(work: Work, *, registered: bool = False) -> None:
    """Raise RefusedError if the actor is an operator or has left; with `registered`, unless they are of the team."""
    person = work.staff.by_name(work.actor)
    if person is None and not registered:
        return
    if person is None or person.role not in CARE or person.state == "gone":
        raise RefusedError(f"{work.actor} is no coordinator or lead of the team: only they decide about levels")


def others_of_team(work: Work) -> tuple[Staff, ...]:
    """Return the other coordinators and leads, who can be the second person of a decision."""
    return tuple(p for p in work.staff.all() if p.role in CARE and p.state == "active" and p.name != work.actor)


def check_shown(work: Work, patient: Patient, symptom: str, shown_at: datetime | None) -> None:
    """Raise RefusedError if the symptom opened, rose or re-opened after the page was made that the decision is from."""
    row = work.concerns.of_patient(patient.id)
    if row is None or shown_at is None:
        return
    concern = row.value.concern(symptom)
    is_open = concern.state is ConcernState.OPEN and concern.opened_at is not None
    if is_open and (shown_at > work.at or (concern.opened_at or work.at) > shown_at):
        raise RefusedError(f"{patient.code} reported it again since this page was made: read the page again first")


def text_problems(reason: str, decided_by: str | None = None) -> list[str]:
    """Return what is wrong with a reason and the name of a clinician."""
    found = [] if reason.strip() else ["a reason is missing"]
    found += [f"the reason is longer than {MAX_TEXT} characters"] if len(reason) > MAX_TEXT else []
    if decided_by is not None and not 1 <= len(decided_by.strip()) <= MAX_TEXT:
        found.append("the name of the clinician who decided is missing or too long")
    return found


def record_decision(work: Work, patient: Patient, kind: DecisionKind, symptom: str, **more: Any) -> LevelDecision:
    """Store a decision of the actor and return it."""
    row = LevelDecision(patient_id=patient.id, kind=kind, symptom=symptom, made_by=work.actor, made_at=work.at)
    return work.levels.add(row.model_copy(update=more))
