"""A folder of files: each is read once as it is, and its rows go as they do."""

import csv
import os

import ibis
import pandera.ibis
import pytest
from changing import Changing
from heard import Heard
from toy import Events, at

from lakehouse import SoftDelete
from lakehouse.errors import LakehouseError, ProjectError, SourceError
from lakehouse.plan.selectors import select
from lakehouse.run.plan_preview import preview
from lakehouse.windows import ALL_TIME


class Signed(Events):
    """Events whose value may be negative."""

    value: int


class WithMark(Events):
    """Events with the day on which they were deleted."""

    gone_on: ibis.dtype("date") = pandera.ibis.Field(nullable=True)


class Folder:
    """Files of events in a home, and the names of those that were read."""

    def __init__(self, path):
        self.path, self.read = path, []
        path.mkdir()

    def write(self, name, **values):
        """Write a file of keys with values."""
        lines = [f"{key},{value},{at(0).isoformat()}" for key, value in values.items()]
        (self.path / name).write_text("\n".join(["id,value,at", *lines, ""]))

    def remove(self, name):
        (self.path / name).unlink()

    def rows(self, file):
        self.read.append(file.name)
        with file.open(newline="") as lines:
            for row in csv.DictReader(lines):
                if row["id"] == "broken":
                    raise ValueError(row["value"])
                yield row

    def taken(self):
        """The names that were read since this was asked."""
        names, self.read = self.read, []
        return names


@pytest.fixture
def folder(tmp_path):
    folder = Folder(tmp_path / "in")
    folder.write("1.csv", a=1, b=2)
    folder.write("2.csv", c=3)
    return folder


@pytest.fixture
def home(tmp_path, database, engine, folder):
    home = Changing(tmp_path, database, None, engine)
    change(home, folder)
    return home


def change(home, folder, **options):
    given = {"way": "file", "give": folder.rows, "schema": Events, "files": "in/*.csv"}
    home.change(**{**given, **options})


@pytest.mark.long
def test_only_new_and_changed_files_are_read(home, folder):
    home.run()
    assert (home.there(), folder.taken()) == ({"a": 1, "b": 2, "c": 3}, ["1.csv", "2.csv"])
    head = home.head()
    os.utime(folder.path / "1.csv", ns=(1, 1))  # the same content
    assert (home.run().status, home.head(), folder.taken()) == ("nothing to do", head, [])
    folder.write("2.csv", c=30)
    folder.write("3.csv", d=4)
    home.run()
    assert folder.taken() == ["2.csv", "3.csv"]
    assert home.there() == {"a": 1, "b": 2, "c": 30, "d": 4}


@pytest.mark.long
def test_a_file_that_was_written_again_at_once_and_is_as_long_is_read(home, folder):
    folder.write("1.csv", a=1, b=2)
    home.run()
    time = (folder.path / "1.csv").stat().st_mtime_ns
    folder.write("1.csv", a=1, b=7)
    os.utime(folder.path / "1.csv", ns=(time, time))
    home.run()
    assert home.there()["b"] == 7


@pytest.mark.long
def test_a_row_says_which_file_it_is_from(home):
    home.run()
    with home.session as session:
        rows = session.query("select id, _file from raw.events order by id").to_pylist()
    assert [row["_file"] for row in rows] == ["in/1.csv", "in/1.csv", "in/2.csv"]


@pytest.mark.long
def test_without_deletes_rows_of_a_file_that_is_gone_stay(home, folder):
    home.run()
    folder.remove("2.csv")
    assert home.run().status == "nothing to do"
    assert len(home.there()) == 3


@pytest.mark.long
def test_rows_that_a_file_lacks_are_gone_and_so_are_those_of_a_file_that_is(home, folder):
    change(home, folder, deletes="window")
    home.run()
    folder.write("1.csv", a=1)
    folder.remove("2.csv")
    folder.write("3.csv", d=4)
    home.run()
    assert home.there() == {"a": 1, "d": 4}
    head = home.head()
    folder.taken()
    assert (home.run().status, home.head(), folder.taken()) == ("nothing to do", head, [])
    folder.write("2.csv", c=3)
    home.run()
    assert home.there() == {"a": 1, "c": 3, "d": 4}


@pytest.mark.long
def test_an_empty_folder_and_an_emptied_file_are_doubted_first(home, folder):
    change(home, folder, deletes="window")
    home.run()
    folder.write("1.csv")
    heard = Heard()
    home.run(listener=heard)
    assert any("no rows of _file in/1.csv any more, and 2 are stored" in w for w in heard.warnings)
    assert len(home.there()) == 3
    home.run()
    assert home.there() == {"c": 3}
    for path in folder.path.iterdir():
        path.unlink()
    home.run()
    assert home.there() == {"c": 3}
    home.run()
    assert home.there() == {}
    head = home.head()
    assert (home.run().status, home.head()) == ("nothing to do", head)


@pytest.mark.long
def test_a_file_in_doubt_that_is_as_before_is_in_doubt_no_more(home, folder):
    change(home, folder, deletes="window")
    home.run()
    for _ in range(2):
        folder.write("1.csv")
        home.run()
        folder.write("1.csv", a=1, b=2)
        home.run()
    assert (home.there(), home.state.doubted) == ({"a": 1, "b": 2, "c": 3}, ())


