"""Owns the daily follow-up of a finding at SOON or higher, until enough days brought no change. Knows no time of day.

The rules, each with a test:

* A finding at SOON or higher starts the follow-up. A change restarts it: a rule at SOON or higher that isn't
  `standing`, or a body system that the follow-up doesn't include yet.
* A day counts as stable if a complete check-in brought no change. A day without an answer doesn't count either way,
  because the next check-in asks about the time since the last one.
* A steady follow-up is kept while the finding persists, so that the same finding doesn't restart it.
"""

from collections.abc import Iterator
from datetime import date

from bot.core.frozen import Frozen
from bot.core.protocol import Protocol, Tier
from bot.core.triage import Assessment, Reason


class FollowUp(Frozen):
    """A daily follow-up: the body systems it includes (the rules' groups) and its start. Days are local dates."""

    groups: tuple[str, ...]
    since: date
    stable_days: int = 0
    counted_on: date | None = None
    """The last day that counted as stable."""
    steady: bool = False
    """Enough stable days: the check-in isn't daily any more."""


def next_follow_up(follow_up: FollowUp | None, found: Assessment, protocol: Protocol, day: date) -> FollowUp | None:
    """Return the follow-up after an assessment on that local day; None if no finding needs one.

    The number of stable days is the protocol's (`follow_up.stable_days`).
    """
    groups = tuple(dict.fromkeys(reason.group for reason in _concerns(found)))
    known = follow_up.groups if follow_up is not None else ()
    if groups and (has_news(found, protocol) or not set(groups) <= set(known)):
        return FollowUp(groups=tuple(dict.fromkeys((*known, *groups))), since=day)
    if follow_up is None or follow_up.steady:
        return follow_up if groups else None
    if not found.complete or day in {follow_up.since, follow_up.counted_on}:
        return follow_up
    return _count_stable_day(follow_up, protocol, day, persists=bool(groups))


def has_news(found: Assessment, protocol: Protocol) -> bool:
    """Return whether a rule at SOON or higher reports a change, rather than a state that persists (`standing`)."""
    standing = {rule.id for rule in protocol.rules if rule.standing}
    return any(reason.rule not in standing for reason in _concerns(found))


def _concerns(found: Assessment) -> Iterator[Reason]:
    return (reason for reason in found.reasons if reason.tier >= Tier.SOON)


def _count_stable_day(follow_up: FollowUp, protocol: Protocol, day: date, *, persists: bool) -> FollowUp | None:
    counted = follow_up.model_copy(update={"stable_days": follow_up.stable_days + 1, "counted_on": day})
    if counted.stable_days < protocol.follow_up.stable_days:
        return counted
    return counted.model_copy(update={"steady": True}) if persists else None
