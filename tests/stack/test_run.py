"""Runs of the toy project on Nessie and S3, published to a server."""

import pytest
from toy import at, event


def test_a_day_reaches_postgres(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(0, 13))]
    report = toy.run(0)
    assert report.status == "done"
    assert toy.rows("marts.total") == [{"rows": 2, "total": 3}]
    assert toy.published("total") == [{"rows": 2, "total": 3}]


def test_a_second_day_adds_to_the_first(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    toy.run(0)
    toy.run(1)
    assert toy.published("total") == [{"rows": 2, "total": 3}]


def test_a_run_that_finds_nothing_new_writes_nothing(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    before = toy.head()
    assert toy.run(0).status == "nothing to do"
    assert toy.head() == before
    assert toy.session.catalog.branches() == []


def test_what_cannot_be_trusted_is_quarantined(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", "nonsense", at(0))]
    toy.run(0)
    assert [row["id"] for row in toy.rows("quarantine.events")] == ["b"]


def test_changed_columns_make_the_table_anew(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    toy.change(wide=True)
    toy.run(0)
    assert toy.rows("marts.total") == [{"rows": 1, "total": 1.0}]


def test_a_backfill_goes_on_where_it_was_cut_short(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(80))]
    source.opened = lambda: None

    def interrupted(window):
        if window.start > at(40):
            raise KeyboardInterrupt
        return type(source).read(source, window)

    source.read = interrupted
    with pytest.raises(KeyboardInterrupt):
        toy.run(0, 99)
    del source.read
    source.asked.clear()
    toy.run(0, 99, resume=True)
    assert toy.rows("marts.total") == [{"rows": 2, "total": 3}]
    assert all(window.start > at(40) for window in source.asked)


def test_a_row_that_is_gone_upstream_leaves_every_model_and_the_marts(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(0, 13))]
    toy.change(deletes="window")
    toy.run(0)
    source.rows.pop()
    toy.run(0)
    assert toy.rows("marts.total") == toy.published("total") == [{"rows": 1, "total": 1}]
    assert len(toy.rows("raw.events")) == 2
