from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.app.records.messages import Lane, LimiterRow
from bot.delivery import limiter
from bot.delivery.lanes import BULK, TELEGRAM_LIMITS, URGENT
from tests.fakes.outbox import UNLIMITED

from .stand_ins import AT

FRESH = LimiterRow(all_free_at=AT, bulk_free_at=AT, bulk_stopped_until=AT)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def ms(number: int) -> timedelta:
    return timedelta(milliseconds=number)


def most_in(times: list[datetime], window: timedelta) -> int:
    """Return the maximum number of timestamps in any closed window of that length."""
    return max((sum(start <= other <= start + window for other in times) for start in times), default=0)


def granted(asks: list[tuple[int, Lane]]) -> list[tuple[datetime, Lane]]:
    """Request messages one after another with these gaps in milliseconds; return the times that were granted."""
    row, at, got = FRESH, AT, []
    for gap, lane in asks:
        at += ms(gap)
        row, wait = limiter.grant(row, lane, at)
        if wait is None:
            got.append((at, lane))
    return got


ASKS = st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 7, 13, 40, 50, 200]), st.sampled_from(list(Lane))), max_size=250)


@given(ASKS)
def test_grant_any_second_has_at_most_30_of_which_24_bulk(asks):
    got = granted(asks)
    assert most_in([at for at, _ in got], SECOND) <= 30
    assert most_in([at for at, lane in got if lane in BULK], SECOND) <= 24


def test_grant_uses_the_whole_budget():
    got = granted([(1, Lane.REPLY)] * 3000)
    assert 25 * 3 <= len(got) <= 25 * 3 + 5


@pytest.mark.parametrize("lane", BULK)
def test_grant_bulk_gets_four_fifths_of_the_rate(lane):
    assert 60 <= len(granted([(1, lane)] * 3000)) <= 63


@given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from(BULK)), max_size=200), st.integers(0, 60))
def test_grant_call_screen_and_card_at_once_after_any_bulk(asks, gap):
    row, at = FRESH, AT
    for pause, lane in asks:
        at += ms(pause)
        row, _ = limiter.grant(row, lane, at)
    at += ms(gap)
    assert limiter.available(row, Lane.RED_FLAG, at, 2) == 2


@given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from(URGENT)), max_size=200))
def test_grant_refused_is_granted_at_the_returned_time(asks):
    row, at = FRESH, AT
    for pause, lane in asks:
        at += ms(pause)
        row, wait = limiter.grant(row, lane, at)
        if wait is not None:
            assert limiter.grant(row, lane, wait - timedelta(microseconds=1))[1] == wait
            assert limiter.grant(row, lane, wait)[1] is None


def test_grant_refused_changes_nothing():
    row, _ = limiter.grant(FRESH, Lane.CHECKIN, AT)
    while (after := limiter.grant(row, Lane.CHECKIN, AT))[1] is None:
        row = after[0]
    assert after[0] is row


def test_available_equals_the_number_of_grants():
    assert limiter.available(FRESH, Lane.RED_FLAG, AT, 10) == 5
    assert limiter.available(FRESH, Lane.CHECKIN, AT, 10) == 3
    assert limiter.available(FRESH, Lane.CHECKIN, AT, 2) == 2
    assert limiter.available(FRESH, Lane.CHECKIN, AT, -1) == 0


def test_grant_bulk_never_uses_the_end_of_the_burst():
    row = FRESH
    for _ in range(3):
        row, _ = limiter.grant(row, Lane.REPLY, AT)
    assert limiter.available(row, Lane.CHECKIN, AT, 5) == 0
    assert limiter.available(row, Lane.REPLY, AT, 5) == 2


def test_pause_bulk_pauses_only_bulk_lanes():
    row = limiter.pause_bulk(FRESH, AT + MINUTE)
    assert [lane for lane in Lane if limiter.available(row, lane, AT + MINUTE - ms(1), 1)] == list(URGENT)
    assert all(limiter.available(row, lane, AT + MINUTE, 1) for lane in Lane)


def test_pause_shorter_does_not_end_a_longer_one():
    row = limiter.pause_bulk(limiter.pause_bulk(FRESH, AT + MINUTE), AT + SECOND)
    assert row.bulk_stopped_until == AT + MINUTE


