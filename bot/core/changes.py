"""Names what changed in concerns, for alerts, screens and the history. Changes nothing."""

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum

from bot.core.concern_values import Concern, ConcernState
from bot.core.findings import NOT_NAMED
from bot.core.frozen import Frozen
from bot.core.protocol import Protocol, Tier


class What(StrEnum):
    """What changed in a concern."""

    OPENED = "opened"
    ROSE = "rose"
    REOPENED = "reopened"
    CAME_BACK = "came_back"
    FOUND_AGAIN = "found_again"
    """An EMERGENCY finding of a concern that is OPEN already: the call screen again, no second alert."""
    REACHED = "reached"
    SETTLED = "settled"
    RETRACTED = "retracted"


NEWS = frozenset({What.OPENED, What.ROSE, What.REOPENED})
"""What no alert has named yet."""


class Change(Frozen):
    """A change of one concern; `tier` is its tier afterwards."""

    symptom: str
    what: What
    tier: Tier
    is_for_team: bool = False


def changes_between(
    before: Mapping[str, Concern], after: Mapping[str, Concern], again: Collection[str]
) -> Iterator[Change]:
    """Yield what changed in each concern. `again`: symptoms of EMERGENCY answers whose concern was OPEN already."""
    for symptom, concern in after.items():
        what = _what(before.get(symptom) or Concern(symptom=symptom), concern) or (
            What.FOUND_AGAIN if symptom in again else None
        )
        if what is not None:
            yield Change(symptom=symptom, what=what, tier=concern.tier, is_for_team=concern.is_for_team)


def _what(before: Concern, after: Concern) -> What | None:
    if after.state is ConcernState.OPEN:
        return _what_open(before, after)
    if after.state is before.state:
        return None
    if after.state is ConcernState.REACHED:
        return What.CAME_BACK if after.came_back else What.REACHED
    return What.SETTLED


def _what_open(before: Concern, after: Concern) -> What | None:
    if before.state is not ConcernState.OPEN:
        return What.REOPENED if before.state is ConcernState.REACHED else What.OPENED
    if after.retracted_at is not None and before.retracted_at is None:
        return What.RETRACTED
    return What.ROSE if after.opened_at != before.opened_at else None


def signs_named(changes: Collection[Change], protocol: Protocol) -> tuple[str, ...]:
    """Return the signs that were named just now after a "yes", whose own concern ends with that."""
    is_name = any(c.symptom == NOT_NAMED and c.what is What.SETTLED for c in changes)
    signs = {symptom.id for symptom in protocol.symptoms.values() if symptom.names}
    return tuple(c.symptom for c in changes if is_name and c.symptom in signs)
