"""Databases of older versions, every table filled, are the same after an upgrade but for the names of the terms."""

import os
import re
from datetime import UTC, date, datetime, time
from importlib import import_module

import pytest
from alembic import command
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import (
    JSON,
    Boolean,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Time,
    create_engine,
    inspect,
    select,
)

from bot.db import lock
from bot.db.backup import backup
from bot.db.columns import label_of
from bot.db.engine import database_url
from bot.db.migrate import DatabaseInUseError, config, current, migrate
from bot.db.schema import metadata
from tests.fakes.databases import KEYRING

TERMS = import_module("migrations.versions.0012_terms")
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
BEFORE = "0010"

# What was sealed then, and how: written down here, so that no change of the program can change it too.
SEALED = {
    "patient": ("chat_id", "watch"),
    "caregiver": ("chat_id",),
    "answer": ("choices",),
    "assessment": ("rules", "basis"),
    "alert": ("rules",),
    "outbox": ("chat_id", "screen"),
    "dead_update": ("chat_id", "raw", "error"),
    "staff": ("chat_id", "totp_secret"),
    "snooze": ("level",),
}
SALT = b"r" * 16


def seal(plain: bytes, table: str, column: str) -> bytes:
    key = HKDF(hashes.SHA256(), 32, salt=None, info=b"nervecheck columns").derive(bytes(range(32)))
    nonce, padded = os.urandom(12), plain + b"\x80" + bytes(-(len(plain) + 1) % 64)
    bound = b"\0".join((table.encode(), column.encode(), SALT))
    return b"\x04test" + nonce + AESGCM(key).encrypt(nonce, padded, bound)


DETAIL = {"alert": 1, "told": 'lead-1, "told": ', "has": None, "stage": "ROTA", "outcome": "told_oncologist"}
AUDIT = [
    *(
        {"action": old, "detail": DETAIL if new in TERMS.WITH_DETAIL else {"question": "told"}}
        for old, new in TERMS.WORDS["audit", "action"].items()
    ),
    {"action": "alert_escalated", "detail": DETAIL},
    {"action": "plan_changed", "detail": {"own": "{}", "plan": "told"}},
    {"action": "signed_in", "detail": {"by": "has"}},
]
WORDS = {("checkin", "kind"): "again", ("checkin", "state"): "asking", ("alert", "outcome"): "told_oncologist"}


def value(table, column):
    """Return something for a column, by its name and what it holds."""
    name = column.name
    if (table, name) in WORDS:
        return WORDS[table, name]
    if name in SEALED.get(table, ()):
        return seal(f"{table} {name}".encode(), table, name)
    if name == "rid":
        return SALT
    kinds = {LargeBinary: f"{table} {name}".encode(), JSON: [], Boolean: True, Integer: 1, Date: date(2026, 3, 2)}
    kinds |= {DateTime: AT.replace(tzinfo=AT.tzinfo if column.type.__dict__.get("timezone") else None), Time: time(8)}
    return next((made for kind, made in kinds.items() if isinstance(column.type, kind)), f"{table} {name}")


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/old.db"
        return
    server = request.getfixturevalue("postgres")
    made = server.empty()
    yield made
    server.drop(made)


def fill(url, revision):
    """Make a database of that revision with rows in every table; return what it holds and its indexes."""
    engine = create_engine(database_url(url))
    with engine.begin() as connection:
        command.upgrade(config(connection), revision)
    with engine.begin() as connection:
        tables = MetaData()
        tables.reflect(connection)
        for table in tables.sorted_tables:
            if table.name == "alembic_version":
                continue
            row = {
                column.name: value(table.name, column)
                for column in table.c
                if column.name != "id" or table.name == "limiter"
            }
            for more in AUDIT if table.name == "audit" else [{}]:
                connection.execute(table.insert(), row | more)
    engine.dispose()
    return read(url)


