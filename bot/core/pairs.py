"""Which two concerns need a human sooner together than each alone. Changes nothing.

* Two SOON of different body systems are URGENT [UKONS: several ambers over the call history], as are two of one system
  whose signs count together (autonomic nerves).
* Two different signs of the overlap list are an EMERGENCY: myasthenia, myositis and myocarditis come together [ASCO].
* What is retracted, open for the team alone, or no finding of its own (something new, a question left open) pairs with
  nothing.
"""

from collections.abc import Collection

from bot.core.concern_values import Concern, ConcernState, Rules
from bot.core.protocol import Tier


def can_pair(concern: Concern, rules: Rules) -> bool:
    """Return whether a concern counts in pairs at all."""
    return rules.symptom(concern.symptom).pairs and concern.retracted_at is None and not concern.is_for_team


def overlap(first: Concern, second: Concern, rules: Rules, _others: Collection[Concern]) -> bool:
    """Return whether two different signs of the overlap list met: the diseases behind them come together [ASCO]."""
    one, other = rules.symptom(first.symptom), rules.symptom(second.symptom)
    if one.overlap is None or other.overlap is None or one.overlap == other.overlap:
        return False
    if one.overlap in other.overlap_not_with or other.overlap in one.overlap_not_with:
        return False
    is_strong = first.highest.step >= one.overlap_from and second.highest.step >= other.overlap_from
    signs = [c.model_copy(update={"first_found_at": c.sign_found_at or c.first_found_at}) for c in (first, second)]
    return is_strong and _found_together(signs[0], signs[1], rules)


def are_two_ambers(first: Concern, second: Concern, rules: Rules, others: Collection[Concern]) -> bool:
    """Return whether two SOON concerns of different body systems met, in an alert that has no URGENT yet."""
    if any(c.in_alert and c.is_pending and Tier.URGENT in {c.tier, c.own_tier} for c in others):
        return False
    one, other = rules.symptom(first.symptom), rules.symptom(second.symptom)
    if not (one.group != other.group or (one.pairs_in_group and other.pairs_in_group)):
        return False
    if first.tier is not Tier.SOON or second.tier is not Tier.SOON:
        return False
    are_open = first.state is second.state is ConcernState.OPEN
    return are_open or _found_together(first, second, rules)


def _found_together(first: Concern, second: Concern, rules: Rules) -> bool:
    found = [c.first_found_at for c in (first, second) if c.first_found_at is not None]
    return max(found) - min(found) <= rules.remembering.pair_window
