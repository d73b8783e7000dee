"""The symptoms and numbers that the exploration runs with, written from the clinical pages and not from the product."""

from datetime import timedelta
from typing import NamedTuple

from bot.core.concern_values import Level, Rules
from bot.core.protocol import Remembering, Symptom, Tier

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
NOTHING = Level(Tier.ROUTINE, 0)


class Kind(NamedTuple):
    """What the clinical pages say of a symptom. `overlap`: its sign on that list, from `overlap_from` on."""

    group: str
    is_sign: bool = True
    has_question: bool = True
    can_pair: bool = True
    is_autonomic: bool = False
    overlap: str | None = None
    overlap_from: int = 1
    not_with: frozenset[str] = frozenset()
    staff_only_from: int | None = None
    is_left_open: bool = False


KINDS = {
    "numbness": Kind("sensory", is_sign=False),
    "stairs": Kind("strength", is_sign=False, overlap="strength", overlap_from=2),
    "arms": Kind("strength", is_sign=False, overlap="strength", overlap_from=2, staff_only_from=3),
    "dizzy": Kind("autonomic", is_autonomic=True),
    "constipation": Kind("autonomic", is_autonomic=True),
    "headache": Kind("head"),
    "eyes": Kind("eyes", overlap="eyes"),
    "voice": Kind("voice", overlap="voice"),
    "effort": Kind("breathing", overlap="effort", not_with=frozenset({"strength"})),
    "breathing": Kind("breathing"),
    "help": Kind("help", has_question=False, can_pair=False),
    "other": Kind("other", has_question=False, can_pair=False),
    "unanswered": Kind("unanswered", has_question=False, can_pair=False, is_left_open=True),
    "sign_not_named": Kind("sign_not_named", has_question=False, can_pair=False),
}

SOON_1, SOON_2 = Level(Tier.SOON, 1), Level(Tier.SOON, 2)
URGENT_1, URGENT_2, URGENT_3 = (Level(Tier.URGENT, step) for step in (1, 2, 3))
EMERGENCY_1, EMERGENCY_2 = Level(Tier.EMERGENCY, 1), Level(Tier.EMERGENCY, 2)


def product_rules() -> Rules:
    """Return the same for the product, with the numbers of the pages."""
    symptoms = {
        name: Symptom(
            id=name,
            group=kind.group,
            has_question=kind.has_question,
            is_sign=kind.is_sign,
            pairs=kind.can_pair,
            pairs_in_group=kind.is_autonomic,
            overlap=kind.overlap,
            overlap_from=kind.overlap_from,
            overlap_not_with=kind.not_with,
            staff_accept_from=kind.staff_only_from,
            ends_when_answered=kind.is_left_open,
        )
        for name, kind in KINDS.items()
    }
    return Rules(
        symptoms,
        Remembering(
            fresh=6 * HOUR,
            half_answer=HOUR,
            reached_days=3,
            reached_span=48 * HOUR,
            open_days=7,
            open_span=144 * HOUR,
            keep_reached_level=28 * DAY,
            pair_window=7 * DAY,
            lower_span=28 * DAY,
            lower_days=6,
            take_back_after=12 * HOUR,
            confirm_within=7 * DAY,
            calm_days=3,
            follow_up_at_most=14 * DAY,
        ),
    )
