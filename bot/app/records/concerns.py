"""Records of what is remembered of a patient's symptoms. They decide nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from pydantic import AwareDatetime

from bot.core.changes import What
from bot.core.concern_values import ConcernState
from bot.core.frozen import Frozen, Versioned
from bot.core.hearing import Heard
from bot.core.memory import Memory
from bot.core.protocol import Tier


class HeardOf(Frozen):
    """What the newest check-ins have contributed: check-in id -> symptom -> level. An answer counts once."""

    checkins: Mapping[int, Mapping[str, Heard]] = {}
    unnamed: tuple[str, ...] = ()
    """What the end of a level opened for the team, and no alert names yet."""
    seen_at: AwareDatetime | None = None
    """When the sweep of levels last saw to it."""


NOTICE = timedelta(days=7)
"""How long before its end an agreement becomes a task [D]."""
_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)


class MemoryRow(Versioned):
    """What is remembered of one patient's symptoms (stored sealed)."""

    patient_id: int
    value: Memory = Memory()
    heard: HeardOf = HeardOf()
    last_jump: int = 0
    """The last jump of the clock that it has been corrected for."""
    last_event: int = 0
    """The last event that it contains; 0 if it is from before events were kept."""

    @property
    def ends_at(self) -> datetime | None:
        """Return when the sweep has to see to the levels: a week before the next one ends, and then (stored plain)."""
        if self.heard.unnamed:
            return _AT_ONCE
        ends = [end for accepted in self.value.accepted.values() if (end := accepted.ends_at) is not None]
        seen_at = self.heard.seen_at or _AT_ONCE
        return min((at for end in ends for at in (end - NOTICE, end) if at > seen_at), default=None)


class ClockJump(Frozen):
    """The computer's clock was set at `at`; `back_by`: by how many seconds it was set back (0: forward)."""

    id: int = 0
    at: datetime
    back_by: int


class ConcernChange(Frozen):
    """One change of a concern: who or what changed it and when, and the check-in that it came from, if one did."""

    id: int = 0
    patient_id: int
    checkin_id: int | None
    symptom: str
    what: What
    state: ConcernState
    tier: Tier
    at: datetime
    actor: str


class OpenConcern(NamedTuple):
    """A concern that is open at the end of a check-in. `today`: whether this check-in asked, and found it there."""

    symptom: str
    tier: Tier
    since: datetime
    today: Literal["there", "gone", "not_answered"]
    is_for_team: bool
    is_retracted: bool


class KnownConcern(NamedTuple):
    """What a human knows about at the end of a check-in. `by_staff`: staff were in contact, or accepted the level."""

    symptom: str
    is_there: bool
    by_staff: bool
