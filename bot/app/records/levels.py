"""Records of what staff decided about the levels of a patient's symptoms. They decide nothing."""

from datetime import datetime
from typing import Literal

from bot.core.frozen import Versioned

DecisionKind = Literal["agreed", "ended", "reference", "confirmed", "rejected", "proposed"]


class LevelDecision(Versioned):
    """One decision about a level: by whom, when, and why. Nothing of it is overwritten.

    "proposed": a usual EMERGENCY sign that waits for a second member of the team, who accepts or declines it.
    """

    patient_id: int
    kind: DecisionKind
    symptom: str
    """Stored sealed, as are the level, the reason and the name of the clinician."""
    level: str | None = None
    """The choice of the symptom's question; `there` for a sign."""
    until: datetime | None = None
    days: int | None = None
    reason: str = ""
    decided_by: str | None = None
    """The clinician who decided, where staff only record it."""
    made_by: str
    made_at: datetime
    closed_by: str | None = None
    """The second member, who accepted or declined what was proposed."""
    closed_at: datetime | None = None


class CloseWatch(Versioned):
    """A symptom that the daily follow-up asks about until a time, whatever is remembered of it."""

    patient_id: int
    symptom: str
    """Stored sealed, as is the reason."""
    until: datetime
    reason: str = ""
    made_by: str
    made_at: datetime
    ended_by: str | None = None
    ended_at: datetime | None = None
