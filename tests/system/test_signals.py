"""Signals: a command that is asked to end does so in good order, and says what holds."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from threading import Timer

import psycopg
import pytest
from toy import at, event

from lakehouse import alerts
from lakehouse.catalogs.sqlite import SqliteCatalog
from lakehouse.errors import PublishError, SourceError
from lakehouse.history import main_moves
from lakehouse.maintain import maintain
from lakehouse.publish import memory, publication, standing
from lakehouse.records import run_records
from lakehouse.session import Session
from lakehouse.system import signals

ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
ROOT = Path(__file__).parents[2]
DAY = ("--date", "2023-10-20")


def ends(monkeypatch, owner, name, number, *, after=False):
    """Let the process be sent a signal when a function is called, or when it has done its work."""
    work = getattr(owner, name)

    def ending(*given, **named):
        done = work(*given, **named) if after else None
        os.kill(os.getpid(), number)
        return done

    monkeypatch.setattr(owner, name, ending)


def head(tmp_path):
    catalog = SqliteCatalog(tmp_path / "home" / "catalog.db", tmp_path / "home" / "warehouse")
    commit = catalog.head()
    assert catalog.branches() == []
    return commit and commit.id


def staged(database):
    with psycopg.connect(database) as connection:
        return connection.execute(
            "select count(*) from information_schema.tables where table_schema = %s",
            (publication.STAGING,),
        ).fetchone()


@pytest.mark.long
@pytest.mark.parametrize("number", ENDING)
def test_a_run_that_is_stopped_before_the_merge_leaves_main(
    lakehouse, monkeypatch, tmp_path, number
):
    ends(monkeypatch, SqliteCatalog, "merge", number)
    code, said = lakehouse("run", *DAY)
    assert (code, said["error"]) == (128 + number, "interrupted; main is as it was")
    assert head(tmp_path) is None


@pytest.mark.long
@pytest.mark.parametrize("number", ENDING)
def test_a_run_that_is_stopped_after_the_merge_says_where_main_is(
    lakehouse, monkeypatch, tmp_path, number, database
):
    with monkeypatch.context() as patched:
        ends(patched, SqliteCatalog, "merge", number, after=True)
        code, said = lakehouse("run", *DAY)
    commit = head(tmp_path)
    assert code == 128 + number
    assert said["error"] == (
        f"interrupted; main is at {commit}; the next run or `publish` publishes it"
    )
    code, report = lakehouse("run", *DAY)
    assert (code, report["commit"], len(report["published"])) == (0, None, 6)
    assert staged(database) == (0,)


@pytest.mark.long
def test_a_run_that_is_stopped_when_all_is_done_says_that_too(lakehouse, monkeypatch, tmp_path):
    ends(monkeypatch, memory, "remember", signal.SIGTERM, after=True)
    _, said = lakehouse("run", *DAY)
    assert said["error"] == f"interrupted; main is at {head(tmp_path)}, and so is Postgres"


def test_a_command_that_moves_nothing_says_nothing_of_main(lakehouse, monkeypatch):
    ends(monkeypatch, SqliteCatalog, "log", signal.SIGTERM)
    code, said = lakehouse("log")
    assert (code, said["error"]) == (143, "interrupted")


@pytest.mark.long
def test_a_run_that_is_stopped_when_it_tells_of_alerts_says_where_main_is(
    lakehouse, monkeypatch, tmp_path
):
    monkeypatch.setenv("LAKEHOUSE_ALERTS", "json://127.0.0.1:1")
    ends(monkeypatch, alerts, "_send_alerts", signal.SIGTERM)
    _, said = lakehouse("run", *DAY)
    assert said["error"] == f"interrupted; main is at {head(tmp_path)}, and so is Postgres"


@pytest.mark.long
def test_a_signal_when_all_is_said_changes_nothing(lakehouse, monkeypatch):
    ends(monkeypatch, ExitStack, "close", signal.SIGTERM)
    code, report = lakehouse("run", *DAY)
    assert (code, report["status"]) == (0, "done")


def test_a_run_that_is_stopped_while_it_loads_leaves_main(lakehouse, monkeypatch):
    ends(monkeypatch, Session, "open", signal.SIGTERM)
    code, said = lakehouse("run", *DAY)
    assert (code, said["error"]) == (143, "interrupted; main is as it was")


@pytest.mark.long
def test_a_second_signal_does_not_disturb_what_cleans_up(lakehouse, monkeypatch, tmp_path):
    ends(monkeypatch, SqliteCatalog, "merge", signal.SIGTERM)
    ends(monkeypatch, SqliteCatalog, "drop_branch", signal.SIGINT)
    drop = SqliteCatalog.drop_branch
    dropped = []
    monkeypatch.setattr(
        SqliteCatalog, "drop_branch", lambda *given: (drop(*given), dropped.append(given[1]))
    )
    code, _ = lakehouse("run", *DAY)
    assert (code, len(dropped)) == (143, 1)


def test_a_signal_that_nothing_heeds_is_known_afterwards():
    """The schedule goes on after a run, and ends if it was told to while the run closed."""
    with signals.heeded():
        with signals.unheeded():
            os.kill(os.getpid(), signal.SIGTERM)
        assert signals.passed()
    with signals.heeded():
        assert not signals.passed()


def test_a_signal_that_is_ignored_stays_so(monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.heeded():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def interrupted_query(toy):
    """Let DuckDB work for hours, until a signal comes."""
    Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with standing.noted(toy.session):
        toy.engine.execute(
            "select count(*) from range(9000000) a, range(900000) b where a.range % 7 = b.range % 9"
        )


def test_an_error_that_a_library_makes_of_a_signal_is_an_interruption(toy):
    with signals.heeded(), pytest.raises(signals.Stopped) as caught:
        interrupted_query(toy)
    assert caught.value.__notes__ == ["main is as it was"]
    assert toy.engine.scalar("select 1") == 1


def interrupted(monkeypatch, owner, name, work):
    """Interrupt some work when a function is called; what is noted on the interruption."""

    def stop(*_, **__):
        raise signals.Stopped(signal.SIGTERM)

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, stop)
        with pytest.raises(signals.Stopped) as caught:
            work()
    return caught.value.__notes__


def unpublished(toy):
    return [f"main is at {toy.head()}; the next run or `publish` publishes it"]


def released(toy, function, *given):
    with toy.session as session:
        return function(session, *given)


@pytest.mark.long
def test_a_rollback_that_is_interrupted_says_where_main_is(two_days, monkeypatch):
    first = two_days.session.catalog.log()[-1].id
    notes = interrupted(
        monkeypatch, publication, "publish", lambda: released(two_days, main_moves.rollback, first)
    )
    assert notes == unpublished(two_days)
    two_days.run(5)
    assert two_days.published("total") == [{"rows": 1, "total": 1}]


@pytest.mark.long
def test_a_merge_that_is_interrupted_says_where_main_is_and_can_be_finished(
    two_days, source, monkeypatch
):
    source.rows.append(event("c", 4, at(2)))
    held = two_days.run(2, hold=True).run_id
    notes = interrupted(
        monkeypatch, publication, "publish", lambda: released(two_days, main_moves.merge, held)
    )
    assert notes == unpublished(two_days)


@pytest.mark.long
def test_a_merge_that_was_killed_when_main_had_moved_is_finished(two_days, source):
    source.rows.append(event("c", 4, at(2)))
    held = two_days.run(2, hold=True).run_id
    commit = two_days.session.catalog.merge(f"run-{held}", run_id=held, message="")
    record = released(two_days, main_moves.merge, held)
    assert (record["status"], record["commit"]) == ("done", commit.id)
    assert two_days.published("total") == [{"rows": 3, "total": 7}]


@pytest.mark.long
def test_a_publication_that_is_interrupted_is_made_up_by_the_next_run(two_days, monkeypatch):
    engine = type(two_days.engine)
    notes = interrupted(
        monkeypatch, engine, "load_postgres", lambda: released(two_days, main_moves.republish)
    )
    assert notes == ["main is as it was; the next run or `publish` publishes it"]
    with psycopg.connect(two_days.postgres, autocommit=True) as connection:
        connection.execute("create table lakehouse_staging.left_there (x int)")
    assert two_days.run(0).status == "nothing to do"
    assert staged(two_days.postgres) == (0,)


@pytest.mark.long
def test_upkeep_that_is_interrupted_says_where_main_is(two_days, monkeypatch):
    def work():
        with two_days.session as session:
            maintain(session)

    assert interrupted(monkeypatch, type(two_days.engine), "data_files", work) == [
        "main is as it was"
    ]


@pytest.mark.long
def test_a_publication_that_fails_says_that_the_commit_stands(two_days, source):
    with psycopg.connect(two_days.postgres, autocommit=True) as connection:
        connection.execute("create view public.mine as select total from marts.total")
    two_days.change(wide=True)
    with pytest.raises(PublishError) as caught:
        two_days.run(0)
    (note,) = unpublished(two_days)
    assert caught.value.advice.endswith(note)
    record = run_records.load(
        two_days.session.settings.warehouse, two_days.session.catalog.head().run_id
    )
    assert (record["commit"], note in record["error"]) == (two_days.head(), True)


@pytest.mark.long
def test_an_error_that_leaves_main_says_nothing_of_it(two_days, source):
    def broken(window):
        raise SourceError("the line was cut", hint="mend it")

    source.read = broken
    with pytest.raises(SourceError) as caught:
        two_days.run(0)
    assert caught.value.advice == "mend it"


def test_a_command_of_a_service_ends_at_sigterm():
    """The default of a signal is to kill; here something cleans up, as seen from outside."""
    script = (
        "import sys, time\n"
        "from lakehouse import cli\n"
        "def wait(*_, **__):\n"
        "    try:\n"
        "        print('ready', flush=True)\n"
        "        time.sleep(60)\n"
        "    finally:\n"
        "        print('cleaned up', flush=True)\n"
        "cli.cli.main = wait\n"
        "sys.exit(cli.main(['log']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    out, said = process.communicate()
    assert (process.returncode, out) == (143, "cleaned up\n")
    assert said == "error: interrupted\n"
