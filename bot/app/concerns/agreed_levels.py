"""Symptoms that the team expects at a level for a while: known, seen to, and no news until they get worse.

What it changes, and what never:

* A finding at SOON that is explained by it raises no alert; the patient is asked to call if they have not.
* One at URGENT is still an alert, and the patient still gets the call screen; only the team's clocks rest.
* An EMERGENCY is never explained by it, nor anything beside the symptom: what is left is judged without it.
"""

from collections.abc import Sequence
from datetime import timedelta

from bot.app.patients.lookup import locked
from bot.app.ports.clinic import Clinic
from bot.app.ports.errors import RefusedError
from bot.app.records.alerts import Snooze
from bot.app.records.operations import Audit
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.protocol import Answers, Tier
from bot.core.triage import Assessment, History, assess

MOST_DAYS = 28
"""The longest a symptom may be expected: after four weeks somebody looks again."""


def snooze(work: Work, code: str, question: str, level: str, days: int) -> Snooze:
    """Expect a symptom up to a level for some days; an earlier one of the same symptom ends. RefusedError: why not."""
    patient = locked(work.patients, code)
    problems = _problems(work.clinic, question, level, days)
    if problems:
        raise RefusedError("; ".join(problems))
    for old in active(work, patient.id):
        if old.question == question:
            work.agreed_levels.save(old.model_copy(update={"ended_at": work.at, "ended_by": work.actor}))
    until = work.at + timedelta(days=days)
    made = work.agreed_levels.add(
        Snooze(patient_id=patient.id, question=question, level=level, until=until, made_by=work.actor, made_at=work.at)
    )
    _audit(work, patient, "level_agreed", days=days)
    return made


def end(work: Work, code: str, question: str) -> Snooze:
    """Expect a symptom no more; RefusedError when nothing was expected."""
    patient = locked(work.patients, code)
    found = next((row for row in active(work, patient.id) if row.question == question), None)
    if found is None:
        raise RefusedError(f"{code}: {question!r} is not expected, so nothing ends")
    ended = found.model_copy(update={"ended_at": work.at, "ended_by": work.actor})
    ended = work.agreed_levels.save(ended)
    _audit(work, patient, "agreed_level_ended")
    return ended


def active(work: Work, patient_id: int) -> Sequence[Snooze]:
    """Return what is expected at that moment, oldest first."""
    return [
        row
        for row in work.agreed_levels.of_patient(patient_id)
        if row.ended_at is None and row.made_at <= work.at < row.until
    ]


def explains(work: Work, patient_id: int, found: Assessment, answers: Answers, compared: History, form: str) -> bool:
    """Whether a finding is no more than what is expected: without those answers nothing is left above ROUTINE."""
    if not Tier.ROUTINE < found.tier < Tier.EMERGENCY:
        return False
    levels = {row.question: row.level for row in active(work, patient_id)}
    left = {q: c for q, c in answers.items() if q not in levels or _is_worse(work.clinic, q, c, levels[q])}
    if len(left) == len(answers):
        return False
    return assess(left, compared, work.clinic.protocol, form=form, finished=True).tier is Tier.ROUTINE


def described(row: Snooze) -> str:
    """ "numbness up to medium until 2026-03-30 (lead-1)": in one line, for the team."""
    return f"{row.question} up to {row.level} until {row.until:%Y-%m-%d} ({row.made_by})"


def _is_worse(clinic: Clinic, question: str, choices: Sequence[str], level: str) -> bool:
    """Worse than expected, or not to be compared: skipped, or a question that the protocol no longer has so."""
    asked = clinic.protocol.questions.get(question)
    now = asked.step_of(choices[0]) if asked is not None and asked.scale else None
    most = asked.step_of(level) if asked is not None else None
    return now is None or most is None or now > most


def _problems(clinic: Clinic, question: str, level: str, days: int) -> list[str]:
    found = []
    asked = clinic.protocol.questions.get(question)
    scales = [q.id for q in clinic.protocol.questions.values() if q.scale]
    if asked is None or not asked.scale:
        return [f"{question!r} is no symptom with a scale: the protocol has {', '.join(scales)}"]
    step = asked.step_of(level)
    if not step:
        levels = ", ".join(choice.id for choice in asked.choices[1:])
        found.append(f"level {level!r}: {question} has {levels}")
    elif _gives(clinic, question, level) is Tier.EMERGENCY:
        found.append(f"{question} at {level} is an EMERGENCY: that is never expected")
    if not 1 <= days <= MOST_DAYS:
        found.append(f"{days} days: between 1 and {MOST_DAYS}")
    return found


def _gives(clinic: Clinic, question: str, level: str) -> Tier:
    """The tier of that answer alone."""
    form = next(iter(clinic.protocol.forms))
    return assess({question: (level,)}, History(), clinic.protocol, form=form, finished=True).tier


def _audit(work: Work, patient: Patient, action: str, **detail: int) -> None:
    """Which symptom and level stay out of the record: they would tell an answer."""
    work.audit.add(Audit(at=work.at, actor=work.actor, action=action, subject=patient.code, detail=dict(detail)))
