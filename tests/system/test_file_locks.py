"""Locks of files between processes, and between users of one process."""

import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from lakehouse.system import signals
from lakehouse.system.file_locks import acquire, locked, try_acquire

HOLDS = """
import sys
from lakehouse.system.file_locks import acquire
file = open(sys.argv[1])
acquire(file)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "locks" / "a.lock"


@pytest.fixture
def file(path):
    path.parent.mkdir()
    path.touch()
    with path.open() as opened:
        yield opened


def test_two_users_in_one_process_exclude_each_other(path, file):
    with locked(path):
        assert not try_acquire(file)
        path.open().close()  # does not let go of the lock that another file holds
        assert not try_acquire(file)
    assert try_acquire(file)


def test_shared_locks_exclude_only_those_that_are_not(path, file):
    with path.open() as second, path.open() as third:
        acquire(file, shared=True)
        acquire(second, shared=True)
        assert not try_acquire(third)
        assert not try_acquire(file)  # nor is it lost
        second.close()
        assert try_acquire(file)


def test_a_folder_can_be_locked(tmp_path):
    first, second = (os.open(tmp_path, os.O_RDONLY) for _ in range(2))
    assert (try_acquire(first), try_acquire(second)) == (True, False)
    os.close(first)
    assert try_acquire(second)
    os.close(second)


def test_a_process_that_is_started_does_not_hold_what_its_parent_lets_go(path, file):
    with locked(path):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert try_acquire(file)
    child.communicate(b"\n")


def test_the_lock_of_a_process_that_is_killed_is_free(path, file):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert not try_acquire(file)
        holder.kill()
    assert try_acquire(file)


@pytest.fixture
def told_to_end():
    """SIGTERM again and again, so that one comes while the test waits."""
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    with suppress(signals.Stopped), signals.heeded():
        signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
        yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def wait_for(path):
    try:
        with locked(path):
            return "held"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def test_a_signal_ends_the_wait(path, file, told_to_end):
    assert try_acquire(file)
    with pytest.raises(signals.Stopped):
        wait_for(path)
