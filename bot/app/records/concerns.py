"""Records of what is remembered of a patient's symptoms. They decide nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from pydantic import AwareDatetime

from bot.core.changes import What
from bot.core.concern_values import Concern, ConcernState
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
_OUTCOME_WITHIN = timedelta(days=7)
_OUTCOME_WITHIN_AT_SOON = timedelta(days=28)
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
        """Return when the sweep has to see to it (stored plain).

        A week before a level ends, at its end, and when the team has to decide about what is still there.
        """
        if self.heard.unnamed:
            return _AT_ONCE
        ends = [end for accepted in self.value.accepted.values() if (end := accepted.ends_at) is not None]
        times = [at for end in ends for at in (end - NOTICE, end)]
        # It may have come back since the time had passed, so that the last answer counts as well.
        times += [max(at, *_answered(c)) for c in self.value.concerns.values() if (at := outcome_due_at(c)) is not None]
        seen_at = self.heard.seen_at or _AT_ONCE
        return min((at for at in times if at > seen_at), default=None)


def outcome_due_at(concern: Concern) -> datetime | None:
    """Return when the team has to decide about what is still there: 7 days after a human was reached, 28 at SOON [D].

    None if it is not there, or no human was reached.
    """
    if not concern.is_still_there or concern.reached_at is None:
        return None
    return concern.reached_at + (_OUTCOME_WITHIN_AT_SOON if concern.tier is Tier.SOON else _OUTCOME_WITHIN)


def _answered(concern: Concern) -> list[datetime]:
    return [at for times in concern.given.values() for at in times] or [_AT_ONCE]


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
    """What a human knows about at the end of a check-in. `by_staff`: staff were in contact, or accepted the level.

    `came_back`: it is there, and the last time that it was asked about it was not.
    """

    symptom: str
    tier: Tier
    is_there: bool
    by_staff: bool
    came_back: bool
