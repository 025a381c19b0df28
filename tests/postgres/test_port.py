"""`lakehouse postgres`: the embedded Postgres on a port, for one role and as long as it is wanted."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from lakehouse.errors import COULD_NOT_RUN
from lakehouse.postgres.embedded import Server

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose home has a Postgres that is set up, and a mart."""
    folder = tmp_path_factory.mktemp("port")
    (folder / "lakehouse.toml").write_text("[project]\n")
    with server(folder).serving() as address, psycopg.connect(address) as connection:
        connection.execute("create table marts.mart as select 1 as x")
    return folder


def server(project):
    return Server(project / "home/postgres", project / "home/locks")


def process_of(project):
    """The server's process, if it runs."""
    note = project / "home/postgres/postmaster.pid"
    return int(note.read_text().splitlines()[0]) if note.exists() else None


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def command(project, *words):
    """The command in a process of its own, its output a pipe; waits for it at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "lakehouse", "postgres", "--port", str(free_port()), *words],
        cwd=project,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "LAKEHOUSE_HOME": str(project / "home"),
            "SECRET_OF_THE_OWNER": "hush",
            "PYTHONUNBUFFERED": "",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def refused(address):
    with pytest.raises(psycopg.OperationalError) as raised:
        psycopg.connect(address)
    return str(raised.value)


@pytest.mark.long
def test_it_lets_the_reader_in_until_it_is_told_to_end(project):
    with command(project) as process:
        address = process.stdout.readline().strip()
        with psycopg.connect(address) as connection:
            assert connection.execute("select x from marts.mart").fetchone() == (1,)
            assert connection.execute("select current_user").fetchone() == ("lakehouse_reader",)
        assert "authentication failed" in refused(address.replace("lakehouse_reader", "postgres"))
        place = address.partition("@")[2]
        for user in ("postgres", "postgres:", "lakehouse_reader", "root", "pgserver", "nobody"):
            assert "password" in refused(f"postgresql://{user}@{place}")
        assert "replication" in refused(f"postgresql://postgres@{place}?replication=true")
        assert "refused" in refused(f"postgresql://{place.replace('127.0.0.1', '[::1]')}")
        password = address.split(":")[2].partition("@")[0]
        example = process.stdout.readline()
        assert "psql" in example
        assert password not in example  # what stands on a command line, everybody can read
        environment = Path(f"/proc/{process_of(project)}/environ").read_bytes()
        assert b"hush" not in environment
        process.send_signal(signal.SIGTERM)
        rest = process.communicate()
    assert (process.returncode, rest[1]) == (0, "")
    assert process_of(project) is None


@pytest.mark.long
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_also_with_somebody_connected(project, ending):
    with command(project, "--format", "json") as process:
        lines = iter(process.stdout.readline, "}\n")
        address = json.loads("".join(lines) + "}")["address"]
        connection = psycopg.connect(address, autocommit=True)
        process.send_signal(ending)
        assert process.wait() == 0
        connection.close()
        assert process.stderr.read() == ""
    assert process_of(project) is None


@pytest.mark.long
def test_a_signal_while_the_server_starts_leaves_none_behind(project):
    with command(project) as process:
        note = project / "home/postgres/postmaster.pid"
        while process.poll() is None and not note.exists():
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert process_of(project) is None


@pytest.mark.long
def test_it_ends_when_the_server_does(project):
    with command(project) as process:
        process.stdout.readline()
        os.kill(process_of(project), signal.SIGKILL)
        _, problem = process.communicate()
    assert process.returncode == COULD_NOT_RUN
    assert problem.splitlines()[0].endswith("home/postgres/postgres has ended")
    assert "Traceback" not in problem


@pytest.mark.long
def test_a_port_that_is_taken_is_an_error(project):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with command(project, "--port", str(taken.getsockname()[1])) as process:
            _, problem = process.communicate()
    assert process.returncode == COULD_NOT_RUN
    assert "cannot be used: Address already in use\n  → choose another" in problem
    assert process_of(project) is None


@pytest.mark.long
def test_one_that_ends_leaves_the_server_to_another(project):
    with command(project) as first, command(project) as second:
        addresses = [process.stdout.readline().strip() for process in (first, second)]
        first.send_signal(signal.SIGTERM)
        assert first.wait() == 0
        with psycopg.connect(addresses[1]) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        second.send_signal(signal.SIGTERM)
        assert second.wait() == 0
    assert process_of(project) is None
