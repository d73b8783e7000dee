"""The mapping of records to rows, with sealed and plain fields. Runs inside the caller's transaction."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any, Generic, NamedTuple, TypeVar, cast

import structlog
from prometheus_client import Counter
from pydantic import ValidationError
from sqlalchemy import Column, Connection, Executable, Insert, Select, Table, Update, and_, bindparam, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.elements import ColumnElement

from bot.app.ports.errors import DuplicateError, StaleRecordError
from bot.app.records.operations import Place
from bot.core.frozen import Frozen
from bot.core.screen import Screen
from bot.db.columns import label_of
from bot.db.crypto import Keyring, KeyringError, SealError

log = structlog.get_logger(__name__)
UNREADABLE = (SealError, KeyringError, ValidationError)
"""The errors of a row that was edited manually or is sealed with a missing key."""
UNREADABLE_ROWS = Counter("nervecheck_unreadable_rows_total", "Rows that a sweep had to leave out.")
R = TypeVar("R", bound=Frozen)
Row = Mapping[str, Any]
SEAL_ID_BYTES = 16


class Seal(NamedTuple):
    """The conversion of a field to bytes before sealing, and back."""

    dump: Callable[[Any], bytes]
    load: Callable[[bytes], Any]


NUMBER = Seal(dump=lambda number: str(number).encode(), load=int)
STRINGS = Seal(dump=lambda strings: json.dumps(strings).encode(), load=lambda raw: tuple(json.loads(raw)))
TEXT = Seal(dump=lambda text: text.encode(), load=lambda raw: raw.decode())
SCREEN = Seal(
    dump=lambda screen: screen.model_dump_json(exclude_defaults=True).encode(), load=Screen.model_validate_json
)


def sealed_record(model: type[Frozen]) -> Seal:
    """Return the conversion of a field that is itself a record."""
    return Seal(dump=lambda record: record.model_dump_json().encode(), load=model.model_validate_json)


class Shape(Generic[R]):
    """One record type in one table: each field is a column of the same name; `sealed` ones are encrypted.

    `elsewhere`: fields that are not columns of this table. `version`: the field that counts the saves of the record; a
    record that has one is updated only if its row has the same version.
    """

    def __init__(
        self,
        table: Table,
        model: type[R],
        sealed: Mapping[str, Seal] | None = None,
        elsewhere: Iterable[str] = (),
        version: str = "version",
    ) -> None:
        self.table = table
        self._model = model
        self._sealed = dict(sealed or {})
        left_out = {*self._sealed, *elsewhere, "id"}
        self._labels = {name: _label(table, name) for name in self._sealed}
        self._plain = tuple(name for name in model.model_fields if name not in left_out)
        self._has_id = "id" in model.model_fields
        self.version = version if version in model.model_fields else None
        self.insert: Insert = table.insert()
        self.update: Update = table.update().where(table.c[_key(table)] == bindparam("of_row"))
        if self.version is not None:
            self.update = self.update.where(table.c[self.version] == bindparam("of_version"))

    def values(self, record: R, keyring: Keyring) -> dict[str, Any]:
        """Return the columns of a record without its id; sealed ones with a new `seal_id`."""
        values = {name: _stored(getattr(record, name)) for name in self._plain}
        if self._sealed:
            seal_id = os.urandom(SEAL_ID_BYTES)
            values["seal_id"] = seal_id
            values |= {name: self.seal(name, getattr(record, name), seal_id, keyring) for name in self._sealed}
        return values

    def seal(self, name: str, value: Any, seal_id: bytes, keyring: Keyring) -> bytes | None:
        """Encrypt one column of the row with that `seal_id`."""
        if value is None:
            return None
        return keyring.seal(self._sealed[name].dump(value), label=self._labels[name], row=seal_id)

    def fields(self, row: Row, keyring: Keyring) -> dict[str, Any]:
        """Return the fields of a row; SealError or KeyringError if a sealed one can't be opened."""
        fields = {name: row[name] for name in self._plain}
        if self._has_id:
            fields["id"] = row["id"]
        for name, seal in self._sealed.items():
            sealed = row[name]
            if sealed is not None:
                raw = keyring.open(bytes(sealed), label=self._labels[name], row=bytes(row["seal_id"]))
                fields[name] = seal.load(raw)
        return fields

    def record(self, row: Row, keyring: Keyring) -> R:
        """Return the record of a row; SealError or KeyringError if a sealed field can't be opened."""
        return self._model(**self.fields(row, keyring))


def _label(table: Table, name: str) -> str:
    label = label_of(table.c[name])
    if label is None:
        raise LookupError(f"{table.name}.{name} is not a sealed column: declare it as one in its table")
    return label


def _key(table: Table) -> str:
    return next(iter(table.primary_key.columns)).name


def _stored(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [part.model_dump(mode="json") if isinstance(part, Frozen) else part for part in value]
    if isinstance(value, Frozen):
        return value.model_dump(mode="json")
    return dict(value) if isinstance(value, Mapping) else value


def insert_or_skip(
    table: Table, *keys: str, where: ColumnElement[bool] | None = None, returning: str | None = None
) -> Mapping[str, Executable]:
    """Return, by dialect, an insert that is skipped if a row with these keys (and matching `where`) exists."""
    statements: dict[str, Executable] = {}
    for name, insert in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert)):
        statement = insert(table).on_conflict_do_nothing(index_elements=list(keys), index_where=where)
        statements[name] = statement.returning(table.c[returning]) if returning else statement
    return statements


