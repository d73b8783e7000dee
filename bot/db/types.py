"""Column types: timestamps as aware UTC datetimes, and the integer ids of rows. Knows no table."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Identity = BigInteger().with_variant(Integer, "sqlite")
"""64 bits in both databases; SQLite assigns ids only in a column declared INTEGER."""


class UTCDateTime(TypeDecorator[datetime]):
    """Aware UTC datetimes, to the microsecond; ValueError for a naive one.

    `timestamptz` on PostgreSQL; on SQLite, microseconds since 1970 as an integer, so that an index is in order of time.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return BigInteger() if dialect.name == "sqlite" else DateTime(timezone=True)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError("a timestamp without a time zone can't be stored: pass an aware datetime")
        return (value - EPOCH) // _MICROSECOND if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name == "sqlite":
            return EPOCH + timedelta(microseconds=value)
        timestamp: datetime = value
        return timestamp.astimezone(UTC)
