"""Agreed levels: the team agrees that a symptom may be at a level for some days. Never silences an EMERGENCY.

* A SOON finding within the agreed levels raises no alert; the patient is asked to call if they have not.
* An URGENT finding still raises an alert, and the patient still gets the call screen; it does not escalate.
* An EMERGENCY is never within an agreed level. Other symptoms are assessed without the agreed ones.
"""

from collections.abc import Sequence
from datetime import timedelta

from bot.app.patients.lookup import locked
from bot.app.ports.clinic import Clinic
from bot.app.ports.errors import RefusedError
from bot.app.records.alerts import AgreedLevel
from bot.app.work import Work
from bot.core.protocol import Answers, Tier
from bot.core.triage import Assessment, History, assess

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
    work.record("agreed_level_ended", patient.code)
    return ended


def active(work: Work, patient_id: int) -> Sequence[AgreedLevel]:
    """Return the patient's agreed levels at `work.at`, oldest first."""
    return [
        row
        for row in work.agreed_levels.of_patient(patient_id)
        if row.ended_at is None and row.made_at <= work.at < row.until
    ]


def covers(work: Work, patient_id: int, found: Assessment, answers: Answers, compared: History, form: str) -> bool:
    """Return whether the agreed levels cover a finding: without the agreed answers nothing is above ROUTINE."""
    if not Tier.ROUTINE < found.tier < Tier.EMERGENCY:
        return False
    levels = {row.question: row.level for row in active(work, patient_id)}
    left = {q: c for q, c in answers.items() if q not in levels or _is_worse(work.clinic, q, c, levels[q])}
    if len(left) == len(answers):
        return False
    return assess(left, compared, work.clinic.protocol, form=form, finished=True).tier is Tier.ROUTINE


def describe(row: AgreedLevel) -> str:
    """Return an agreed level in one line, such as "numbness up to medium until 2026-03-30 (lead-1)"."""
    return f"{row.question} up to {row.level} until {row.until:%Y-%m-%d} ({row.made_by})"


def _is_worse(clinic: Clinic, question: str, choices: Sequence[str], level: str) -> bool:
    """Return whether an answer is above the agreed level, or can't be compared with it (skipped, protocol changed)."""
    asked = clinic.protocol.questions.get(question)
    now = asked.step_of(choices[0]) if asked is not None and asked.scale else None
    most = asked.step_of(level) if asked is not None else None
    return now is None or most is None or now > most


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
