"""EMERGENCY signs that are usual for a patient (a leaking bladder since surgery, a wheelchair): agreed by two people.

A coordinator or lead records it with the name of the clinician who decided. Where the team has another coordinator or
lead, one of them has to accept it before it holds. "Yes, worse than usual" on the safety screen stays an EMERGENCY.
"""

from datetime import datetime, timedelta

from bot.app.concerns import symptom_levels
from bot.app.concerns.agreeing import accept_level
from bot.app.concerns.deciding import check_may_decide, check_shown, others_of_team, record_decision, text_problems
from bot.app.concerns.level_tasks import ASK, SECOND, close_level_tasks, open_second_person_task
from bot.app.patients.lookup import locked
from bot.app.ports.errors import RefusedError
from bot.app.records.levels import LevelDecision
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.protocol import Tier

MAX_DAYS = 91
"""The longest agreement on a usual EMERGENCY sign."""
PROPOSED_FOR = timedelta(days=14)
"""A proposal that nobody accepted for so long has to be made again."""


def agree_usual_sign(
    work: Work,
    code: str,
    symptom: str,
    level: str,
    days: int,
    *,
    reason: str,
    decided_by: str,
    shown_at: datetime | None = None,
) -> LevelDecision:
    """Record that an EMERGENCY sign is usual for a patient; return the decision: "proposed" if another must accept.

    Raise RefusedError with every problem of the request, and if the actor is no coordinator or lead of the team.
    """
    patient = locked(work.patients, code)
    check_may_decide(work, registered=True)
    problems = _problems(work, symptom, level, days) + text_problems(reason, decided_by)
    if problems:
        raise RefusedError("; ".join(problems))
    check_shown(work, patient, symptom, shown_at)
    for old in proposals(work, patient):
        if old.symptom == symptom:
            work.levels.save(old.model_copy(update={"closed_by": work.actor, "closed_at": work.at}))
    words = {"level": level, "days": days, "reason": reason.strip(), "decided_by": decided_by.strip()}
    if others_of_team(work):
        work.record("usual_sign_proposed", patient.code, days=days)
        open_second_person_task(work, patient)
        return record_decision(work, patient, "proposed", symptom, **words)
    close_level_tasks(work, patient, ASK)
    agreed = accept_level(work, patient, symptom, level, days)
    return record_decision(work, patient, "agreed", symptom, until=agreed.until, **words)


def accept_usual_sign(work: Work, code: str, symptom: str, *, shown_at: datetime | None = None) -> LevelDecision:
    """Accept what another member proposed, as the second person, and return the decision; its days count from now.

    Raise RefusedError if nothing is proposed, for the member who proposed it, and if the symptom opened since.
    """
    patient = locked(work.patients, code)
    check_may_decide(work, registered=True)
    found = _proposal(work, patient, symptom)
    if found.made_by == work.actor:
        raise RefusedError("a second person has to accept it: another coordinator or lead of the team")
    check_shown(work, patient, symptom, shown_at)
    closed = work.levels.save(found.model_copy(update={"closed_by": work.actor, "closed_at": work.at}))
    agreed = accept_level(work, patient, symptom, closed.level or "", closed.days or 1)
    fields = ("level", "days", "reason", "decided_by", "made_by", "closed_by", "closed_at")
    _close_second_person_task(work, patient)
    close_level_tasks(work, patient, ASK)
    same = {name: getattr(closed, name) for name in fields}
    return record_decision(work, patient, "agreed", symptom, until=agreed.until, **same)


def decline_usual_sign(work: Work, code: str, symptom: str) -> LevelDecision:
    """Decline, or take back, what was proposed, and return it. Raise RefusedError if nothing is."""
    patient = locked(work.patients, code)
    check_may_decide(work, registered=True)
    found = _proposal(work, patient, symptom)
    work.record("usual_sign_declined", patient.code)
    declined = work.levels.save(found.model_copy(update={"closed_by": work.actor, "closed_at": work.at}))
    _close_second_person_task(work, patient)
    return declined


def proposals(work: Work, patient: Patient) -> list[LevelDecision]:
    """Return what waits for a second person, oldest first."""
    return [
        row
        for row in work.levels.of_patient(patient.id)
        if row.kind == "proposed" and row.closed_at is None and work.at - row.made_at < PROPOSED_FOR
    ]


def usual_signs(work: Work) -> dict[str, tuple[str, ...]]:
    """Return the symptoms, with their levels, that are an EMERGENCY and can be agreed as usual."""
    found: dict[str, tuple[str, ...]] = {}
    for symptom, words in symptom_levels.acceptable(work.clinic).items():
        levels = [(word, symptom_levels.level_of(work.clinic, symptom, word)) for word in words]
        urgent = tuple(word for word, level in levels if level is not None and level.tier is Tier.EMERGENCY)
        found |= {symptom: urgent} if urgent else {}
    return found


def _close_second_person_task(work: Work, patient: Patient) -> None:
    if not proposals(work, patient):
        close_level_tasks(work, patient, SECOND)


def _proposal(work: Work, patient: Patient, symptom: str) -> LevelDecision:
    found = next((row for row in proposals(work, patient) if row.symptom == symptom), None)
    if found is None:
        raise RefusedError(f"{patient.code}: nothing about {symptom!r} waits for a second person")
    return found


def _problems(work: Work, symptom: str, level: str, days: int) -> list[str]:
    signs = usual_signs(work)
    if symptom not in signs:
        return [f"{symptom!r} is no EMERGENCY sign: the protocol has {', '.join(signs)}"]
    found = (
        []
        if level in signs[symptom]
        else [f"level {level!r}: {symptom} is an EMERGENCY at {', '.join(signs[symptom])}"]
    )
    found += [] if 1 <= days <= MAX_DAYS else [f"{days} days: choose between 1 and {MAX_DAYS}"]
    return found
