"""Agrees with the patient's team on levels, and ends agreements. Which answers a level covers: `agreed_levels.py`."""

from datetime import datetime, timedelta

from bot.app.concerns.agreed_levels import active
from bot.app.concerns.memory import remember
from bot.app.patients.lookup import locked
from bot.app.ports.clinic import Clinic
from bot.app.ports.errors import RefusedError
from bot.app.records.alerts import AgreedLevel
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.concern import Level
from bot.core.happenings import Agree, TimePassed
from bot.core.protocol import Tier
from bot.core.triage import History, assess

MAX_DAYS = 28
"""The longest agreement: after four weeks the team has to look again."""


def agree_level(work: Work, code: str, question: str, level: str, days: int) -> AgreedLevel:
    """Agree on a level of a symptom for some days and return it; it ends an earlier one of the same symptom.

    Raise RefusedError with every problem of the request.
    """
    patient = locked(work.patients, code)
    problems = _problems(work.clinic, question, level, days)
    if problems:
        raise RefusedError("; ".join(problems))
    for old in active(work, patient.id):
        if old.question == question:
            work.agreed_levels.save(old.model_copy(update={"ended_at": work.at, "ended_by": work.actor}))
    until = work.at + timedelta(days=days)
    agreed = work.agreed_levels.add(
        AgreedLevel(
            patient_id=patient.id, question=question, level=level, until=until, made_by=work.actor, made_at=work.at
        )
    )
    _remember(work, patient, agreed, until)
    # The symptom and its level stay out of the audit: they would reveal an answer.
    work.record("level_agreed", patient.code, days=days)
    return agreed


def end_agreed_level(work: Work, code: str, question: str) -> AgreedLevel:
    """End the agreed level of a symptom and return it. Raise RefusedError if there is none."""
    patient = locked(work.patients, code)
    found = next((row for row in active(work, patient.id) if row.question == question), None)
    if found is None:
        raise RefusedError(f"{code}: {question!r} has no agreed level, so nothing was ended")
    ended = work.agreed_levels.save(found.model_copy(update={"ended_at": work.at, "ended_by": work.actor}))
    _remember(work, patient, ended, work.at)
    work.record("agreed_level_ended", patient.code)
    return ended


def _remember(work: Work, patient: Patient, agreed: AgreedLevel, until: datetime) -> None:
    """Accept the level in the patient's memory until a time; one that has passed ends it at once."""
    symptom = work.clinic.protocol.symptoms.get(agreed.question)
    question = work.clinic.protocol.questions[agreed.question]
    if symptom is not None:
        level = Level(symptom.levels.get(agreed.level, Tier.ROUTINE), question.step_of(agreed.level) or 0)
        remember(work, patient, (Agree(symptom=symptom.id, level=level, until=until), TimePassed()))


def _problems(clinic: Clinic, question: str, level: str, days: int) -> list[str]:
    found = []
    asked = clinic.protocol.questions.get(question)
    scales = [q.id for q in clinic.protocol.questions.values() if q.scale]
    if asked is None or not asked.scale:
        return [f"{question!r} is not a symptom with a scale: the protocol has {', '.join(scales)}"]
    step = asked.step_of(level)
    if not step:
        levels = ", ".join(asked.levels[1:])
        found.append(f"level {level!r}: {question} has {levels}")
    elif _tier_of(clinic, question, level) is Tier.EMERGENCY:
        found.append(f"{question} at {level} is an EMERGENCY: choose a lower level")
    if not 1 <= days <= MAX_DAYS:
        found.append(f"{days} days: choose between 1 and {MAX_DAYS}")
    return found


def _tier_of(clinic: Clinic, question: str, level: str) -> Tier:
    """Return the tier of that answer alone."""
    form = next(iter(clinic.protocol.forms))
    return assess({question: (level,)}, History(), clinic.protocol, form=form, finished=True).tier
