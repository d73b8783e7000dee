"""Which tier a pair of concerns surely makes, and the one it makes at most: law 5, from what happened."""

from bot.core.protocol import Tier
from tests.model.facts import OPEN, PENDING, Of
from tests.model.symptoms import DAY, KINDS


def pair_tier(
    first: str, second: str, after: dict[str, Of], *, was_urgent: bool, had_urgent: bool
) -> tuple[Tier, Tier]:
    """Return the tier that a pair surely makes, and the one it makes at most."""
    a, b, kind, other = after[first], after[second], KINDS[first], KINDS[second]
    if not (kind.can_pair and other.can_pair and a.state in PENDING and b.state in PENDING):
        return Tier.ROUTINE, Tier.ROUTINE
    if a.is_retracted or b.is_retracted or _never_pairs(a) or _never_pairs(b):
        return Tier.ROUTINE, Tier.ROUTINE
    is_sure = not (a.for_team or b.for_team)
    is_listed = None not in {kind.overlap, other.overlap} and kind.overlap != other.overlap
    is_listed = is_listed and kind.overlap not in other.not_with and other.overlap not in kind.not_with
    if is_listed and a.sign_found is not None and b.sign_found is not None:
        near = abs(a.sign_found - b.sign_found)
        ages = [abs(x - y) for x in a.found for y in b.found]
        if near < 7 * DAY and len(a.found) == len(b.found) == 1 and is_sure:
            return Tier.EMERGENCY, Tier.EMERGENCY
        if min([near, *ages]) <= 7 * DAY:
            return Tier.ROUTINE, Tier.EMERGENCY
    is_other_body = kind.group != other.group or (kind.is_autonomic and other.is_autonomic)
    if a.own != Tier.SOON or b.own != Tier.SOON or not is_other_body:
        return Tier.ROUTINE, Tier.ROUTINE
    both_open = a.state == OPEN and b.state == OPEN
    ages = [abs(x - y) for x in a.found for y in b.found]
    surely = is_sure and not was_urgent and (both_open or max(ages) < 7 * DAY)
    maybe = not had_urgent and (both_open or min(ages) <= 7 * DAY)
    return Tier.URGENT if surely else Tier.ROUTINE, Tier.URGENT if maybe else Tier.ROUTINE


def _never_pairs(of: Of) -> bool:
    return of.for_team == "ended" and of.state == OPEN
