import signal
import subprocess
import sys

import pytest

from bot.db.lock import AlreadyRunningError, single_process, sqlite_path

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


def test_it_is_let_go_at_the_end_and_after_an_error(url):
    with pytest.raises(ValueError, match="x"), single_process(url):
        raise ValueError("x")
    with single_process(url), pytest.raises(AlreadyRunningError), single_process(url):
        pass


@pytest.mark.parametrize("shared", ["sqlite://", "postgresql://u@h/n"])
def test_memory_and_postgresql_need_no_lock(shared):
    assert sqlite_path(shared) is None
    with single_process(shared), single_process(shared):
        pass
