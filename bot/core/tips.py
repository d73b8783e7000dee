"""Chooses the coping tip that fits the answers; never decides a tier and never shows a tip itself."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import AwareDatetime

from bot.core.frozen import Frozen
from bot.core.protocol import Answers, Protocol, Tip, any_holds

_NEVER = datetime.min.replace(tzinfo=UTC)


class Shown(Frozen):
    """One time that a tip was shown, and the patient's rating of it."""

    tip: str
    shown_at: AwareDatetime
    rating: Literal["helpful", "not_for_me"] | None = None


def choose_tip(answers: Answers, shown: Sequence[Shown], protocol: Protocol, at: datetime) -> Tip | None:
    """Return the tip to show at `at`; None only if the protocol has no tips.

    Choose among the tips that fit the answers and were not shown within the protocol's `tip_rest`; if there are none,
    among those that fit; otherwise among all. Of these, return the one shown least recently; then prefer a tip with
    conditions to a general one, then the order of the protocol file.
    """
    last = {s.tip: s for s in sorted(shown, key=lambda s: s.shown_at)}
    fitting = [t for t in protocol.tips if any_holds(t.when, answers)]
    available = [t for t in fitting if _is_available(t, last, protocol, at)]
    pool = available or fitting or protocol.tips
    return min(pool, key=lambda t: (_last_shown_at(t, last), not t.when), default=None)


def _last_shown_at(tip: Tip, last: Mapping[str, Shown]) -> datetime:
    return last[tip.id].shown_at if tip.id in last else _NEVER


def _is_available(tip: Tip, last: Mapping[str, Shown], protocol: Protocol, at: datetime) -> bool:
    if tip.id not in last:
        return True
    disliked = last[tip.id].rating == "not_for_me"
    return at - last[tip.id].shown_at >= (protocol.tip_rest_disliked if disliked else protocol.tip_rest)
