import os
import signal
import subprocess
import sys
import threading

import pytest

from bot.db import lock
from bot.db.lock import (
    AlreadyRunningError,
    CommandRunningError,
    exclusive_access,
    shared_access,
    single_process,
    sqlite_path,
)

_HOLDER = """
import sys, time
from bot.db.lock import single_process
with single_process(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/var/test.db"


def test_a_second_process_on_the_file_is_refused_until_the_first_is_gone_even_killed(url):
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", _HOLDER, url], stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunningError, match="stop it first"), single_process(url):
            pass
        holder.send_signal(signal.SIGKILL)
    with single_process(url):
        pass


def test_lock_is_released_at_the_end_and_after_an_error(url):
    with pytest.raises(ValueError, match="x"), single_process(url):
        raise ValueError("x")
    with single_process(url), pytest.raises(AlreadyRunningError), single_process(url):
        pass


@pytest.mark.parametrize("shared", ["sqlite://", "postgresql://u@h/n"])
def test_memory_and_postgresql_need_no_lock(shared):
    assert sqlite_path(shared) is None
    with single_process(shared), single_process(shared), shared_access(shared):
        pass


def test_by_another_name_it_is_the_same_file(url, tmp_path, monkeypatch):
    (tmp_path / "link.db").symlink_to(tmp_path / "var" / "test.db")
    (tmp_path / "folder").symlink_to(tmp_path / "var")
    (tmp_path / "var").mkdir()
    monkeypatch.chdir(tmp_path)
    with single_process(url):
        for name in ("link.db", "folder/test.db", "var/test.db", "var/../var/test.db"):
            with pytest.raises(AlreadyRunningError), single_process(f"sqlite:///{name}"):
                pass


def test_lock_is_shared_by_users_and_exclusive_for_a_replacement(url):
    path = sqlite_path(url)
    with (
        shared_access(url),
        shared_access(url),
        pytest.raises(CommandRunningError, match="wait until it has ended"),
        exclusive_access(path),
    ):
        pass
    with exclusive_access(path):
        pass


def test_a_command_waits_until_the_file_is_replaced(url, monkeypatch):
    asks, begun, flock = threading.Event(), threading.Event(), lock.fcntl.flock

    def asked(file, how):
        asks.set()
        flock(file, how)

    def command():
        with shared_access(url):
            begun.set()

    waiting = threading.Thread(target=command)
    with exclusive_access(sqlite_path(url)):
        monkeypatch.setattr(lock.fcntl, "flock", asked)
        waiting.start()
        assert asks.wait(10)
        assert not begun.is_set()
    assert begun.wait(10)
    waiting.join()


def test_a_lock_that_root_makes_is_the_folders_owners(url, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda file, *owner: given.append((os.fstat(file).st_ino, *owner)))
    with shared_access(url):
        pass
    folder, file = (tmp_path / "var").stat(), (tmp_path / "var" / "test.db.work.lock").stat()
    assert given == [(file.st_ino, folder.st_uid, folder.st_gid)]
