"""The columns and indexes that tables consist of. Knows no table.

Sealed columns are encrypted (see crypto.py). Their values are bound to the column's label, which never changes, and to
the row's `seal_id`, 16 random bytes that are known before the database assigns the row's id. `chat_hash` is the keyed
hash by which a chat is looked up.
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

_LABEL = "sealed as"
Code = String().with_variant(String(collation="C"), "postgresql")
"""Sorted by bytes in both databases: pages of patients must not depend on the server's locale."""


def primary_key_column() -> Column[int]:
    return Column("id", Identity, primary_key=True, autoincrement=True)


def version(name: str = "version") -> Column[int]:
    """Return the version column of a record that is saved as a whole (see `Section._save`).

    Its default lets the previous version of the program insert rows without it.
    """
    return Column(name, Integer, nullable=False, server_default="0")


def seal_id(*, nullable: bool = False) -> Column[bytes]:
    return Column("seal_id", LargeBinary, nullable=nullable)


def sealed(name: str, label: str, *, nullable: bool = True) -> Column[bytes]:
    """Return a column of encrypted values.

    `label`: the associated data of its values, the table and column in which they were first stored. It is kept if
    either is renamed: with another label, no stored value could be opened.
    """
    return Column(name, LargeBinary, nullable=nullable, info={_LABEL: label})


def label_of(column: Column[Any]) -> str | None:
    """Return the label of a sealed column; None for any other."""
    label: str | None = column.info.get(_LABEL)
    return label


def second_chat() -> tuple[Column[Any], ...]:
    """Return the columns of a patient's second chat, while they move to a new phone, and how far the move has got."""
    chat = sealed("second_chat_id", "patient.second_chat_id"), Column("second_chat_hash", LargeBinary)
    return (*chat, string_column("phone_move", nullable=True), timestamp_column("history_from", nullable=True))


def of_patient(*, nullable: bool = False) -> Column[int]:
    return Column("patient_id", Identity, ForeignKey("patient.id"), nullable=nullable)


def of_checkin(*, nullable: bool = False) -> Column[int]:
    return Column("checkin_id", Identity, ForeignKey("checkin.id"), nullable=nullable)


def string_column(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, String, nullable=nullable)


def integer_column(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def timestamp_column(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, UTCDateTime, nullable=nullable)


def protocol_columns() -> tuple[Column[str], ...]:
    return string_column("protocol_name"), string_column("protocol_version"), string_column("protocol_hash")


def holds(where: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    """Return the condition with a literal value: neither database matches a partial index to a bound value."""
    return where == literal_column(f"'{value}'")


def partial_index(name: str, *columns: Column[Any], where: ColumnElement[bool], unique: bool = False) -> None:
    Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)
