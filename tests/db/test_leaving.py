"""Two processes on one SQLite file: refused while the first works, waited for while it ends."""

import errno
import threading
import time
from types import SimpleNamespace

import pytest
from prometheus_client import REGISTRY

from bot.db import lock
from bot.db.lock import AlreadyRunningError, is_shared, single_process


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/var/test.db"


def test_one_that_is_ending_is_waited_for(url, monkeypatch):
    begun, tried, pause = [], threading.Event(), time.sleep

    def waits(seconds):
        tried.set()
        pause(seconds)

    def second():
        with single_process(url):
            begun.append(1)

    with single_process(url) as hold:
        with pytest.raises(AlreadyRunningError), single_process(url):
            pass
        hold.announce_exit()
        waiting = threading.Thread(target=second)
        monkeypatch.setattr(lock, "time", SimpleNamespace(sleep=waits, monotonic=time.monotonic))
        waiting.start()
        assert tried.wait(10)
        assert begun == [], "two at once"
    waiting.join(10)
    assert len(begun) == 1


def test_one_that_says_so_and_never_ends_is_not_waited_for_for_ever(url, monkeypatch):
    monkeypatch.setattr(lock, "EXIT_SECONDS", 0.2)
    with single_process(url) as hold:
        hold.announce_exit()
        with pytest.raises(AlreadyRunningError), single_process(url):
            pass


def test_that_it_was_ending_once_is_forgotten_by_the_next(url, monkeypatch):
    with single_process(url) as hold:
        hold.announce_exit()
    monkeypatch.setattr(lock.time, "sleep", lambda _seconds: pytest.fail("it waits for one that is not leaving"))
    with single_process(url), pytest.raises(AlreadyRunningError), single_process(url):
        pass


def test_where_nothing_is_locked_leaving_says_nothing():
    with single_process("postgresql://u@h/n") as hold:
        hold.announce_exit()
    assert is_shared("postgresql://u@h/n")
    assert not is_shared("sqlite://")


def test_a_full_disk_does_not_make_a_stop_fail(url, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    before = REGISTRY.get_sample_value("nervecheck_leave_errors_total")
    with single_process(url) as hold:
        monkeypatch.setattr(lock.os, "pwrite", full)
        hold.announce_exit()
    assert REGISTRY.get_sample_value("nervecheck_leave_errors_total") == before + 1