def insert_or_update(table: Table, *keys: str, only_raise: str | None = None) -> Mapping[str, Executable]:
    """Return, by dialect, an insert that updates the other columns if a row with these keys exists.

    `only_raise`: a column; the row is updated only if that raises its value, whatever other transactions stored since.
    """
    statements: dict[str, Executable] = {}
    for name, insert in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert)):
        statement = insert(table)
        others = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
        raises = table.c[only_raise] < statement.excluded[only_raise] if only_raise else None
        statements[name] = statement.on_conflict_do_update(index_elements=list(keys), set_=others, where=raises)
    return statements


def due_page(statement: Select[Any], timestamp: Column[Any]) -> Select[Any]:
    """Return the statement for the next page of due rows: oldest first, after a place."""
    number = timestamp.table.c.id
    is_after = or_(
        timestamp > bindparam("after_at"), and_(timestamp == bindparam("after_at"), number > bindparam("after_id"))
    )
    # The first condition limits the index scan; the last one alone would not.
    found = statement.where(timestamp >= bindparam("after_at"), timestamp <= bindparam("at"), is_after)
    return found.order_by(timestamp, number).limit(bindparam("top"))


class Section:
    """The base of all stores: the open transaction, the keys, and helpers to run statements."""

    def __init__(self, connection: Connection, keyring: Keyring, *, keeps_time: bool = False) -> None:
        self._connection = connection
        self._keyring = keyring
        self._keeps_time = keeps_time
        self._dialect = connection.dialect.name

    def _all(self, statement: Executable, **values: Any) -> list[Row]:
        return cast("list[Row]", self._connection.execute(statement, values).mappings().all())

    def _first(self, statement: Executable, **values: Any) -> Row | None:
        return cast("Row | None", self._connection.execute(statement, values).mappings().first())

    def _run(self, statement: Executable, **values: Any) -> int:
        """Return the number of rows affected."""
        return self._connection.execute(statement, values).rowcount

    def _records(self, shape: Shape[R], statement: Executable, **values: Any) -> list[R]:
        return [shape.record(row, self._keyring) for row in self._all(statement, **values)]

    def _readable(self, rows: Sequence[Row], build: Callable[[Sequence[Row]], Sequence[R]]) -> list[R]:
        """Build records for a sweep; count and skip rows that can't be read, so that they don't block the others."""
        try:
            return list(build(rows))
        except UNREADABLE:
            return [record for row in rows for record in self._if_readable(row, build)]

    def _next(
        self,
        statement: Executable,
        build: Callable[[Sequence[Row]], Sequence[R]],
        timestamp: str,
        after: Place,
        **values: Any,
    ) -> Sequence[R]:
        """Return the next records of a sweep, skipping rows that can't be read; the statement comes from `due_page`."""
        while True:
            rows = self._all(statement, **values, after_at=after.at, after_id=after.id)
            records = self._readable(rows, build)
            if records or not rows:
                return records
            after = Place(rows[-1][timestamp], rows[-1]["id"])

    def _if_readable(self, row: Row, build: Callable[[Sequence[Row]], Sequence[R]]) -> Sequence[R]:
        try:
            return build([row])
        except UNREADABLE as error:
            UNREADABLE_ROWS.inc()
            log.error("a row can't be read", action="row_unreadable", row=row["id"], error=type(error).__name__)  # noqa: TRY400
            return ()

    def _records_of(self, shape: Shape[R], rows: Sequence[Row]) -> list[R]:
        return [shape.record(row, self._keyring) for row in rows]

    def _record(self, shape: Shape[R], statement: Executable, **values: Any) -> R | None:
        row = self._first(statement, **values)
        return shape.record(row, self._keyring) if row is not None else None

    def _add(self, shape: Shape[R], record: R, **more: Any) -> R:
        """Insert the record and return it with its id."""
        values = shape.values(record, self._keyring) | more
        return record.model_copy(update={"id": self._insert(shape, values)})

    def _insert(self, shape: Shape[R], values: Mapping[str, Any]) -> int:
        """Insert a row and return the id that the database assigned."""
        (number,) = self._connection.execute(shape.insert, values).inserted_primary_key or (0,)
        return int(number)

    def _save(self, shape: Shape[R], record: R, **more: Any) -> R:
        """Overwrite the record's row if it has the record's version; return the record with the next version.

        StaleRecordError if there is no such row, so that no update is lost silently.
        """
        name = cast("str", shape.version)
        number, read = cast("Any", record).id, getattr(record, name)
        saved = record.model_copy(update={name: read + 1})
        values = shape.values(saved, self._keyring) | more
        if self._run(shape.update, of_row=number, of_version=read, **values) == 0:
            message = (
                f"{shape.table.name} {number} has no version {read} any more: it was saved or erased since it was read"
            )
            raise StaleRecordError(message)
        return saved

    @contextmanager
    def _unique_chat(self) -> Iterator[None]:
        """Write a chat in a savepoint, because PostgreSQL rejects statements after an error in a transaction.

        DuplicateError if the chat belongs to somebody else.
        """
        try:
            with self._connection.begin_nested():
                yield
        except IntegrityError as error:
            if "chat_hash" not in str(error.orig):
                raise
            raise DuplicateError("That chat already belongs to someone else: end their participation first.") from None

    def _chat_hash(self, chat_id: int) -> bytes:
        return self._keyring.lookup("chat", chat_id)
