"""Agrees with the patient's team on levels, and ends agreements. Which answers a level covers: `agreed_levels.py`."""

from datetime import datetime, timedelta

from bot.app.concerns import symptom_levels
from bot.app.concerns.agreed_levels import active
from bot.app.concerns.deciding import MAX_TEXT, check_may_decide, check_shown, record_decision
from bot.app.concerns.level_tasks import close_level_tasks, open_level_tasks
from bot.app.concerns.memory import remember
from bot.app.patients.lookup import locked
from bot.app.ports.clinic import Clinic
from bot.app.ports.errors import RefusedError
from bot.app.records.alerts import AgreedLevel
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.happenings import Agree, TimePassed
from bot.core.protocol import Tier
from bot.core.triage import History, assess

MAX_DAYS = 28
"""The longest agreement: after four weeks the team has to look again."""


def agree_level(
    work: Work,
    code: str,
    symptom: str,
    level: str,
    days: int,
    *,
    reason: str = "",
    shown_at: datetime | None = None,
) -> AgreedLevel:
    """Agree on a level of a symptom for some days and return it; it ends an earlier one of the same symptom.

    `level` is a choice of the symptom's question, `there` for a sign. `shown_at`: when the page was made that the
    decision is from; None: now. Raise RefusedError with every problem of the request, and if the symptom opened since.
    """
    patient = locked(work.patients, code)
    check_may_decide(work)
    problems = _problems(work.clinic, symptom, level, days)
    problems += [f"the reason is longer than {MAX_TEXT} characters"] if len(reason) > MAX_TEXT else []
    if problems:
        raise RefusedError("; ".join(problems))
    check_shown(work, patient, symptom, shown_at)
    agreed = accept_level(work, patient, symptom, level, days)
    record_decision(work, patient, "agreed", symptom, level=level, until=agreed.until, days=days, reason=reason.strip())
    return agreed


def accept_level(work: Work, patient: Patient, symptom: str, level: str, days: int) -> AgreedLevel:
    """Store an agreed level from now on, and accept it in the patient's memory. The caller has checked it."""
    end_rows(work, patient, symptom)
    until = work.at + timedelta(days=days)
    agreed = work.agreed_levels.add(
        AgreedLevel(
            patient_id=patient.id, question=symptom, level=level, until=until, made_by=work.actor, made_at=work.at
        )
    )
    _remember(work, patient, agreed, until)
    close_level_tasks(work, patient)
    # The symptom and its level stay out of the audit: they would reveal an answer.
    work.record("level_agreed", patient.code, days=days)
    return agreed


def end_rows(work: Work, patient: Patient, symptom: str) -> None:
    """End the stored agreed level of a symptom, because another decision replaces it."""
    for old in active(work, patient.id):
        if old.question == symptom:
            work.agreed_levels.save(old.model_copy(update={"ended_at": work.at, "ended_by": work.actor}))


def end_agreed_level(work: Work, code: str, symptom: str) -> AgreedLevel:
    """End the agreed level of a symptom and return it. Raise RefusedError if there is none."""
    patient = locked(work.patients, code)
    check_may_decide(work)
    found = next((row for row in active(work, patient.id) if row.question == symptom), None)
    if found is None:
        raise RefusedError(f"{code}: {symptom!r} has no agreed level, so nothing was ended")
    ended = work.agreed_levels.save(found.model_copy(update={"ended_at": work.at, "ended_by": work.actor}))
    record_decision(work, patient, "ended", symptom, level=found.level)
    _remember(work, patient, ended, work.at)
    open_level_tasks(work, patient)
    work.record("agreed_level_ended", patient.code)
    return ended


def _remember(work: Work, patient: Patient, agreed: AgreedLevel, until: datetime) -> None:
    """Accept the level in the patient's memory until a time; one that has passed ends it at once."""
    level = symptom_levels.level_of(work.clinic, agreed.question, agreed.level)
    if level is not None:
        remember(work, patient, (Agree(symptom=agreed.question, level=level, until=until), TimePassed()))


def _problems(clinic: Clinic, symptom: str, level: str, days: int) -> list[str]:
    found = []
    levels = symptom_levels.acceptable(clinic)
    scales = {q.id: q.levels[1:] for q in clinic.protocol.questions.values() if q.scale}
    known = scales | levels
    if symptom not in known:
        signs = ", ".join(each for each in levels if each not in scales)
        return [f"{symptom!r} is not a symptom with a scale: the protocol has {', '.join(scales)}; nor a sign: {signs}"]
    if level not in known[symptom]:
        found.append(f"level {level!r}: {symptom} has {', '.join(known[symptom])}")
    elif _tier_of(clinic, symptom, level) is Tier.EMERGENCY:
        found.append(f"{symptom} at {level} is an EMERGENCY: choose a lower level")
    if not 1 <= days <= MAX_DAYS:
        found.append(f"{days} days: choose between 1 and {MAX_DAYS}")
    if found and "EMERGENCY" in found[0]:
        found.append("a sign that is usual for this patient is recorded as such, with the clinician who decided")
    return found


def _tier_of(clinic: Clinic, symptom: str, level: str) -> Tier:
    """Return the tier of that level alone."""
    known = symptom_levels.level_of(clinic, symptom, level)
    if symptom not in clinic.protocol.questions:
        return known.tier if known is not None else Tier.ROUTINE
    form = next(iter(clinic.protocol.forms))
    found = assess({symptom: (level,)}, History(), clinic.protocol, form=form, finished=True).tier
    return max(found, known.tier) if known is not None else found
