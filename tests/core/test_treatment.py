"""Treatment periods: their order, what counts from which start, and what is refused."""

from datetime import date

import pytest
from pydantic import ValidationError

from bot.core.treatment import Period, StopReason, Treatment

MAY, JUNE, JULY, DECEMBER = date(2026, 5, 10), date(2026, 6, 1), date(2026, 7, 1), date(2026, 12, 21)


def treatment(*periods):
    return Treatment(periods=tuple(Period(start=start, stop=stop) for start, stop in periods))


def test_first_start_is_kept_by_a_restart():
    found = treatment((MAY, JUNE), (DECEMBER, None))
    assert (found.first_start, found.newest) == (MAY, Period(start=DECEMBER))


@pytest.mark.parametrize(
    ("day", "start"),
    [(date(2026, 5, 9), MAY), (MAY, MAY), (JULY, MAY), (date(2026, 12, 20), MAY), (DECEMBER, DECEMBER)],
)
def test_period_in_force_is_the_newest_that_has_begun(day, start):
    assert treatment((MAY, JUNE), (DECEMBER, None)).on(day).start == start


@pytest.mark.parametrize(
    ("period", "reason"),
    [
        (Period(start=MAY), None),
        (Period(start=MAY, stop=MAY), StopReason.UNKNOWN),
        (Period(start=MAY, stop=JUNE, reason=StopReason.OTHER), StopReason.OTHER),
    ],
)
def test_stop_without_a_recorded_reason_is_unknown(period, reason):
    assert period.stop_reason == reason


def test_begun_is_one_period():
    assert Treatment.begun(MAY) == treatment((MAY, None))
    stopped = Period(start=MAY, stop=JUNE, reason=StopReason.SIDE_EFFECT)
    assert Treatment.begun(MAY, JUNE, StopReason.SIDE_EFFECT).periods == (stopped,)


@pytest.mark.parametrize(
    "periods", [((MAY, JUNE), (JUNE, None)), ((MAY, None), (JUNE, None)), ((MAY, MAY), (MAY, None))]
)
def test_periods_may_touch(periods):
    assert len(treatment(*periods).periods) == 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Period(start=JUNE, stop=MAY), "ICI stops on 2026-05-10, before it starts on 2026-06-01"),
        (lambda: Period(start=MAY, reason=StopReason.OTHER), "a stop reason has no stop"),
        (
            lambda: treatment((MAY, JULY), (JUNE, None)),
            "begins on 2026-06-01, before the earlier one stopped on 2026-07",
        ),
        (
            lambda: treatment((JUNE, None), (MAY, None)),
            "begins on 2026-05-10, before the earlier one started on 2026-06",
        ),
        (lambda: treatment((MAY, None), (MAY, None)), "two periods begin on 2026-05-10"),
        (lambda: Treatment(periods=()), "at least 1 item"),
    ],
)
def test_impossible_periods_are_refused(make, words):
    with pytest.raises(ValidationError, match=words):
        make()
