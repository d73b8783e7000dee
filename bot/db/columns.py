"""The kinds of columns and indexes that tables are made of. Knows no table.

Columns of type `Sealed` are encrypted (see crypto.py) and bound to the row by `rid`, 16 random bytes that are known
before the database numbers the row. `chat_hash` is the keyed hash a chat is found by.
"""

from typing import Any

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    literal_column,
)
from sqlalchemy.sql.elements import ColumnElement

from bot.db.types import Identity, UTCDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Sealed = LargeBinary
Code = String().with_variant(String(collation="C"), "postgresql")
"""Sorted by bytes everywhere: pages of patients must not depend on the server's locale."""


def number_column() -> Column[int]:
    return Column("id", Identity, primary_key=True, autoincrement=True)


def version(name: str = "version") -> Column[int]:
    """Of a record that is saved whole: see `Section._save`. A program that knows nothing of it goes on inserting."""
    return Column(name, Integer, nullable=False, server_default="0")


def rid() -> Column[bytes]:
    return Column("rid", LargeBinary, nullable=False)


def of_patient(*, nullable: bool = False) -> Column[int]:
    return Column("patient_id", Identity, ForeignKey("patient.id"), nullable=nullable)


def of_checkin(*, nullable: bool = False) -> Column[int]:
    return Column("checkin_id", Identity, ForeignKey("checkin.id"), nullable=nullable)


def words(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, String, nullable=nullable)


def whole(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def moment(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, UTCDateTime, nullable=nullable)


def protocol_columns() -> tuple[Column[str], ...]:
    return words("protocol_name"), words("protocol_version"), words("protocol_hash")


def holds(where: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    """A condition written out: neither database matches a partial index to a bound value."""
    return where == literal_column(f"'{value}'")


def partial_index(name: str, *columns: Column[Any], where: ColumnElement[bool], unique: bool = False) -> None:
    Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)
