"""Which tip is shown: it fits, it has rested, the least recently shown goes first, and who asks always gets one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.content.loader import load_protocol
from bot.core.protocol import Tip
from bot.core.tips import Shown, choose_tip, rested_tip

DEFAULT = load_protocol()
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NUMB = {"numbness": ("mild",)}


def tip(name, *when, rest=None):
    return Tip(id=name, theme="t", sources=("s",), when=when, rest=rest)


PROTOCOL = DEFAULT.model_copy(
    update={"tips": (tip("general"), tip("numb", NUMB), tip("dizzy", {"autonomic": ("dizzy",)}))}
)


def shown(name, days, rating=None):
    return Shown(tip=name, shown_at=AT - timedelta(days=days), rating=rating)


def chosen(answers, *before):
    return choose_tip(answers, before, PROTOCOL, AT).id


def test_a_tip_made_for_the_answers_goes_before_a_general_one():
    assert chosen(NUMB) == "numb"
    assert chosen({"autonomic": ("bowel", "dizzy")}) == "dizzy"


def test_a_tip_that_does_not_fit_is_not_shown():
    assert chosen({"numbness": ("none",)}) == "general"


def test_a_tip_rests_14_days():
    assert chosen(NUMB, shown("numb", 13)) == "general"
    assert chosen(NUMB, shown("general", 1), shown("numb", 14)) == "numb"


def test_a_disliked_tip_rests_much_longer():
    assert chosen(NUMB, shown("general", 14), shown("numb", 83, "not_for_me")) == "general"
    assert chosen(NUMB, shown("general", 14), shown("numb", 84, "not_for_me")) == "numb"
    assert chosen(NUMB, shown("general", 14), shown("numb", 20, "helpful")) == "numb"


def test_the_last_showing_counts_in_whatever_order_they_come():
    rows = (shown("numb", 30), shown("numb", 2))
    assert chosen(NUMB, *rows) == chosen(NUMB, *reversed(rows)) == "general"


def test_the_least_recently_shown_goes_first():
    two = PROTOCOL.model_copy(update={"tips": (tip("one"), tip("two"))})
    assert choose_tip({}, (shown("one", 20), shown("two", 40)), two, AT).id == "two"
    assert choose_tip({}, (shown("one", 40), shown("two", 20)), two, AT).id == "one"


def test_of_three_tips_two_are_made_for_the_answers_as_long_as_one_has_rested():
    tips = (tip("a"), tip("b"), *(tip(name, NUMB) for name in ("one", "two", "three")))
    mixed = PROTOCOL.model_copy(update={"tips": tips})

    def following(*before):
        return choose_tip(NUMB, before, mixed, AT).id

    assert following(shown("a", 40), shown("one", 20)) == "two", "however long ago a general one was shown"
    assert following(shown("one", 2), shown("two", 1)) == "a"
    assert following(shown("one", 3), shown("two", 2), shown("a", 1)) == "three"
    assert following(*(shown(name, 5) for name in ("one", "two", "three")), shown("a", 1)) == "b", "none has rested"
    assert following(shown("a", 3), shown("b", 2), shown("one", 20), shown("two", 1)) == "three"
    assert following(shown("a", 3), shown("b", 2), shown("one", 20), shown("two", 2), shown("three", 1)) == "one"


def test_a_tip_for_some_people_rests_as_long_as_its_own_line_says():
    tips = (tip("smoking", rest=timedelta(days=84)), tip("walking"))
    some = PROTOCOL.model_copy(update={"tips": tips})

    def following(*before):
        return choose_tip({}, before, some, AT).id

    assert following(shown("walking", 15), shown("smoking", 83)) == "walking"
    assert following(shown("walking", 15), shown("smoking", 84)) == "smoking"
    assert following(shown("walking", 3), shown("smoking", 60)) == "walking", "nor because no other one has rested"
    assert following(shown("walking", 15), shown("smoking", 85, "not_for_me")) == "smoking"


def test_a_disliked_tip_does_not_come_back_because_no_other_one_has_rested():
    assert chosen(NUMB, shown("general", 3), shown("numb", 30, "not_for_me")) == "general"


def test_packaged_tips_for_smokers_and_diabetics_rest_twelve_weeks():
    rests = {tip.id: tip.rest for tip in DEFAULT.tips if tip.rest is not None}
    assert rests == {"habits_smoking": timedelta(days=84), "habits_sugar": timedelta(days=84)}


def test_where_none_has_rested_the_one_shown_longest_ago_comes_back_to_who_asks():
    assert chosen(NUMB, shown("general", 3), shown("numb", 5)) == "numb"


@pytest.mark.parametrize(
    ("days", "numb", "expected"),
    [((13, 13), True, None), ((14, 13), True, "general"), ((13, 14), True, "numb"), ((13, 14), False, None)],
)
def test_no_tip_comes_unasked_before_it_has_rested_or_where_it_does_not_fit(days, numb, expected):
    before = (shown("general", days[0]), shown("numb", days[1]))
    found = rested_tip(NUMB if numb else {"numbness": ("none",)}, before, PROTOCOL, AT)
    assert (found.id if found is not None else None) == expected


def test_ninety_one_daily_check_ins_repeat_no_tip_within_14_days():
    for answers in (NUMB, {"numbness": ("none",)}):
        before: list[Shown] = []
        for day in range(91):
            at = AT + timedelta(days=day)
            tip_ = rested_tip(answers, before, DEFAULT, at)
            if tip_ is not None:
                assert not [each for each in before if each.tip == tip_.id and at - each.shown_at < timedelta(days=14)]
                before.append(Shown(tip=tip_.id, shown_at=at))
        assert len(before) > 91 // 2, "there is a tip on most days all the same"


def test_where_none_fits_any_tip_is_better_than_none():
    only_numb = PROTOCOL.model_copy(update={"tips": (tip("numb", NUMB),)})
    assert choose_tip({}, (), only_numb, AT).id == "numb"


def test_without_tips_there_is_none():
    assert choose_tip(NUMB, (), PROTOCOL.model_copy(update={"tips": ()}), AT) is None


THEMES = [
    "keep_moving",
    "feet_and_hands",
    "falls",
    "heat_and_cold",
    "skin_and_nails",
    "daily_habits",
    "discomfort",
    "mind_and_sleep",
    "safety",
]


@pytest.mark.parametrize("theme", THEMES)
def test_theme_of_the_clinical_page_has_two_tips_with_a_source(theme):
    tips = [t for t in DEFAULT.tips if t.theme == theme]
    assert len(tips) >= 2
    assert all(t.sources for t in tips)


def test_there_are_no_other_themes():
    assert {t.theme for t in DEFAULT.tips} == set(THEMES)


@settings(max_examples=30)
@given(numbness=st.sampled_from(["none", "mild"]), every=st.integers(2, 7))
def test_the_default_tips_never_repeat_within_14_days(numbness, every):
    seen = []
    for day in range(0, 90, every):
        at = AT + timedelta(days=day)
        found = choose_tip({"numbness": (numbness,)}, seen, DEFAULT, at)
        last = max((s.shown_at for s in seen if s.tip == found.id), default=None)
        assert last is None or at - last >= timedelta(days=14)
        seen.append(Shown(tip=found.id, shown_at=at))
