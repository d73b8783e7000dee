"""Owns what is asked again daily: a symptom at SOON or higher, until some days brought no news. Knows no time of day.

What holds here, each with a test:

* A finding at SOON or higher begins the watch, or begins it anew when there is news of it: any rule at SOON or higher
  that isn't `standing`, or a body system that was not watched before.
* A day counts as stable when a whole check-in brought no news; a day without an answer counts neither way, because the
  next check-in asks about the time since the last one.
* A watch that has become steady is kept while the finding stands, so that the same finding doesn't begin it anew.
"""

from collections.abc import Iterator
from datetime import date

from bot.core.protocol import Protocol, Tier
from bot.core.screen import Frozen
from bot.core.triage import Assessment, Reason


class Watch(Frozen):
    """What is asked again, and since when. `groups` are body systems as the rules name them; days are local dates."""

    groups: tuple[str, ...]
    since: date
    stable_days: int = 0
    counted_on: date | None = None
    """The last day that counted as stable."""
    steady: bool = False
    """Enough days brought no news: not asked daily any more."""


def follow(watch: Watch | None, found: Assessment, protocol: Protocol, day: date) -> Watch | None:
    """Return the watch after an assessment on that local day; None when there is nothing to ask again."""
    hot = tuple(dict.fromkeys(reason.group for reason in _concerns(found)))
    before = watch.groups if watch is not None else ()
    if hot and (has_news(found, protocol) or not set(hot) <= set(before)):
        return Watch(groups=tuple(dict.fromkeys((*before, *hot))), since=day)
    if watch is None or watch.steady:
        return watch if hot else None
    if not found.complete or day in {watch.since, watch.counted_on}:
        return watch
    return _one_day_more(watch, protocol, day, still_there=bool(hot))


def has_news(found: Assessment, protocol: Protocol) -> bool:
    """Whether the assessment says that something changed, and not only how things stand."""
    standing = {rule.id for rule in protocol.rules if rule.standing}
    return any(reason.rule not in standing for reason in _concerns(found))


def _concerns(found: Assessment) -> Iterator[Reason]:
    return (reason for reason in found.reasons if reason.tier >= Tier.SOON)


def _one_day_more(watch: Watch, protocol: Protocol, day: date, *, still_there: bool) -> Watch | None:
    counted = watch.model_copy(update={"stable_days": watch.stable_days + 1, "counted_on": day})
    if counted.stable_days < protocol.again.stable_days:
        return counted
    return counted.model_copy(update={"steady": True}) if still_there else None
