"""Agreed levels as staff made them: what the team accepts, and until when. `bot/core/memory.py` decides by them."""

from collections.abc import Sequence

from bot.app.concerns.symptom_levels import THERE
from bot.app.records.alerts import AgreedLevel
from bot.app.work import Work


def active(work: Work, patient_id: int) -> Sequence[AgreedLevel]:
    """Return the patient's agreed levels at `work.at`, oldest first."""
    return [
        row
        for row in work.agreed_levels.of_patient(patient_id)
        if row.ended_at is None and row.made_at <= work.at < row.until
    ]


def describe(row: AgreedLevel) -> str:
    """Return an agreed level in one line, such as "numbness up to medium until 2026-03-30 (lead-1)"."""
    level = "" if row.level == THERE else f" up to {row.level}"
    return f"{row.question}{level} until {row.until:%Y-%m-%d} ({row.made_by})"
