"""A full disk is told in one line that names it, whatever library met it."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from lakehouse import config
from lakehouse.doctor import full_disk_errors
from lakehouse.errors import ProjectError, PublishError, QueryError, SourceError, StorageError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "lakehouse.toml").write_text("[project]\n")
    return config.load(tmp_path, {})


def of_the_system(_):
    with Path("/dev/full").open("w") as full:
        full.write("x")
        full.flush()


def of_sqlite(folder):
    with closing(sqlite3.connect(folder / "small.db")) as connection:
        connection.execute("PRAGMA max_page_count = 1")
        connection.execute("CREATE TABLE t (x)")


def behind_another(folder):
    try:
        of_the_system(folder)
    except OSError:
        raise StorageError("what was fetched could not be staged") from None


def in_the_words_of_another_process(_):
    raise StorageError("OSError: [Errno 28] No space left on device")


@pytest.mark.parametrize(
    "fail", [of_the_system, of_sqlite, behind_another, in_the_words_of_another_process]
)
def test_a_full_disk_is_told_in_one_line_that_names_it(settings, tmp_path, fail):
    with pytest.raises(Exception) as raised:  # noqa: PT011 - of any library
        fail(tmp_path)
    found = full_disk_errors.explained(settings, raised.value)
    assert found.message == f"the disk that holds {settings.home} is full"
    assert found.hint == "free some space and run the same again"


def test_a_file_that_could_not_be_written_names_its_folder(settings):
    error = OSError(28, "No space left on device", "/somewhere/file")
    assert (
        full_disk_errors.explained(settings, error).message
        == "the disk that holds /somewhere is full"
    )


def test_the_disk_of_another_postgres_is_not_taken_for_that_of_the_home(settings):
    elsewhere = replace(settings, postgres_url=SecretStr("postgresql://db.example.org/glucose"))
    error = PublishError("could not extend file: No space left on device")
    assert full_disk_errors.explained(elsewhere, error).message == (
        "the disk of the Postgres of the marts is full"
    )


ENDED = StorageError("the process that stages ended", hint="is the disk full?")


@pytest.mark.parametrize(
    "error", [PublishError("refused"), OSError(13, "denied"), ValueError(), ENDED]
)
def test_what_has_another_reason_is_left_alone(settings, error):
    assert full_disk_errors.explained(settings, error) is None


@pytest.mark.longest
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounts a small disk")
def test_a_run_on_a_full_disk_says_so_and_converges_when_there_is_room():
    done = subprocess.run(
        [sys.executable, "-m", "chaos.full_disk", "--seed", "1", "--times", "2"],
        check=False,
        capture_output=True,
        cwd=ROOT,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "error",
    [
        ProjectError("raw.x could not be fetched: a.py:1 in x: ValueError: disk quota exceeded"),
        SourceError("the shop says: no space left on device"),
        QueryError("DuckDB: Conversion Error: Could not convert string 'disk is full' to INT32"),
    ],
)
def test_words_of_users_and_of_rows_are_no_full_disk(settings, error):
    assert full_disk_errors.explained(settings, error) is None


def test_a_disk_that_the_projects_code_filled_is_told_all_the_same(settings):
    error = ProjectError("raw.x could not be fetched: a.py:1 in x: OSError")
    error.__cause__ = OSError(28, "No space left on device", "/somewhere/file")
    told = full_disk_errors.explained(settings, error)
    assert told.message == "the disk that holds /somewhere is full"
