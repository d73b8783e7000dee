"""The levels at which a symptom can be accepted, by the ids of the protocol. Stores nothing, and accepts none."""

from bot.app.ports.clinic import Clinic
from bot.core.concern_values import NONE, WORSE_STEP, Level
from bot.core.protocol import Question, Symptom, Tier

THERE = "there"
"""The level of a sign that is there; it has no scale."""
WORSE = "worse"


def acceptable(clinic: Clinic) -> dict[str, tuple[str, ...]]:
    """Return the levels at which each symptom can be accepted, lowest first: those that need a human otherwise."""
    return {symptom.id: found for symptom in clinic.protocol.symptoms.values() if (found := _levels(clinic, symptom))}


def level_of(clinic: Clinic, symptom_id: str, word: str) -> Level | None:
    """Return the level with that id; None if the symptom has none with it."""
    symptom = clinic.protocol.symptoms.get(symptom_id)
    if symptom is None or word not in _levels(clinic, symptom):
        return None
    if symptom.is_sign:
        return Level(max(symptom.levels.values()), 1)
    question = _question(clinic, symptom)
    step = question.step_of(word) if question is not None else None
    return Level(symptom.levels.get(word, Tier.ROUTINE), step) if step is not None else None


def word_of(clinic: Clinic, symptom_id: str, level: Level) -> str | None:
    """Return the id of a level; None for "not there" and for one that the protocol no longer has."""
    symptom = clinic.protocol.symptoms.get(symptom_id)
    if level == NONE or not level.step or symptom is None:
        return None
    if symptom.is_sign:
        return WORSE if level.step >= WORSE_STEP else THERE
    question = _question(clinic, symptom)
    steps = question.levels if question is not None else ()
    return steps[level.step] if level.step < len(steps) else None


def _levels(clinic: Clinic, symptom: Symptom) -> tuple[str, ...]:
    question = _question(clinic, symptom)
    if question is None or not symptom.has_question or not symptom.levels:
        return ()
    if symptom.is_sign:
        return (THERE,)
    return tuple(choice for choice in question.levels[1:] if choice in symptom.levels)


def _question(clinic: Clinic, symptom: Symptom) -> Question | None:
    return clinic.protocol.questions.get(symptom.question or "")
