"""Agreed levels: the team agrees that a symptom may be at a level for some days. Never silences an EMERGENCY.

* A SOON finding within the agreed levels raises no alert; the patient is asked to call if they have not.
* An URGENT finding still raises an alert, and the patient still gets the call screen; it does not escalate.
* An EMERGENCY is never within an agreed level. Other symptoms are assessed without the agreed ones.
"""

from collections.abc import Sequence

from bot.app.concerns.symptom_levels import THERE
from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AgreedLevel
from bot.app.work import Work
from bot.core.protocol import Answers, Tier
from bot.core.triage import Assessment, History, assess


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
    level = "" if row.level == THERE else f" up to {row.level}"
    return f"{row.question}{level} until {row.until:%Y-%m-%d} ({row.made_by})"


def _is_worse(clinic: Clinic, question: str, choices: Sequence[str], level: str) -> bool:
    """Return whether an answer is above the agreed level, or can't be compared with it (skipped, protocol changed)."""
    asked = clinic.protocol.questions.get(question)
    now = asked.step_of(choices[0]) if asked is not None and asked.scale else None
    most = asked.step_of(level) if asked is not None else None
    return now is None or most is None or now > most
