"""Chooses the coping tip that fits the answers; never decides a tier and never shows a tip itself."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
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


def rested_tip(answers: Answers, shown: Sequence[Shown], protocol: Protocol, at: datetime) -> Tip | None:
    """Return the tip to show unasked at `at`; None if every tip that fits was shown too lately.

    Choose among the tips that fit the answers and have rested (the tip's own time, or the protocol's), so that of three
    in a row two have conditions, if there are such. Of these, return the one shown least recently; then prefer a tip
    with conditions to a general one, then the order of the protocol file.
    """
    in_order, last = _in_order(shown)
    available = [t for t in protocol.tips if any_holds(t.when, answers) and _is_available(t, last, protocol, at)]
    return _least_recent(_mixed(available, in_order[-2:], protocol), last)


def choose_tip(answers: Answers, shown: Sequence[Shown], protocol: Protocol, at: datetime) -> Tip | None:
    """Return the tip for a patient who asks for one; None only if the protocol has no tips.

    If none has rested (`rested_tip`), choose among those that fit and rest no longer than others; otherwise among all.
    """
    _, last = _in_order(shown)
    fitting = [t for t in protocol.tips if any_holds(t.when, answers)]
    common = [t for t in fitting if _rest(t, last, protocol) <= protocol.tip_rest]
    return rested_tip(answers, shown, protocol, at) or _least_recent(common or fitting or protocol.tips, last)


def _in_order(shown: Sequence[Shown]) -> tuple[list[Shown], dict[str, Shown]]:
    """Return what was shown in order, and the last time of each tip."""
    in_order = sorted(shown, key=lambda s: s.shown_at)
    return in_order, {s.tip: s for s in in_order}


def _least_recent(pool: Sequence[Tip], last: Mapping[str, Shown]) -> Tip | None:
    return min(pool, key=lambda t: (_last_shown_at(t, last), not t.when), default=None)


def _mixed(available: Sequence[Tip], newest: Sequence[Shown], protocol: Protocol) -> Sequence[Tip]:
    """Return the available tips with conditions, or the general ones if the last two shown had conditions."""
    conditional = {t.id for t in protocol.tips if t.when}
    wants_general = len([s for s in newest if s.tip in conditional]) == 2  # noqa: PLR2004 - of three in a row
    return [t for t in available if bool(t.when) != wants_general] or available


def _last_shown_at(tip: Tip, last: Mapping[str, Shown]) -> datetime:
    return last[tip.id].shown_at if tip.id in last else _NEVER


def _is_available(tip: Tip, last: Mapping[str, Shown], protocol: Protocol, at: datetime) -> bool:
    return tip.id not in last or at - last[tip.id].shown_at >= _rest(tip, last, protocol)


def _rest(tip: Tip, last: Mapping[str, Shown], protocol: Protocol) -> timedelta:
    """Return how long a tip is not shown again: longer if it is for some people only, or was not for this one."""
    rests = tip.rest or protocol.tip_rest
    disliked = tip.id in last and last[tip.id].rating == "not_for_me"
    return max(rests, protocol.tip_rest_disliked) if disliked else rests
