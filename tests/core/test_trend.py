"""The last week compared with the time before, and gaps: by days and steps alone."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.trend import AnsweredDay, Compared, Comparison, compare, gaps

TODAY = date(2026, 6, 30)


def ago(days):
    return TODAY - timedelta(days=days)


def answered(**questions):
    """Return the days from (days ago, step) pairs for each question."""
    days = {}
    for question, given_ in questions.items():
        for back, step in given_:
            days.setdefault(back, {})[question] = step
    return [AnsweredDay(ago(back), days[back]) for back in sorted(days, reverse=True)]


def compared(**questions):
    return compare(answered(**questions), TODAY)


@pytest.mark.parametrize(
    ("numbness", "result"),
    [
        ([(8, 2), (1, 1)], Compared.BETTER),
        ([(8, 1), (1, 2)], Compared.WORSE),
        ([(8, 1), (1, 1)], Compared.SAME),
        ([(13, 3), (7, 1), (6, 1), (0, 1)], Compared.BETTER),
        # The worst answer of the week counts, however the week ended.
        ([(9, 1), (3, 2), (0, 0)], Compared.WORSE),
        # A lower worst answer is no progress if the newest one is higher than the newest one before.
        ([(12, 3), (8, 0), (1, 1)], Compared.SAME),
        ([(8, 1), (6, 0), (0, 1)], Compared.SAME),
        ([(2, 1), (0, 3)], Compared.FIRST),
        ([(0, 1)], Compared.FIRST),
        ([(7, 1)], Compared.NOTHING_LATELY),
        ([(40, 2), (8, 1)], Compared.NOTHING_LATELY),
    ],
)
def test_last_week_is_compared_with_the_week_before(numbness, result):
    assert compared(numbness=numbness).result is result


def test_questions_that_changed_are_named_in_the_order_of_the_answers():
    found = compared(numbness=[(8, 2), (1, 1)], stairs=[(8, 0), (1, 1)], chair=[(8, 1), (1, 1)], arms=[(8, 1), (1, 0)])
    assert found == Comparison(Compared.MIXED, worse=("stairs",), better=("numbness", "arms"))


def test_without_the_week_before_the_newest_earlier_day_counts():
    assert compared(numbness=[(30, 0), (20, 2), (1, 1)]) == Comparison(
        Compared.BETTER, better=("numbness",), is_by_week=False
    )
    mixed = compared(numbness=[(8, 1), (1, 1)], stairs=[(20, 1), (1, 1)])
    assert mixed == Comparison(Compared.SAME, is_by_week=False)


def test_question_that_was_not_asked_in_both_is_not_compared():
    assert compared(numbness=[(8, 1)], stairs=[(1, 3)]).result is Compared.TOO_FEW
    assert compared(numbness=[(8, 1), (1, 1)], stairs=[(1, 3)]).result is Compared.SAME
    assert compared(numbness=[(43, 3), (1, 1)]).result is Compared.TOO_FEW
    assert compared(numbness=[(42, 3), (1, 1)]).result is Compared.BETTER


def test_check_ins_without_a_level_are_no_answers():
    assert compare([], TODAY).result is Compared.TOO_FEW
    assert compare([AnsweredDay(ago(1), {})], TODAY).result is Compared.TOO_FEW
    assert compare([AnsweredDay(ago(9), {}), AnsweredDay(ago(1), {"numbness": 1})], TODAY).result is Compared.FIRST


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 4)), unique_by=lambda pair: pair[0]))
def test_better_means_that_no_day_of_the_week_was_as_bad_as_the_worst_before(numbness):
    found = compared(numbness=numbness)
    lately = [step for back, step in numbness if back < 7]
    before = [step for back, step in numbness if 7 <= back < 14]
    if found.result is Compared.BETTER and before:
        assert max(lately) < max(before)
    if before and lately and max(lately) > max(before):
        assert found.result is Compared.WORSE


# -- gaps

EVERY_DAY = frozenset(ago(n) for n in range(400))


def found(days, planned=EVERY_DAY, today=0):
    def planned_after(day):
        return min((each for each in planned if each > day), default=None)

    return [((TODAY - a).days, (TODAY - b).days) for a, b in gaps([ago(d) for d in days], planned_after, ago(today))]


def test_p20_seven_missing_weeks_are_a_gap():
    assert found([70, 67, 63, 14, 10, 7, 3]) == [(63, 14)]


def test_missing_week_is_a_gap_and_a_missed_day_is_none():
    assert found([21, 14, 7, 0]) == []
    assert found([22, 14, 7, 0]) == [(22, 14)]


def test_no_gap_where_the_plan_asks_nothing_in_between():
    fortnights = frozenset(ago(n) for n in (42, 28, 14, 0))
    assert found([42, 28, 14, 0], fortnights) == []
    assert found([42, 14, 0], fortnights) == [(42, 14)]


def test_no_gap_is_longer_than_any_plan_leaves_out():
    assert found([35, 0], frozenset()) == []
    assert found([36, 0], frozenset()) == [(36, 0)]


def test_days_since_the_last_answer_are_a_gap_too():
    assert found([14, 8]) == [(8, 0)]
    assert found([14, 7]) == []
    assert found([]) == []