def test_grant_clock_set_back_does_not_delay_a_red_flag():
    hour = timedelta(hours=1)
    row = LimiterRow(all_free_at=AT + hour, bulk_free_at=AT + hour, bulk_stopped_until=AT)
    row, wait = limiter.grant(row, Lane.RED_FLAG, AT)
    assert wait is None
    assert row.all_free_at == AT + TELEGRAM_LIMITS.interval
    assert limiter.available(row, Lane.CHECKIN, AT, 1) == 1


def test_grant_accepts_times_of_a_clock_slightly_ahead():
    row = FRESH.model_copy(update={"all_free_at": AT + 2 * SECOND})
    assert limiter.available(row, Lane.RED_FLAG, AT, 1) == 0


def written(gaps: list[int], *, group: bool, edits: tuple[bool, ...] = (False,)) -> list[tuple[datetime, bool]]:
    free_at, at, got = None, AT, []
    for number, gap in enumerate(gaps):
        at += ms(gap)
        if free_at is None or free_at <= at:
            edit = edits[number % len(edits)]
            got.append((at, edit))
            free_at = limiter.grant_chat(free_at, at, group=group, edit=edit)
    return got


@given(
    st.lists(st.sampled_from([0, 0, 1, 100, 333, 500, 1000, 5000]), max_size=120), st.lists(st.booleans(), min_size=1)
)
def test_grant_chat_private_is_burst_of_3_and_1_a_second(gaps, edits):
    new = [at for at, edit in written(gaps, group=False, edits=tuple(edits)) if not edit]
    for seconds in (0, 1, 5, 20):
        assert most_in(new, seconds * SECOND) <= 3 + seconds


@given(st.lists(st.sampled_from([0, 0, 1, 1000, 3749, 3750, 15000]), max_size=120))
def test_grant_chat_group_gets_at_most_20_in_any_minute(gaps):
    assert most_in([at for at, _ in written(gaps, group=True)], MINUTE) <= 20


def test_grant_chat_full_burst_allows_three_then_waits():
    free_at = limiter.grant_chat(None, AT, group=False)
    free_at = limiter.grant_chat(free_at, AT, group=False)
    assert free_at <= AT
    assert limiter.grant_chat(free_at, AT, group=False) == AT + ms(1100)


def test_grant_chat_edit_costs_half():
    free_at = None
    for _ in range(5):
        free_at = limiter.grant_chat(free_at, AT, group=False, edit=True)
    assert free_at == AT + ms(550)


def test_has_full_burst_once_the_burst_is_restored():
    assert limiter.has_full_burst(None, AT, group=False)
    free_at = limiter.grant_chat(None, AT, group=False)
    assert not limiter.has_full_burst(free_at, AT + ms(1099), group=False)
    assert limiter.has_full_burst(free_at, AT + ms(1100), group=False)


def test_scaled_limits_are_the_same_in_real_time():
    fast = TELEGRAM_LIMITS.scaled_to(3600)
    assert fast.interval == timedelta(seconds=144)
    row, at, count = FRESH, AT, 0
    for _ in range(3000):
        at += 3600 * ms(1)
        row, wait = limiter.grant(row, Lane.CHECKIN, at, fast)
        count += wait is None
    assert 60 <= count <= 63


def test_unlimited_grants_all_but_respects_a_pause():
    row = FRESH
    for _ in range(100):
        row, wait = limiter.grant(row, Lane.DIGEST, AT, UNLIMITED)
        assert wait is None
    assert limiter.grant_chat(AT, AT, group=False, limits=UNLIMITED) == AT
    assert limiter.available(limiter.pause_bulk(row, AT + SECOND), Lane.DIGEST, AT, 1, UNLIMITED) == 0


def test_message_of_two_calls_costs_as_much_as_two():
    row, _ = limiter.grant(FRESH, Lane.RED_FLAG, AT)
    row, _ = limiter.grant(row, Lane.RED_FLAG, AT)
    assert limiter.grant(FRESH, Lane.RED_FLAG, AT, calls=2) == (row, None)
    free_at = limiter.grant_chat(limiter.grant_chat(None, AT, group=False), AT, group=False)
    assert limiter.grant_chat(None, AT, group=False, calls=2) == free_at
