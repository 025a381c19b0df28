"""An old home equals a fresh one, in whatever way its source tells what is new and what is gone."""

from contextlib import ExitStack
from itertools import count

import ibis
import pandera.ibis
import pytest
from changing import Changing, ChangingEvents, Log
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from toy import at, event

from lakehouse import SoftDelete
from lakehouse.errors import CheckFailedError

LAST = 5
TABLES = ["silver.steps", "marts.total"]
WAYS = {
    "cursor": {"way": "since"},
    "cursor by time": {"way": "since", "time_column": "at"},
    "cursor, soft": {"way": "since", "deletes": SoftDelete("deleted_at"), "lag": 1},
    "window, soft": {"way": "window", "time_column": "at", "deletes": SoftDelete("deleted_at")},
    "whole": {"way": "whole"},
    "whole, window": {"way": "whole", "deletes": "window"},
    "whole, soft": {"way": "whole", "deletes": SoftDelete("deleted_at")},
    "files": {"way": "file", "files": "in/*"},
    "files, window": {"way": "file", "files": "in/*", "deletes": "window"},
    "files by time, window": {
        "way": "file",
        "files": "in/*",
        "deletes": "window",
        "time_column": "at",
    },
    "files, soft": {"way": "file", "files": "in/*", "deletes": SoftDelete("deleted_at")},
}

ids, names = st.sampled_from("abcdef"), st.sampled_from("1234")
values, days = st.integers(0, 200), st.integers(0, LAST)
rows = st.tuples(ids, st.one_of(values, values, values, st.just("ten")), days, st.booleans())
changes = st.tuples(st.sampled_from(["put", "put", "put", "remove"]), names, rows)
ends = st.sampled_from(["whole", "whole", "whole", "cut", "refused", "unread"])
steps = st.lists(
    st.tuples(st.lists(changes, max_size=4), ends, days, st.booleans()), min_size=1, max_size=5
)


class Rows(ChangingEvents):
    deleted_at: ibis.dtype("timestamp('UTC', 6)") = pandera.ibis.Field(nullable=True)


class Source:
    """Rows of files or of a log, put and removed as far as a way can tell of it."""

    def __init__(self, folder, deletes=None, way=""):
        self.folder, self.deletes, self.way = folder / "in", deletes, way
        self.log, self.files = Log(), {}
        self.folder.mkdir()

    def apply(self, change):
        what, name, (key, value, day, is_deleted) = change
        if not self.deletes and value == "ten":
            value = 10  # a valid row that becomes an invalid one stays as it was
        if what == "remove":
            self.remove(name, key)
            return
        self.log.put(key, value, day, deleted_at=at(9) if is_deleted and self.is_soft else None)
        if self.way == "file":
            self.files.setdefault(name, {})[key] = self.log.rows[key]
            self.write(name)

    @property
    def is_soft(self):
        return isinstance(self.deletes, SoftDelete)

    def remove(self, name, key):
        if self.deletes != "window":
            return
        self.log.rows.pop(key, None)
        self.files.get(name, {}).pop(key, None)
        if key in "ab":
            self.files.pop(name, None)
        self.write(name)

    def write(self, name):
        path = self.folder / name
        if name in self.files:
            path.write_text(repr(self.files[name]))
        else:
            path.unlink(missing_ok=True)

    def give(self, since=None, window=None, file=None):
        if file is not None:
            return self.read(file)
        if window is not None:
            rows = self.log.read(None)
            return [row for row in rows if window.start <= row["at"] < window.end]
        return self.log.read(since)

    def read(self, file):
        text = file.read_text()
        given = eval(text, {"datetime": __import__("datetime")})
        yield from given.values()
        if file.name == "broken":
            raise ValueError


@pytest.fixture
def make(tmp_path, databases, engine):
    """Makes a home with a database of its own."""
    with ExitStack() as lent:
        numbers = count()

        def begin():
            folder = tmp_path / str(next(numbers))
            folder.mkdir()
            return Changing(folder, lent.enter_context(databases.lend()), None, engine)

        yield begin


def run(home, source, options, how, day, *, resume):
    """Run a day; the run may be cut while it reads, be refused by a check, or lack a file."""

    def cut(**asked):
        yield from source.give(**asked)
        raise KeyboardInterrupt

    log, files = dict(source.log.rows), dict(source.files)
    give = source.give
    if how == "cut":
        give = cut
    if how == "refused":
        source.log.rows["x"] = {**event("x", 501, at(day)), "changed": source.log.clock + 1}
        source.files["x"] = {"x": source.log.rows["x"]}
    if how == "unread":
        source.files["broken"] = {"b": {**event("b", 7, at(day)), "changed": 0}}
    for name in ("x", "broken") if options["way"] == "file" else ():
        source.write(name)
    home.change(give=give, schema=Rows, **options)
    try:
        home.run(day, LAST if options["way"] == "window" else day, resume=resume)
    except (KeyboardInterrupt, CheckFailedError):
        assert how in ("cut", "refused")
    finally:
        source.log.rows, source.files = log, files
        for name in ("x", "broken"):
            source.write(name)


def content(home, options):
    """What is there: raw rows that are not gone, and what models make of them."""
    with home.session as session:
        there = " where _gone_at is null" if options.get("deletes") else ""
        found = session.query(f"select * exclude (_run_id, _ingested_at) from raw.events{there}")
    marks = ("_gone_at", "_gone_run")
    kept = [{k: v for k, v in row.items() if k not in marks} for row in found.to_pylist()]
    return [sorted(kept, key=repr), *(home.rows(table) for table in TABLES)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.sample(1)
@settings(
    max_examples=max(1, settings.default.max_examples // 33),  # of each way
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # runs are too slow to shrink
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=steps)
def test_an_old_home_equals_a_fresh_one(make, way, plan):
    options = WAYS[way]
    old = make()
    source = Source(old.folder, options.get("deletes"), options["way"])
    for changed, how, day, resume in plan:
        for change in changed:
            source.apply(change)
        first = 0 if options["way"] == "window" else day
        # A reading that is resumed is as old as what was staged, unless the state says what to ask.
        by_state = options["way"] in ("since", "file")
        run(old, source, options, how, first, resume=resume and by_state)
    for _ in range(2):  # the second confirms what is empty
        run(old, source, options, "whole", 0, resume=False)
    new = make()
    copied = Source(new.folder, options.get("deletes"), options["way"])
    copied.log, copied.files = source.log, source.files
    for name in source.files:
        copied.write(name)
    run(new, copied, options, "whole", 0, resume=False)
    assert content(old, options) == content(new, options)
    assert old.published("total") == new.published("total")
    head = old.head()
    run(old, source, options, "whole", 0, resume=False)
    assert old.head() == head
