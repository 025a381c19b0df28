"""The embedded Postgres lives as long as somebody uses it, whatever becomes of its users."""

import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from lakehouse.errors import PublishError
from lakehouse.postgres import programs, roles
from lakehouse.postgres.embedded import Server

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="root alone can be another user")
ROOT = Path(__file__).parents[2]
USER = """
import sys
import tempfile
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


@pytest.mark.long
def test_the_last_user_stops_it(server):
    with server.serving() as address:
        with server.serving() as again:
            assert again == address
        assert answers(address)
    assert not answers(address)


@pytest.mark.long
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


@pytest.mark.long
def test_a_server_that_is_killed_is_started_for_the_next(server, tmp_path):
    with server.serving():
        pid = int((tmp_path / "data/postmaster.pid").read_text().splitlines()[0])
        kill(pid)
    with server.serving() as address:
        assert answers(address)


@pytest.mark.long
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


@pytest.mark.long
def test_what_a_killed_set_up_left_is_no_hindrance(server, tmp_path):
    (tmp_path / "data-half").mkdir()
    (tmp_path / "data-half/PG_VERSION").write_text("18\n")
    with server.serving() as address:
        assert answers(address)
    assert not (tmp_path / "data-half").exists()


@pytest.mark.long
@pytest.mark.parametrize("name", ["long, 'odd' and " * 10, "a,b\n\"'$HOME`;&%41\\*[{=:~ä😀 "])
def test_any_path_will_do(tmp_path, name):
    with Server(tmp_path / name / "data", tmp_path / name / "locks").serving() as address:
        assert answers(address)


@pytest.mark.long
@as_root
def test_the_folders_above_stay_closed(tmp_path):
    above = tmp_path / "closed"
    above.mkdir(mode=0o700)
    with Server(above / "data", above / "locks").serving() as address:
        assert answers(address)
    assert above.stat().st_mode & 0o777 == 0o700
    assert (above / "data").stat().st_uid != 0


@pytest.mark.long
@as_root
def test_programs_in_a_closed_folder_are_copied_and_removed(tmp_path, monkeypatch):
    closed = tmp_path / "site-packages"
    closed.mkdir(mode=0o700)
    installed = programs.find()
    for name in (installed.parent.name, f"{installed.parent.name}.libs"):
        (closed / name).symlink_to(installed.parent.with_name(name))
    monkeypatch.syspath_prepend(closed)
    server = Server(tmp_path / "data", tmp_path / "locks")
    with server.serving() as address:
        assert answers(address)
        copied = (tmp_path / "locks/postgres.programs").readlink()
        assert copied.is_dir()
    assert not copied.exists()


NAMELESS = """
import os, sys
from pathlib import Path
import psycopg
from lakehouse.postgres.embedded import Server
os.setgroups([]), os.setgid(54321), os.setuid(54321), os.environ.clear()
folder = Path(sys.argv[1])
with Server(folder / "data", folder / "locks").serving() as address:
    with psycopg.connect(address) as connection:
        print(connection.execute("select 1").fetchone())