@pytest.mark.long
def test_of_a_row_in_two_files_the_last_by_name_counts_in_whatever_order_they_come(home, folder):
    change(home, folder, deletes="window")
    folder.write("5.csv", a=5)
    home.run()
    folder.write("3.csv", a=3)
    home.run()
    assert home.there()["a"] == 5
    folder.write("5.csv", z=0)
    home.run()
    assert home.there()["a"] == 3
    folder.remove("3.csv")
    home.run()
    assert home.there() == {"a": 1, "b": 2, "c": 3, "z": 0}


@pytest.mark.long
def test_of_a_row_in_two_files_the_last_valid_version_counts(home, folder):
    change(home, folder, deletes="window")
    folder.write("5.csv", a=-5)
    home.run()
    assert home.there()["a"] == 1
    folder.write("1.csv", a=10)
    home.run()
    assert home.there() == {"a": 10, "c": 3}
    folder.write("1.csv", a=-1)
    home.run()
    assert home.there() == {"c": 3}


@pytest.mark.long
def test_a_file_that_cannot_be_read_is_named_and_holds_up_no_other(home, folder):
    change(home, folder, deletes="window")
    home.run()
    folder.write("1.csv", a=10, x=1, broken=0)
    folder.write("2.csv", c=30)
    report = home.run()
    assert report.status == "incomplete"
    (unread,) = report.unread
    assert unread.summary == "raw.events _file in/1.csv could not be read"
    assert "ValueError: 0" in unread.message
    assert "test_files.py" in unread.message
    assert home.there() == {"a": 1, "b": 2, "c": 30}
    folder.write("1.csv", a=10)
    assert home.run().status == "done"
    assert home.there() == {"a": 10, "c": 30}


@pytest.mark.long
def test_a_file_that_is_written_while_it_is_read_is_left_for_the_next_run(home, folder):
    def growing(file):
        yield from folder.rows(file)
        if file.name == "1.csv":
            folder.write("1.csv", a=1, b=2, d=4)

    change(home, folder, give=growing)
    (unread,) = home.run().unread
    assert (unread.message, home.there()) == ("it changed while it was read", {"c": 3})
    change(home, folder)
    home.run()
    assert len(home.there()) == 4


@pytest.mark.long
def test_a_function_that_reads_no_file_is_an_error(home, folder):
    change(home, folder, give=lambda file: file.no_such_method())
    with pytest.raises(SourceError, match=r"nothing of raw\.events could be read: _file in/1\.csv"):
        home.run()


@pytest.mark.long
def test_what_failed_at_its_checks_is_read_again(home, folder):
    change(home, folder, max_quarantine_percent=1)
    folder.write("3.csv", d="ten")
    with pytest.raises(LakehouseError):
        home.run()
    folder.taken()
    change(home, folder)
    home.run()
    assert folder.taken() == ["1.csv", "2.csv", "3.csv"]


@pytest.mark.long
def test_a_rejected_row_keeps_its_file_and_is_judged_again(home, folder):
    folder.write("3.csv", d=-4)
    home.run()
    change(home, folder, schema=Signed)
    home.retry()
    with home.session as session:
        rows = session.query("select id, value, _file from raw.events where id = 'd'").to_pylist()
    assert rows == [{"id": "d", "value": -4, "_file": "in/3.csv"}]


@pytest.mark.long
def test_a_full_refresh_and_another_schema_read_everything(home, folder):
    home.run()
    folder.taken()
    home.run(full_refresh=True)
    assert folder.taken() == ["1.csv", "2.csv"]

    change(home, folder, deletes=SoftDelete("gone_on"), schema=WithMark)
    home.run()
    assert folder.taken() == ["1.csv", "2.csv"]


def test_a_folder_that_is_missing_is_an_error(home, folder):
    change(home, folder, files="absent/*.csv")
    with pytest.raises(SourceError, match=r"the folder of raw\.events cannot be read: ") as caught:
        home.run()
    assert "mount or create it" in caught.value.hint


def test_a_pattern_that_is_none_is_an_error(home, folder):
    change(home, folder, files="in/**.csv")
    with pytest.raises(ProjectError, match=r"the `files` of raw\.events are no pattern"):
        home.run()


@pytest.mark.long
def test_files_may_lie_elsewhere_and_in_folders(home, folder, tmp_path):
    (tmp_path / "in" / "more").mkdir()
    folder.write("more/ü 1.csv", d=4)
    folder.write(".hidden.csv", e=5)
    change(home, folder, files=f"{tmp_path}/in/**/*.csv")
    home.run()
    assert {*home.there()} == {*"abcd"}


@pytest.mark.long
def test_plan_says_which_files_are_new(home, folder):
    change(home, folder, deletes="window")

    def planned():
        with home.session as session:
            return preview(session, (ALL_TIME,), select(home.project, None))[0].windows

    assert planned() == ("files: 2 new",)
    home.run()
    assert planned() == ("files: none new",)
    folder.write("1.csv", a=9)
    folder.remove("2.csv")
    folder.write("3.csv", d=4)
    assert planned() == ("files: 1 new, 1 changed, 1 gone",)
