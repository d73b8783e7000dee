"""Which symptoms are asked about again: in every form, and daily in addition to the plan. Knows no time of day.

The rules, each with a test:

* Every form asks about each concern that is OPEN or REACHED, until it is SETTLED, and about what staff watch closely.
* The safety screen asks whether an EMERGENCY sign that is usual for the patient is worse than usual.
* A daily follow-up asks about it until it was answered, and was not worse, on `calm_days` days, or `follow_up_at_most`
  has passed since it was last worse. What only the team has to decide about begins none.
"""

from collections.abc import Collection
from datetime import date, datetime

from pydantic import ConfigDict

from bot.core.concern_values import Concern
from bot.core.frozen import Frozen
from bot.core.memory import Memory
from bot.core.protocol import Remembering, Tier


class FollowUp(Frozen):
    """A daily follow-up: the symptoms it is about, and the local day since which it runs."""

    # Former versions stored how many days were stable, too.
    model_config = ConfigDict(frozen=True, extra="ignore")

    groups: tuple[str, ...]
    since: date
    steady: bool = False
    """A former version had ended it: it isn't daily any more."""


def asked_again(memory: Memory, watched: Collection[str] = ()) -> tuple[str, ...]:
    """Return the symptoms that every form asks about, sorted."""
    return tuple(sorted({c.symptom for c in memory.concerns.values() if c.is_pending} | set(watched)))


def asked_daily(memory: Memory, rules: Remembering, at: datetime, watched: Collection[str] = ()) -> tuple[str, ...]:
    """Return the symptoms that need a daily follow-up, sorted."""
    daily = {c.symptom for c in memory.concerns.values() if c.is_pending and _is_unsettled(c, rules, at)}
    return tuple(sorted(daily | set(watched)))


def usual_signs(memory: Memory) -> tuple[str, ...]:
    """Return the EMERGENCY signs that are usual for the patient, sorted: also after the end, until staff decide."""
    return tuple(sorted(s for s, each in memory.accepted.items() if each.raises_nothing.tier is Tier.EMERGENCY))


def _is_unsettled(concern: Concern, rules: Remembering, at: datetime) -> bool:
    worsened_at = concern.worsened_at
    is_recent = worsened_at is not None and at - worsened_at < rules.follow_up_at_most
    return is_recent and concern.calm_days < rules.calm_days and not concern.is_for_team
