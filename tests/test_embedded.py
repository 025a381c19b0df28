"""The embedded Postgres lives as long as somebody uses it, whatever becomes of its users."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from lakehouse.postgres.embedded import Server

ROOT = Path(__file__).parent.parent
USER = """
import sys
from pathlib import Path
from lakehouse.postgres.embedded import Server
with Server(Path({folder!r}) / "data", Path({folder!r}) / "locks").serving():
    print("here", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def server(tmp_path):
    return Server(tmp_path / "data", tmp_path / "locks")


def answers(address):
    try:
        with psycopg.connect(address) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def test_the_last_user_stops_it(server):
    with server.serving() as address:
        with server.serving() as again:
            assert again == address
        assert answers(address)
    assert not answers(address)


def test_a_user_that_is_killed_does_not_keep_it_alive(server, tmp_path):
    script = USER.format(folder=str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.kill()
    with server.serving() as address:
        assert answers(address)
    assert not answers(address)


def kill(pid):
    """Kill a process that is nobody's child, and wait until it is gone."""
    process = os.pidfd_open(pid)
    signal.pidfd_send_signal(process, signal.SIGKILL)
    select.select([process], [], [])
    os.close(process)


def test_a_server_that_is_killed_is_started_for_the_next(server, tmp_path):
    with server.serving():
        pid = int((tmp_path / "data/postmaster.pid").read_text().splitlines()[0])
        kill(pid)
    with server.serving() as address:
        assert answers(address)


def test_a_process_that_has_the_number_of_a_killed_server_is_left_alone(server, tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        with server.serving():
            note = tmp_path / "data/postmaster.pid"
            pid, *lines = note.read_text().splitlines()
            kill(int(pid))
            note.write_text("\n".join([str(other.pid), *lines]))
        assert other.poll() is None
        other.communicate(b"\n")
    assert other.returncode == 0


def test_what_a_killed_set_up_left_is_no_hindrance(server, tmp_path):
    (tmp_path / "data-half").mkdir()
    (tmp_path / "data-half/PG_VERSION").write_text("18\n")
    with server.serving() as address:
        assert answers(address)
    assert not (tmp_path / "data-half").exists()


def test_a_path_that_is_too_long_for_a_socket_will_do(tmp_path):
    folder = tmp_path / ("long, 'odd' and " * 10)
    with Server(folder / "data", folder / "locks").serving() as address:
        assert answers(address)


@pytest.mark.parametrize("variable", ["LANG=de_XX.UTF-8", "LC_ALL=tr_TR", "LC_CTYPE=UTF-8", "TZ=x"])
def test_text_sorts_alike_whatever_the_language_of_the_caller(server, monkeypatch, variable):
    monkeypatch.setenv(*variable.split("="))
    letters = "select string_agg(x, '' order by x) from unnest('{a,B,ä,_,Z,i,I}'::text[]) x"
    with server.serving() as address, psycopg.connect(address) as connection:
        assert connection.execute(letters).fetchone() == ("BIZ_aiä",)
        assert connection.execute("select upper('iä')").fetchone() == ("IÄ",)
        assert connection.execute("show timezone").fetchone() == ("UTC",)


def test_the_server_knows_nothing_of_its_starters_environment(server, monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_OF_THE_OWNER", "hush")
    with server.serving():
        pid = (tmp_path / "data/postmaster.pid").read_text().splitlines()[0]
        known = Path(f"/proc/{pid}/environ").read_text().split("\0")
    names = {line.partition("=")[0] for line in known if line}
    assert {name for name in names if not name.startswith("PG")} <= {"LC_ALL", "TZ", "PWD"}
