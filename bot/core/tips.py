"""Chooses the coping tip that fits what was answered; never decides a tier and never shows a tip itself."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import AwareDatetime

from bot.core.protocol import Answers, Protocol, Tip, any_holds
from bot.core.screen import Frozen

_NEVER = datetime.min.replace(tzinfo=UTC)


class Shown(Frozen):
    """One showing of a tip, and what the patient thought of it."""

    tip: str
    shown_at: AwareDatetime
    rating: Literal["helpful", "not_for_me"] | None = None


def choose_tip(answers: Answers, shown: Sequence[Shown], protocol: Protocol, at: datetime) -> Tip | None:
    """Return the tip to show at `at`; None only where the protocol has no tips.

    First among those that fit and have rested; then the one of the fitting shown longest ago; then any. Of equals the
    one made for these answers goes before a general one, then the order of the file.
    """
    last = {s.tip: s for s in sorted(shown, key=lambda s: s.shown_at)}
    fitting = [t for t in protocol.tips if any_holds(t.when, answers)]
    rested = [t for t in fitting if _has_rested(t, last, protocol, at)]
    pool = rested or fitting or protocol.tips
    return min(pool, key=lambda t: (_shown_at(t, last), not t.when), default=None)


def _shown_at(tip: Tip, last: Mapping[str, Shown]) -> datetime:
    return last[tip.id].shown_at if tip.id in last else _NEVER


def _has_rested(tip: Tip, last: Mapping[str, Shown], protocol: Protocol, at: datetime) -> bool:
    if tip.id not in last:
        return True
    disliked = last[tip.id].rating == "not_for_me"
    return at - last[tip.id].shown_at >= (protocol.tip_rest_disliked if disliked else protocol.tip_rest)
