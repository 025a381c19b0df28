"""Any order of days, repeats, late rows and corrections gives what one full refresh gives."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from toy import NotedEvents, Source, at, event

from lakehouse.ingest import fetch, row_comparison
from lakehouse.plan import file_spans

TABLES = ["silver.steps", "marts.daily", "marts.total"]

rows = st.tuples(
    st.sampled_from("abcdefgh"), st.integers(0, 200), st.integers(0, 5), st.integers(0, 23)
)
spans = st.tuples(st.integers(0, 5), st.integers(0, 2))
code = st.sampled_from([{}, {}, {"factor": 2}, {"wide": True}, {"schema": NotedEvents}])
steps = st.lists(st.tuples(code, st.lists(rows, max_size=4), spans), min_size=1, max_size=3)


@pytest.fixture(params=["as they are", "as if they were large"])
def size(request, monkeypatch):
    """Tables of a few rows, cut and laid out as they are, or as millions would be."""
    monkeypatch.setattr(fetch, "PIECE", timedelta(days=100))  # how it is fetched is tested apart
    if request.param == "as if they were large":
        rows = {
            "PIECE_ROWS": 2,
            "LARGE_ROWS": 2,
            "MONTH_ROWS": 0,
            "FILE_ROWS": 1,
            "SMALL_FILE_ROWS": 2,
        }
        for name, count in rows.items():
            monkeypatch.setattr(file_spans, name, count)
        monkeypatch.setattr(row_comparison, "COMPARED_ROWS", 1)


@pytest.mark.sample(1)
@settings(
    max_examples=settings.default.max_examples // 5,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # runs are too slow to shrink
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps)
def test_windows_in_any_order_equal_a_full_refresh(size, fresh, plan):
    source = Source()
    toy = fresh(source)
    for changed_code, changes, (first, more) in plan:
        toy.change(**changed_code)
        for id_, value, day, hour in changes:  # days 0, 9, 18 …: in two months
            source.rows = [row for row in source.rows if row["id"] != id_]
            source.rows.append(event(id_, value, at(9 * day, hour)))
        toy.run(9 * first, 9 * (first + more))
    toy.run(0, 63)  # the last code, and all days
    built = {table: toy.rows(table) for table in TABLES}
    assert toy.published("daily") == built["marts.daily"]
    toy.run(0, 63, full_refresh=True)
    assert built == {table: toy.rows(table) for table in TABLES}
    factor = changed_code.get("factor", 1)
    everything = sum(int(row["value"]) for row in source.rows) * factor
    assert everything == (built["marts.total"][0]["total"] or 0)


@pytest.mark.long
def test_a_lookback_too_short_is_wrong(fresh):
    """The model looks a day back; without being told so, a late row leaves it wrong."""
    source = Source(event("b", 2, at(1, 1)))
    toy = fresh(source)
    toy.change(lookback="0d")
    toy.run(1)
    source.rows.append(event("a", 1, at(0, 23)))
    toy.run(0)
    built = toy.rows("silver.steps")
    toy.run(0, full_refresh=True)
    assert built != toy.rows("silver.steps")
