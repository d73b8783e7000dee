from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from bot.db.types import UTCDateTime

SQLITE, POSTGRES = sqlite.dialect(), postgresql.dialect()
TIMESTAMPS = [
    datetime(1901, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2026, 3, 2, 9, 0, 0, 1, tzinfo=UTC),
    datetime(2026, 3, 2, 9, 0, 0, 999999, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
]


def test_timestamps_are_stored_in_order_and_come_back_exactly():
    stored = [UTCDateTime().process_bind_param(timestamp, SQLITE) for timestamp in TIMESTAMPS]
    assert stored == sorted(stored)
    assert [UTCDateTime().process_result_value(value, SQLITE) for value in stored] == TIMESTAMPS


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRES])
def test_timestamp_of_another_zone_is_stored_as_utc(dialect):
    berlin = datetime(2026, 3, 2, 10, 0, tzinfo=timezone(timedelta(hours=1)))
    stored = UTCDateTime().process_bind_param(berlin, dialect)
    back = UTCDateTime().process_result_value(stored, dialect)
    assert back == berlin
    assert back.tzinfo is UTC


def test_what_a_session_in_another_zone_reads_is_utc():
    berlin = datetime(2026, 3, 2, 10, 0, tzinfo=timezone(timedelta(hours=1)))
    assert UTCDateTime().process_result_value(berlin, POSTGRES).utcoffset() == timedelta(0)


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRES])
def test_naive_datetime_is_refused(dialect):
    with pytest.raises(ValueError, match="without a time zone"):
        UTCDateTime().process_bind_param(datetime(2026, 3, 2, 9, 0), dialect)  # noqa: DTZ001 - the very thing


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRES])
def test_nothing_stays_nothing(dialect):
    assert UTCDateTime().process_bind_param(None, dialect) is None
    assert UTCDateTime().process_result_value(None, dialect) is None