"""


@pytest.mark.long
@as_root
def test_a_user_without_a_name_will_do(tmp_path):
    with pytest.raises(KeyError):
        pwd.getpwuid(54321)
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, 54321, 54321)
        script = [sys.executable, "-c", NAMELESS, folder]
        done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == ("(1,)\n", "")


@pytest.mark.parametrize(
    "variable", ["PGHOSTADDR=10.1.1.1", "PGPORT=77", "PGOPTIONS=-cx=y", "PGCLIENTENCODING=latin1"]
)
def test_what_the_environment_says_of_another_server_is_not_meant(
    postgres_server, monkeypatch, variable
):
    monkeypatch.setenv(*variable.split("=", 1))
    with psycopg.connect(postgres_server) as connection:
        assert connection.execute("show client_encoding").fetchone() == ("UTF8",)


@pytest.mark.long
def test_text_sorts_alike_whatever_the_language_of_the_caller(server, monkeypatch):
    for name, value in {"LANG": "de_XX.UTF-8", "LC_ALL": "tr_TR", "TZ": "nowhere"}.items():
        monkeypatch.setenv(name, value)
    letters = "select string_agg(x, '' order by x) from unnest('{a,B,ä,_,Z,i,I}'::text[]) x"
    with server.serving() as address, psycopg.connect(address) as connection:
        assert connection.execute(letters).fetchone() == ("BIZ_aiä",)
        assert connection.execute("select upper('iä')").fetchone() == ("IÄ",)
        assert connection.execute("show timezone").fetchone() == ("UTC",)


@pytest.mark.long
def test_the_server_knows_nothing_of_its_starters_environment(server, monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_OF_THE_OWNER", "hush")
    with server.serving():
        pid = (tmp_path / "data/postmaster.pid").read_text().splitlines()[0]
        known = Path(f"/proc/{pid}/environ").read_text().split("\0")
    names = {line.partition("=")[0] for line in known if line}
    assert {name for name in names if not name.startswith("PG")} <= {"LC_ALL", "TZ", "PWD"}


@pytest.mark.long
@pytest.mark.parametrize("note", [b"", b"\0\0\0", b"\xff no number"])
def test_a_note_of_itself_that_a_power_cut_damaged_does_not_keep_it_from_starting(server, note):
    with server.serving():
        pass
    (server.folder / "postmaster.pid").write_bytes(note)
    with server.serving() as address:
        assert answers(address)


@pytest.mark.long
def test_a_server_that_was_made_anew_is_told_from_the_one_before(server):
    with server.serving():
        before = server.identity
    shutil.rmtree(server.folder)
    assert (before, server.identity) == (before or None, "")
    with server.serving():
        assert server.identity not in {before, ""}


def as_before_there_were_passwords(server):
    """Make data as older versions did, when nobody was asked for a password; a mart is in it."""
    with server.serving() as address:
        password = roles.password(server.passfile, roles.OWNER)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("create table marts.old as select 1 as x")
            connection.execute(f"drop owned by {roles.READER}")
            connection.execute(f"drop role {roles.READER}")
            connection.execute("alter role postgres password null")
        (server.folder / "pg_hba.conf").write_text("local all all trust\n")
        server.passfile.unlink()
    return password


@pytest.mark.long
def test_the_socket_is_in_a_folder_that_others_cannot_enter(tmp_path):
    folder = tmp_path / ("long and " * 12)
    with Server(folder / "data", folder / "locks").serving() as address:
        place = Path(psycopg.conninfo.conninfo_to_dict(address)["host"])
        assert place.stat().st_mode & 0o077 == 0
    assert not place.exists()


@pytest.mark.long
def test_old_data_is_given_passwords(server):
    old = as_before_there_were_passwords(server)
    with server.serving() as address, psycopg.connect(address) as connection:
        assert roles.password(server.passfile, roles.OWNER) != old
        assert connection.execute("select x from marts.old").fetchone() == (1,)
        assert not answers(address.partition("&passfile")[0])
    with server.serving(roles.READER) as address, psycopg.connect(address) as connection:
        assert connection.execute("select x from marts.old").fetchone() == (1,)


@pytest.mark.long
def test_old_data_that_another_process_serves_is_left_alone(server):
    with server.serving() as address:
        rules = server.folder / "pg_hba.conf"
        rules.write_text("local all all trust\n")
        with pytest.raises(PublishError, match="used by another process"), server.serving():
            pass
        assert answers(address)
    with server.serving() as address:
        assert rules.read_text() == roles.RULES
        assert answers(address)


@pytest.mark.long
def test_old_data_of_a_user_that_was_killed_is_given_passwords(server, tmp_path):
    as_before_there_were_passwords(server)
    (tmp_path / "pgpass").write_text("")
    (tmp_path / "data/pg_hba.conf").write_text(roles.RULES)  # so that it is served as it is
    script = USER.format(folder=str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        server.passfile.unlink()
        process.kill()
    with server.serving() as address:
        assert answers(address)


@pytest.mark.long
def test_the_password_of_another_server_is_not_meant(server, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "of-another")
    monkeypatch.setenv("PGPASSFILE", "/nonexistent")
    with server.serving() as address:
        assert answers(address)


@pytest.mark.long
def test_its_log_does_not_grow_for_ever(server, tmp_path):
    log = tmp_path / "data" / "log"
    for mark in ("first", "second"):
        with server.serving():
            pass
        log.write_text(mark * 300_000)
    with server.serving() as address:
        assert answers(address)
    logs = {path.name: path.stat().st_size for path in log.parent.glob("log*")}
    assert logs.keys() == {"log", "log.before"}
    assert logs["log"] < 10_000
    assert log.with_name("log.before").read_text().startswith("second")
