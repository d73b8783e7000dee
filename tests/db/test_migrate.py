import ast
import stat
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from bot.db.engine import database_url
from bot.db.migrate import SCRIPTS, NewerDatabaseError, current, migrate, pending
from bot.db.opening import open_database
from bot.db.schema import metadata
from tests.fakes.databases import KEYRING, sqlite_url

STEPS = sorted(path.name[:4] for path in (SCRIPTS / "versions").glob("0*.py"))


def check_metadata(url):
    """Return how a migrated database differs from the tables of the program, one line each."""
    engine = create_engine(database_url(url))
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            return [repr(difference) for difference in compare_metadata(context, metadata)]
    finally:
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new/folder/test.db"
        return
    server = request.getfixturevalue("postgres")
    url = server.empty()
    yield url
    server.drop(url)


def test_from_nothing_to_now_and_then_nothing_to_do(empty):
    assert (current(empty), pending(empty)) == (None, True)
    done = migrate(empty)
    assert [line.split()[0] for line in done] == STEPS
    assert (current(empty), pending(empty), migrate(empty)) == (STEPS[-1], False, [])


def test_the_migrations_make_the_tables_of_the_code(empty):
    migrate(empty)
    assert check_metadata(empty) == []


def test_a_table_without_a_migration_is_noticed(empty):
    migrate(empty)
    engine = create_engine(open_url(empty))
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE tip_shown"))
        connection.execute(text("ALTER TABLE setting ADD COLUMN extra INTEGER"))
    engine.dispose()
    found = "\n".join(check_metadata(empty))
    assert "tip_shown" in found
    assert "extra" in found


def open_url(url):
    return url.replace("postgresql://", "postgresql+psycopg://")


def _schema(connection):
    """Tables and indexes as the database itself describes them, conditions of partial indexes and all."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND sql NOT NULL"))
        # Neither the order in which a table's constraints are written down nor needless quotes mean anything.
        flat = [" ".join(sql.replace('"', "").split()) for (sql,) in rows]
        return sorted(sorted(part.strip(" )") for part in sql.split(", ")) for sql in flat)
    found = [
        str(row) for row in connection.execute(text("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'"))
    ]
    for table in sorted(set(inspect(connection).get_table_names()) - {"alembic_version"}):
        found += [str(column) for column in inspect(connection).get_columns(table)]
        found += [str(key) for key in inspect(connection).get_foreign_keys(table)]
    return sorted(line for line in found if "alembic" not in line)


def test_the_migrations_make_exactly_what_the_code_would(empty, request, tmp_path):
    migrate(empty)
    if empty.startswith("sqlite"):
        other = f"sqlite:///{tmp_path}/other.db"
    else:
        other = request.getfixturevalue("postgres").empty()
    schemas = []
    for url in (empty, other):
        engine = create_engine(open_url(url))
        if url == other:
            metadata.create_all(engine)
        with engine.connect() as connection:
            schemas.append(_schema(connection))
        engine.dispose()
    assert schemas[0] == schemas[1]


def test_a_newer_database_is_refused(empty):
    migrate(empty)
    engine = create_engine(open_url(empty))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(NewerDatabaseError, match="newer version"):
        migrate(empty)
    assert not pending(empty), "one that runs goes on: it has nothing to bring up to date"


def test_two_processes_at_once_migrate_once(empty):
    script = "import sys; from bot.db.migrate import migrate; print(len(migrate(sys.argv[1])))"
    processes = [
        subprocess.Popen([sys.executable, "-c", script, empty], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    done = []
    for process in processes:
        with process:
            done.append(process.stdout.read().strip())
    assert sorted(done) == ["0", str(len(STEPS))]
    assert check_metadata(empty) == []


def test_only_the_owner_can_read_the_file(tmp_path):
    url = f"sqlite:///{tmp_path}/var/test.db"
    migrate(url)
    assert stat.S_IMODE((tmp_path / "var" / "test.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


def test_a_database_in_memory_needs_no_migration():
    assert (migrate("sqlite://"), pending("sqlite://")) == ([], False)


def test_the_old_version_may_be_up_meanwhile(tmp_path):
    url = sqlite_url(tmp_path / "up.db")
    database = open_database(url, KEYRING)
    assert migrate(url) == []
    database.run(lambda s: s.settings.set("a", "1"))
    database.shut()


@pytest.mark.parametrize("path", sorted((SCRIPTS / "versions").glob("0*.py")), ids=lambda path: path.stem)
def test_a_step_only_adds_what_the_old_version_can_leave_out(path):
    """In a rolling upgrade the old processes write as well as the new: they know no new column."""
    if "\nrenames = True\n" in path.read_text():
        pytest.skip("it runs alone: see test_upgrade.py")
    for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        if name.startswith("op."):
            assert name in {"op.add_column", "op.create_table", "op.create_index", "op.execute", "op.bulk_insert"}, name
        if name == "op.add_column":
            column = ast.unparse(call.args[1])
            assert "nullable=True" in column or "server_default=" in column, column
