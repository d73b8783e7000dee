"""Reference levels by staff: set, confirm or reject them. What follows for the concern is decided by memory."""

from datetime import datetime

from bot.app.concerns import symptom_levels
from bot.app.concerns.agreeing import end_rows
from bot.app.concerns.deciding import check_may_decide, check_shown, record_decision, text_problems
from bot.app.concerns.level_tasks import close_level_tasks
from bot.app.concerns.memory import remember
from bot.app.patients.lookup import locked
from bot.app.ports.errors import RefusedError
from bot.app.records.levels import DecisionKind, LevelDecision
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.accepted import Accepted
from bot.core.concern_values import NONE, Level
from bot.core.happenings import RejectReference, SetReference
from bot.core.protocol import Tier

NOTHING = "none"
"""The level of a symptom that is not usual any more."""


def set_reference(
    work: Work, code: str, symptom: str, level: str, *, reason: str, shown_at: datetime | None = None
) -> LevelDecision:
    """Set the reference level of a symptom ("none": nothing is usual) and return the decision; it ends an agreed level.

    Raise RefusedError with every problem of the request, and if the symptom opened after the page was made.
    """
    patient = locked(work.patients, code)
    check_may_decide(work)
    known = symptom_levels.acceptable(work.clinic)
    if symptom not in known:
        raise RefusedError(f"{symptom!r} has no reference level: the protocol has {', '.join(known)}")
    found = NONE if level == NOTHING else symptom_levels.level_of(work.clinic, symptom, level)
    problems = text_problems(reason)
    if found is None:
        problems.append(f"level {level!r}: {symptom} has {NOTHING}, {', '.join(known[symptom])}")
    elif found.tier is Tier.EMERGENCY:
        problems.append(
            f"{symptom} at {level} is an EMERGENCY, never a reference level: record it as usual, with an end date"
        )
    if problems or found is None:
        raise RefusedError("; ".join(problems))
    check_shown(work, patient, symptom, shown_at)
    work.record("reference_set", patient.code)
    return _accept(work, patient, "reference", symptom, found, reason.strip())


def confirm_reference(work: Work, code: str, symptom: str, *, shown_at: datetime | None = None) -> LevelDecision:
    """Confirm the level that the patient or a helper named at the first baseline, and return the decision.

    Raise RefusedError if none waits to be confirmed, or if the symptom opened after the page was made.
    """
    patient = locked(work.patients, code)
    check_may_decide(work)
    level = waiting_level(_usual(work, patient, symptom))
    if level is None:
        raise RefusedError(f"{code}: no level of {symptom!r} waits to be confirmed")
    if level.tier is Tier.EMERGENCY:
        raise RefusedError(f"{symptom} is an EMERGENCY: record it as usual, with an end date")
    check_shown(work, patient, symptom, shown_at)
    work.record("reference_confirmed", patient.code)
    return _accept(work, patient, "confirmed", symptom, level, "")


def reject_reference(
    work: Work, code: str, symptom: str, *, reason: str = "", shown_at: datetime | None = None
) -> LevelDecision:
    """Reject a reference level: the next answer counts at its own tier. Return the decision.

    Raise RefusedError if nothing is accepted for the symptom, or if it opened after the page was made.
    """
    patient = locked(work.patients, code)
    check_may_decide(work)
    accepted = _usual(work, patient, symptom)
    if accepted.reference == NONE and not accepted.has_lapsed:
        raise RefusedError(f"{code}: {symptom!r} has no reference level, so nothing was rejected")
    check_shown(work, patient, symptom, shown_at)
    level = symptom_levels.word_of(work.clinic, symptom, max(accepted.reference, accepted.agreed or NONE))
    if accepted.has_lapsed:
        end_rows(work, patient, symptom)
    remember(work, patient, (RejectReference(symptom=symptom),))
    close_level_tasks(work, patient)
    work.record("reference_rejected", patient.code)
    return record_decision(work, patient, "rejected", symptom, level=level, reason=reason.strip())


def _usual(work: Work, patient: Patient, symptom: str) -> Accepted:
    """Return what is accepted for a symptom by now: an agreement may have ended that nobody has looked at since."""
    return remember(work, patient, ()).memory.usual(symptom)


def waiting_level(accepted: Accepted) -> Level | None:
    """Return the level that staff have to decide about: the patient named it, or its agreement has ended."""
    if accepted.confirm_until is not None:
        return max(accepted.reference, accepted.agreed or NONE)
    return accepted.agreed if accepted.has_lapsed else None


def _accept(work: Work, patient: Patient, kind: DecisionKind, symptom: str, level: Level, reason: str) -> LevelDecision:
    end_rows(work, patient, symptom)
    remember(work, patient, (SetReference(symptom=symptom, level=level),))
    close_level_tasks(work, patient)
    word = symptom_levels.word_of(work.clinic, symptom, level) or NOTHING
    return record_decision(work, patient, kind, symptom, level=word, reason=reason)
