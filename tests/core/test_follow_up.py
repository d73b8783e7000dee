"""What is asked again daily: started by a finding, restarted by news, ended by three stable days."""

from datetime import date, timedelta

import pytest

from bot.content.loader import load_protocol
from bot.core.follow_up import FollowUp, has_news, next_follow_up
from bot.core.triage import History, assess

PROTOCOL = load_protocol()
DAY = date(2026, 3, 10)
CALM = {"safety_now": ("none",), "safety_new": ("none",), "autonomic": ("none",)}
NONE = {**CALM, "numbness": ("none",)}
MILD = {**CALM, "numbness": ("mild",), "interference": ("not_at_all",)}
STRONG = {**CALM, "numbness": ("strong",), "interference": ("not_at_all",)}


def found(answers, previous=None, baseline=NONE):
    return assess(answers, History(previous=previous, baseline=baseline), PROTOCOL, form="again", finished=True)


def after(*days, follow_up=None):
    """The follow-up after one assessment a day, each (answers, previous)."""
    for number, (answers, previous) in enumerate(days):
        follow_up = next_follow_up(follow_up, found(answers, previous), PROTOCOL, DAY + timedelta(days=number))
    return follow_up


def test_the_protocol_asks_until_three_days_are_stable():
    assert (PROTOCOL.follow_up.form, PROTOCOL.follow_up.stable_days) == ("again", 3)


def test_a_finding_begins_it_and_calm_answers_do_not():
    assert after((NONE, NONE)) is None
    assert after((MILD, NONE)) == FollowUp(groups=("sensory",), since=DAY)


def test_three_stable_days_end_it_and_two_do_not():
    same = (MILD, MILD)
    assert after((MILD, NONE), same, same).steady is False
    ended = after((MILD, NONE), same, same, same)
    assert (ended.steady, ended.since, ended.stable_days) == (True, DAY, 3)


def test_it_ends_when_the_finding_is_gone_for_three_days():
    gone = (NONE, MILD)
    assert after((MILD, NONE), gone, gone).stable_days == 2
    assert after((MILD, NONE), gone, gone, gone) is None


def test_the_day_it_began_and_a_second_time_a_day_do_not_count():
    begun = after((MILD, NONE))
    assert next_follow_up(begun, found(MILD, MILD), PROTOCOL, DAY) == begun
    once = next_follow_up(begun, found(MILD, MILD), PROTOCOL, DAY + timedelta(days=1))
    assert next_follow_up(once, found(MILD, MILD), PROTOCOL, DAY + timedelta(days=1)) == once


def test_what_was_skipped_counts_as_no_stable_day():
    begun = after((MILD, NONE))
    half = {**MILD, "interference": ("skip",)}
    assert not found(half, MILD).complete
    assert next_follow_up(begun, found(half, MILD), PROTOCOL, DAY + timedelta(days=1)) == begun


def test_a_steady_one_is_not_begun_by_the_same_again_but_by_worse():
    same = (MILD, MILD)
    steady = after((MILD, NONE), same, same, same)
    assert next_follow_up(steady, found(MILD, MILD), PROTOCOL, DAY + timedelta(days=9)) == steady
    worse = next_follow_up(steady, found({**MILD, "numbness": ("medium",)}, MILD), PROTOCOL, DAY + timedelta(days=9))
    assert (worse.steady, worse.since, worse.stable_days) == (False, DAY + timedelta(days=9), 0)


def test_a_steady_one_ends_when_the_finding_is_gone():
    same = (MILD, MILD)
    steady = after((MILD, NONE), same, same, same)
    assert next_follow_up(steady, found(NONE, MILD), PROTOCOL, DAY + timedelta(days=9)) is None


def test_another_body_system_restarts_it_and_joins():
    begun = after((MILD, NONE), (MILD, MILD))
    both = next_follow_up(begun, found({**MILD, "autonomic": ("dizzy",)}, MILD), PROTOCOL, DAY + timedelta(days=2))
    assert set(both.groups) == {"sensory", "autonomic", "several"}
    assert (both.since, both.stable_days) == (DAY + timedelta(days=2), 0)


def test_severe_known_finding_is_followed_up_once():
    known = found(STRONG, STRONG, baseline=STRONG)
    assert not has_news(known, PROTOCOL)
    assert next_follow_up(None, known, PROTOCOL, DAY) == FollowUp(groups=("sensory",), since=DAY)


@pytest.mark.parametrize(
    "rule", ["sensory.worse_than_last", "autonomic.one", "now.yes", "new.eyes", "change.worse", "walking.fell"]
)
def test_news_is_never_marked_as_standing(rule):
    assert not next(r for r in PROTOCOL.rules if r.id == rule).standing
