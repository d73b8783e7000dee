"""The PostgreSQL database of the runs: the start state is written once, and put back in milliseconds after each run."""

# ruff: noqa: S608 - the names in these statements are the tables' own

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import create_engine, make_url, select, text

from bot.db.opening import open_database
from bot.db.postgres import PostgresDatabase
from bot.db.schema import metadata
from tests.fakes.databases import KEYRING, Postgres, postgres_server
from tests.interleaving.building import build
from tests.interleaving.devices import signed_by_stand_ins
from tests.interleaving.scene import Scene

TABLES = {table.name: table for table in metadata.sorted_tables}
KEYS = {name: [column.name for column in table.primary_key.columns] for name, table in TABLES.items()}
_NEW_ROWS = {
    name: table.select().where(text("CAST(CAST(xmin AS text) AS bigint) > :since")) for name, table in TABLES.items()
}
FIRST_NUMBER = 7_000_000_000_000
PER_TABLE = 1_000_000
"""Numbers that the database gives say by themselves which table they are of, wherever they are written."""
VACUUM_EVERY = 400


class Lab:
    """`database` is the product's own; `admin` looks at it and puts rows back."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self.url = server.migrated()
        self._engine = create_engine(make_url(self.url), isolation_level="AUTOCOMMIT")
        self.admin = self._engine.connect()
        # A deadlock is noticed at once instead of after a second.
        self._do(f"ALTER DATABASE \"{make_url(self.url).database}\" SET deadlock_timeout = '20ms'")
        for number, (name, table) in enumerate(TABLES.items()):
            if "id" in table.c and table.c.id.autoincrement is True:
                self._do(f"ALTER SEQUENCE {name}_id_seq RESTART WITH {FIRST_NUMBER + number * PER_TABLE + 1}")
        opened = open_database(self.url, KEYRING)
        assert isinstance(opened, PostgresDatabase)
        self.database = opened
        self.scene: Scene = build(opened)
        self._do("CREATE SCHEMA start")
        for name in TABLES:
            self._do(f'CREATE TABLE start."{name}" AS TABLE public."{name}"')
        self._do("SET session_replication_role = replica")
        self._restored = 0
        self._note_start()

    def restore(self, tables: Iterable[str]) -> None:
        """Put the start state back into these tables (foreign keys are not looked at meanwhile)."""
        self._restored += 1
        if self._restored % VACUUM_EVERY == 0:
            self._do("VACUUM")
        parts = []
        for name in sorted(tables):
            same = " AND ".join(f't."{key}" = s."{key}"' for key in KEYS[name])
            gone = f'DELETE FROM "{name}" WHERE {self._is_new}'
            missing = f'NOT EXISTS (SELECT FROM "{name}" t WHERE {same})'
            parts += [gone, f'INSERT INTO "{name}" SELECT * FROM start."{name}" s WHERE {missing}']
        if parts:
            self._do(";".join(parts))
            self._note_start()

    def _note_start(self) -> None:
        self._start = int(self.admin.exec_driver_sql("SELECT pg_current_xact_id()::text::bigint").scalar_one())

    @property
    def _is_new(self) -> str:
        """The condition of rows that were written since the start state was put back."""
        return f"xmin::text::bigint > {self._start}"

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return all rows of a table, as the product's column types read them."""
        return [dict(row) for row in self.admin.execute(TABLES[name].select()).mappings()]

    def new_rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows that were added or changed since the start state was put back."""
        return [dict(row) for row in self.admin.execute(_NEW_ROWS[name], {"since": self._start}).mappings()]

    def kept(self, tables: Iterable[str]) -> dict[str, set[tuple[str, ...]]]:
        """Return by table the keys (as PostgreSQL writes them) of the rows that are as they were at the start."""
        parts = [f"SELECT '{name}', {_as_texts(name)} FROM {name} WHERE NOT {self._is_new}" for name in sorted(tables)]
        found: dict[str, set[tuple[str, ...]]] = {name: set() for name in tables}
        for name, key in self.admin.exec_driver_sql(" UNION ALL ".join(parts)) if parts else ():
            found[name].add(tuple(key))
        return found

    def by_key(self, name: str) -> dict[tuple[str, ...], dict[str, Any]]:
        """Return all rows of a table by their keys (as PostgreSQL writes them)."""
        # One statement: of two, each has an order of its own. After a vacuum (also one that the server starts by
        # itself) keys alone are read from the index, and rows from the table, where a changed row is the last one.
        found = self.admin.execute(select(TABLES[name], text(f"{_as_texts(name)} AS row_key"))).mappings()
        return {tuple(row["row_key"]): {key: row[key] for key in row if key != "row_key"} for row in found}

    def is_blocked(self, pid: int) -> bool:
        """Whether that connection waits for a lock another one holds."""
        found = self.admin.exec_driver_sql(f"SELECT cardinality(pg_blocking_pids({pid}))").scalar_one()
        return bool(found)

    def close(self) -> None:
        self.admin.close()
        self._engine.dispose()
        self.database.shut()
        self._server.drop(self.url)

    def _do(self, sql: str) -> None:
        self.admin.exec_driver_sql(sql)


def _as_texts(name: str) -> str:
    columns = ", ".join(f'"{key}"::text' for key in KEYS[name])
    return f"ARRAY[{columns}]"


@contextmanager
def open_lab() -> Iterator[Lab]:
    """Start a server, write the start state; all of it is gone at the end."""
    with postgres_server() as server, signed_by_stand_ins():
        lab = Lab(server)
        try:
            yield lab
        finally:
            lab.close()
