"""Long windows are fetched in pieces: what fails is told, what is there is not asked for again."""

import subprocess
import sys

import processes
import pytest
from toy import Source, at, event

from lakehouse.errors import SourceError
from lakehouse.records.listener import Silence

LAST = 199
"""The last day: four pieces."""


def flaky(source, bad):
    """The source fails for windows that hold day `bad`."""
    read = Source.read

    def some(window):
        if window.start <= at(bad) < window.end:
            raise SourceError(f"no luck on day {bad}")
        yield from read(source, window)

    source.read = some


class Details(Silence):
    """Keeps what a run tells on demand."""

    def __init__(self):
        self.said = []

    def detail(self, message):
        self.said.append(message)


@pytest.fixture
def events(source):
    """An event every twenty days."""
    source.rows = [event(f"e{day}", 1, at(day)) for day in range(0, LAST + 1, 20)]
    return source


@pytest.mark.long
def test_a_long_window_is_asked_for_in_pieces(toy, events):
    toy.run(0, LAST)
    assert len(events.asked) == 4
    assert toy.rows("marts.total") == [{"rows": 10, "total": 10}]


@pytest.mark.long
def test_pieces_are_built_once(toy, events):
    report = toy.run(0, LAST)
    assert [node.node for node in report.nodes if node.step == "model"] == [
        "silver.steps",
        "marts.daily",
        "marts.total",
    ]


@pytest.mark.long
def test_a_piece_that_fails_does_not_keep_the_others(toy, events):
    flaky(events, 100)
    report = toy.run(0, LAST)
    assert report.status == "incomplete"
    assert list(report.failed.values()) == ["no luck on day 100"]
    assert toy.rows("marts.total") == [{"rows": 7, "total": 7}]


@pytest.mark.long
def test_resume_asks_only_for_what_failed(toy, events):
    flaky(events, 100)
    toy.run(0, LAST)
    events.read = lambda window: Source.read(events, window)
    events.asked.clear()
    report = toy.run(0, LAST, resume=True)
    assert (report.status, len(events.asked)) == ("done", 1)
    assert toy.rows("marts.total") == [{"rows": 10, "total": 10}]


@pytest.mark.long
def test_resume_says_which_windows_were_fetched_before(toy, events):
    flaky(events, 100)
    toy.run(0, LAST)
    events.read = lambda window: Source.read(events, window)
    listener = Details()
    toy.run(0, LAST, resume=True, listener=listener)
    kept = [line.endswith("was fetched before") for line in listener.said]
    assert kept == [True, False, True, True]


@pytest.mark.long
@pytest.mark.parametrize("keep", [0, 50], ids=["emptied", "cut"])
def test_resume_asks_again_for_pages_that_were_damaged(toy, events, keep):
    flaky(events, 100)
    toy.run(0, LAST)
    page = next(toy.session.settings.warehouse.glob("staging/*/0/**/*.parquet"))
    page.write_bytes(page.read_bytes()[:keep])
    events.read = lambda window: Source.read(events, window)
    events.asked.clear()
    assert (toy.run(0, LAST, resume=True).status, len(events.asked)) == ("done", 2)
    assert toy.rows("marts.total") == [{"rows": 10, "total": 10}]


@pytest.mark.long
def test_a_journal_that_was_cut_loses_only_what_it_says_last(toy, events):
    flaky(events, 100)
    toy.run(0, LAST)
    (journal,) = toy.session.settings.warehouse.glob("staging/*/journal.jsonl")
    journal.write_bytes(journal.read_bytes()[:-20])
    events.asked.clear()
    toy.run(0, LAST, resume=True)
    assert len(events.asked) == 1  # what fails again is not counted
    events.read = lambda window: Source.read(events, window)
    events.asked.clear()
    assert (toy.run(0, LAST, resume=True).status, len(events.asked)) == ("done", 1)


def test_a_finished_backfill_is_not_resumed(toy, events):
    toy.run(0, LAST)
    events.asked.clear()
    toy.run(0, LAST, resume=True)
    assert len(events.asked) == 4


def test_a_source_that_never_answers_fails_the_run(toy, events):
    flaky(events, 10)
    with pytest.raises(SourceError, match="day 10"):
        toy.run(0, LAST)
    assert toy.head() is None


@pytest.mark.long
def test_what_failed_is_not_covered(toy, events):
    flaky(events, 100)
    toy.run(0, LAST)
    state = toy.session.catalog.tables("main")["raw.events"].state
    assert not any(window.start <= at(100) < window.end for window in state.covered)
    assert any(window.start <= at(140) < window.end for window in state.covered)


@pytest.mark.long
def test_pieces_that_are_fetched_side_by_side_give_the_same(toy, events):
    flaky(events, 100)
    report = toy.run(0, LAST, workers=3)
    assert len(report.failed) == 1
    assert toy.rows("marts.total") == [{"rows": 7, "total": 7}]


@pytest.mark.long
def test_of_two_pieces_with_one_key_the_later_counts(toy, source):
    source.rows = [event("a", 1, at(0)), event("a", 2, at(100))]
    toy.run(0, LAST)
    assert toy.rows("marts.total") == [{"rows": 1, "total": 2}]


KILLED = """
import os, signal
from pathlib import Path
from toy import Source, Toy, at, event
from lakehouse.engines import duckdb

class Deadly(Source):
    def read(self, window):
        if window.start <= at(140) < window.end:
            (journal,) = Path({folder!r}).glob("**/journal.jsonl")
            while len(journal.read_text().splitlines()) < 3:
                pass  # both pieces before this one are noted while this one is read
            os.kill(os.getpid(), signal.SIGKILL)
        yield from super().read(window)

source = Deadly(*(event(f"e{{day}}", 1, at(day)) for day in range(0, 200, 20)))
Toy(Path({folder!r}), {postgres!r}, source, duckdb.connect()).run(0, 199)
"""


BACKFILL = """
import sys
from pathlib import Path
from toy import Source, Toy, at, event
from lakehouse.engines import duckdb

source = Source(*(event(f"e{{day}}", 1, at(day)) for day in range(0, 100)))
toy = Toy(Path({folder!r}), {postgres!r}, source, duckdb.connect())
print("ready", flush=True)
sys.stdin.readline()
toy.run({first}, {last})
"""


@pytest.mark.long
def test_backfills_that_overlap_in_time_and_range_lose_nothing(toy):
    backfills = []
    for first, last in ((0, 60), (40, 99)):
        script = BACKFILL.format(
            folder=str(toy.folder), postgres=toy.postgres, first=first, last=last
        )
        backfills.append(
            subprocess.Popen(
                [sys.executable, "-c", script],
                env=processes.environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )
    for process in backfills:
        assert process.stdout.readline() == b"ready\n"
    for process in backfills:
        process.stdin.write(b"\n")
        process.stdin.flush()
    assert [process.communicate() and process.returncode for process in backfills] == [0, 0]
    assert toy.rows("marts.total") == toy.published("total") == [{"rows": 100, "total": 100}]
    assert toy.session.catalog.branches() == []


@pytest.mark.long
def test_a_killed_backfill_is_resumed_where_it_was(toy, events):
    script = KILLED.format(folder=str(toy.folder), postgres=toy.postgres)
    killed = subprocess.run(
        [sys.executable, "-c", script], check=False, env=processes.environment()
    )
    assert killed.returncode == -9
    assert toy.head() is None
    toy.run(0, LAST, resume=True)
    assert len(events.asked) == 2
    assert toy.rows("marts.total") == [{"rows": 10, "total": 10}]
    assert toy.session.catalog.branches() == []
