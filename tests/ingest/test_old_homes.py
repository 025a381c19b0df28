"""An old home equals a fresh one, whatever became of the source's rows and in whatever order."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from toy import Source, at, event

from lakehouse.errors import CheckFailedError
from lakehouse.ingest import batches, fetch, row_comparison
from lakehouse.plan import file_spans

LAST = 63
TABLES = ["silver.steps", "marts.daily", "marts.total"]

ids = st.sampled_from("abcdef")
places = st.tuples(st.integers(0, 5), st.integers(0, 23))
changes = st.one_of(
    st.tuples(st.just("put"), ids, st.integers(0, 200), places),
    st.tuples(st.just("spoil"), ids, st.just("ten"), places),
    st.tuples(st.just("delete"), ids),
    st.tuples(st.just("delete"), ids),
    st.tuples(st.just("empty"), st.integers(0, 5)),
)
spans = st.tuples(st.integers(0, 5), st.integers(0, 2))
ends = st.sampled_from(["whole", "whole", "whole", "cut", "refused"])
steps = st.lists(st.tuples(st.lists(changes, max_size=4), spans, ends), min_size=1, max_size=4)


@pytest.fixture(params=["as they are", "as if they were large"])
def size(request, monkeypatch):
    """Tables of a few rows, laid out as they are, or as millions would be."""
    if request.param == "as if they were large":
        for name, count in {"MONTH_ROWS": 0, "FILE_ROWS": 1, "SMALL_FILE_ROWS": 2}.items():
            monkeypatch.setattr(file_spans, name, count)
        monkeypatch.setattr(row_comparison, "COMPARED_ROWS", 1)
        monkeypatch.setattr(fetch, "PIECE", timedelta(days=13))
        monkeypatch.setattr(batches, "_BATCH_BYTES", 1)
        monkeypatch.setattr(batches, "_FEW_BYTES", -1)


def put(source, change):
    """Change the source; its days 0, 9, 18 … are in two months."""
    what, first, *more = change
    if what == "empty":
        source.rows = [row for row in source.rows if row["at"].date() != at(9 * first).date()]
        return
    moved = [row for row in source.rows if row["id"] != first]
    if what != "delete":
        value, (day, hour) = more
        moved.append(event(first, value, at(9 * day, hour)))
    source.rows = moved


def end(toy, source, first, last, how):
    """Run days; the run may be cut while it reads, or be refused by a check."""
    read = source.read

    def cut(window):
        yield from read(window)
        raise KeyboardInterrupt

    rows = source.rows
    if how == "cut":
        source.read = cut
    if how == "refused":
        source.rows = [*rows, event("too much", 501, at(first))]
    try:
        toy.run(first, last)
    except (KeyboardInterrupt, CheckFailedError):
        assert how != "whole"
    finally:
        source.read, source.rows = read, rows


def content(toy):
    """What is there: raw rows that are not gone, and what models make of them."""
    with toy.session as session:
        sql = 'select id, value, "at" from raw.events where _gone_at is null'
        rows = session.query(sql).to_pylist()
    return [sorted(rows, key=repr), *(toy.rows(table) for table in TABLES)]


@pytest.mark.long
@settings(
    max_examples=settings.default.max_examples // 5,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # runs are too slow to shrink
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=steps, overlap=st.sampled_from(["0d", "10d"]))
def test_an_old_home_equals_a_fresh_one(size, fresh, plan, overlap):
    source = Source()
    old = fresh(source)
    old.change(deletes="window", overlap=overlap)
    for changed, (first, more), how in plan:
        for change in changed:
            put(source, change)
        end(old, source, 9 * first, 9 * (first + more), how)
    old.run(0, LAST)
    old.run(0, LAST)  # confirms that days are empty
    new = fresh(Source(*source.rows))
    new.change(deletes="window")
    new.run(0, LAST)
    assert content(old) == content(new)
    assert old.published("daily") == new.published("daily")
    head = old.head()
    old.run(0, LAST)
    assert old.head() == head