def read(url):
    """Return all rows of all tables, and all indexes with columns and condition."""
    engine = create_engine(database_url(url))
    with engine.connect() as connection:
        tables = MetaData()
        tables.reflect(connection)
        rows = {
            table.name: [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
            for table in tables.sorted_tables
            if table.name != "alembic_version"
        }
        indexes = {
            index["name"]: (table, tuple(index["column_names"]), index["unique"], _condition(index))
            for table in rows
            for index in inspect(connection).get_indexes(table)
        }
    engine.dispose()
    return rows, indexes


def _condition(index):
    """Return the condition of a partial index as text."""
    return " ".join(str(each) for name, each in index.get("dialect_options", {}).items() if name.endswith("_where"))


def renamed_columns(table):
    return TERMS.COLUMNS.get(table, {}) | (dict([TERMS.SEAL_ID]) if table in TERMS.SEALED else {})


def renamed(table, row):
    """Return a row under the names of now, words converted by the migration's table."""
    found = {renamed_columns(table).get(name, name): value for name, value in row.items()}
    for (where, column), words in TERMS.WORDS.items():
        if where == table and column in found:
            found[column] = words.get(found[column], found[column])
    if table == "audit":
        detail = {TERMS.DETAIL.get(key, key): value for key, value in found["detail"].items()}
        words = TERMS.DETAIL_WORDS["outcome"]
        found["detail"] = detail | ({"outcome": words[detail["outcome"]]} if detail.get("outcome") in words else {})
    return found


@pytest.mark.parametrize("revision", ["0001", BEFORE])
def test_upgrade_of_filled_database_changes_names_alone(url, revision):
    before, _ = fill(url, revision)
    migrate(url)
    after, _ = read(url)
    assert before
    for table, rows in before.items():
        now = after[TERMS.TABLES.get(table, table)]
        if table == "setting":
            now = [row for row in now if row["name"] != "protocol"]  # 0022 adds which protocol is in use
        for old, new in zip(rows, now, strict=True):
            # What a later version added is not in the old row.
            assert renamed(table, old) == {name: new[name] for name in renamed(table, old)}, table


def test_upgrade_leaves_sealed_values_readable(url):
    before, _ = fill(url, BEFORE)
    migrate(url)
    after, _ = read(url)
    opened = {}
    for table in metadata.tables.values():
        for column in table.c:
            label = label_of(column)
            if label is not None:
                # Nothing was sealed in a table or a column that is new.
                row = next(iter(after[table.name]), None)
                if row is None or row[column.name] is None:
                    continue
                opened[label] = KEYRING.open(bytes(row[column.name]), label=label, row=bytes(row["seal_id"]))
    assert opened == {f"{t}.{c}": f"{t} {c}".encode() for t, columns in SEALED.items() for c in columns}
    assert set(SEALED) <= set(before)


def test_upgrade_keeps_every_index(url):
    _, before = fill(url, BEFORE)
    migrate(url)
    _, after = read(url)
    for name, (table, columns, unique, condition) in before.items():
        names = renamed_columns(table)
        now = re.sub(r"\w+", lambda word, names=names: names.get(word[0], word[0]), condition)
        expected = (TERMS.TABLES.get(table, table), tuple(names.get(c, c) for c in columns), unique, now)
        assert tuple(str(part).replace('"', "") for part in after[name]) == tuple(
            str(part).replace('"', "") for part in expected
        )


@pytest.mark.parametrize("holds", [lock.shared_access, lock.single_process])
def test_renaming_is_refused_while_a_process_has_the_file_open(tmp_path, holds):
    url = f"sqlite:///{tmp_path}/old.db"
    before = fill(url, BEFORE)
    kept = []
    with holds(url), pytest.raises(DatabaseInUseError, match="stop every nervecheck process"):
        migrate(url, keep=backup, kept=kept.append)
    assert (current(url), read(url), kept) == (BEFORE, before, [])
    migrate(url, keep=backup, kept=kept.append)
    assert [(path.name, current(f"sqlite:///{path}")) for path in kept] == [("old.db.of-0010-1", BEFORE)]
    assert read(f"sqlite:///{kept[0]}") == before


def test_renaming_is_refused_while_another_connection_is_open(postgres):
    url = postgres.empty()
    before = fill(url, BEFORE)
    engine = create_engine(database_url(url))
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        with pytest.raises(DatabaseInUseError, match="1 other connections"):
            migrate(url)
    engine.dispose()
    assert (current(url), read(url)) == (BEFORE, before)
    migrate(url)
    assert current(url) != BEFORE
    postgres.drop(url)


def test_copy_that_fails_stops_the_renaming(url):
    before = fill(url, BEFORE)

    def fails(_url, _target):
        raise RuntimeError("no room")

    with pytest.raises(RuntimeError, match="no room"):
        migrate(url, keep=fails)
    assert (current(url), read(url)) == (BEFORE, before)


def test_run_holds_its_own_lock_while_it_renames(tmp_path):
    url = f"sqlite:///{tmp_path}/old.db"
    fill(url, BEFORE)
    with lock.single_process(url):
        migrate(url, running=True)
    assert current(url) != BEFORE
