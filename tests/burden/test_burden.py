"""A few seeds of each counted life. The full count: `make burden`."""

from collections.abc import Iterator

import pytest

from tests.burden.__main__ import counted, percentile
from tests.burden.courses import DAYS, LIVES
from tests.burden.life import Counts

SEEDS = 3
MOST_ALERTS = {
    "fluctuating none-mild": 1,
    "fluctuating none-medium": 3,
    "known strong": 2,
    "new mild, closed": 1,
    "old dizziness": 2,
}
_lived: dict[tuple[str, bool], list[Counts]] = {}


def lives(name: str, *, staff_act: bool = True) -> list[Counts]:
    """Return a few lives of a kind, lived once."""
    if (name, staff_act) not in _lived:
        _lived[name, staff_act] = [counted(name, seed, staff_act=staff_act) for seed in range(SEEDS)]
    return _lived[name, staff_act]


@pytest.mark.parametrize(
    ("values", "expected"), [([5], 5), (range(1, 101), 95), (range(1, 201), 190), ([3, 1, 2], 3), (range(20), 18)]
)
def test_percentile_is_not_exceeded_by_its_share(values, expected):
    assert percentile(list(values)) == expected


def test_every_life_has_a_step_for_each_day() -> None:
    assert [len(course.steps) for course in _courses()] == [DAYS + 1] * len(LIVES)


def _courses() -> Iterator:
    from random import Random  # noqa: PLC0415

    return (life(Random(1)) for life in LIVES.values())


def test_new_mild_finding_is_an_alert_and_a_call_screen() -> None:
    life = counted("new mild, closed", 1, staff_act=False)
    assert (life.steps, life.detected) == (1, 1)
    assert life.call_screens >= 1
    assert life.checkins > DAYS / 3
    assert life.false_all_clears == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "most"), MOST_ALERTS.items())
def test_life_with_staff_raises_few_alerts(name, most):
    assert percentile([life.alerts for life in lives(name)]) <= most


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_usual_sign_that_staff_agreed_on_shows_two_call_screens_at_most() -> None:
    assert percentile([life.call_screens for life in lives("chronic leak")]) <= 2


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_each_step_is_detected_at_the_first_check_in_after_it() -> None:
    found = [(life.steps, life.detected) for life in lives("gradually worse")]
    assert found == [(4, 4)] * SEEDS


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", LIVES)
def test_nothing_open_is_cleared_whether_staff_act_or_not(name):
    found = [life.false_all_clears for staff_act in (True, False) for life in lives(name, staff_act=staff_act)]
    assert found == [[]] * 2 * SEEDS


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", LIVES)
def test_each_level_is_called_about_once_without_staff(name):
    assert max(life.call_screens - life.levels for life in lives(name, staff_act=False)) <= 0
