"""Rows of pages that are asked for before the project is loaded: the same as those asked later."""

import threading
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from site_pages import events_page
from toy import at, event

from lakehouse.engines.duckdb import DuckDB
from lakehouse.pages.decorators import page_of
from lakehouse.site import project_pages
from lakehouse.site.early_answers import Script, asked_early
from lakehouse.site.frame import Frame
from lakehouse.site.page_plan import planned
from lakehouse.site.tables import Tables

BERLIN = ZoneInfo("Europe/Berlin")
SPEC = page_of(events_page)


@pytest.fixture
def asked(monkeypatch):
    """The statements that DuckDB is given, each with whether a thread of its own asked."""
    told = []
    execute = DuckDB.execute

    def noted(self, sql):
        told.append((sql, threading.current_thread() is not threading.main_thread()))
        return execute(self, sql)

    monkeypatch.setattr(DuckDB, "execute", noted)
    return told


def rendered(session, *, early=True, all_pages=False, spec=SPEC):
    """The files of a page, as a build renders them."""
    tables = Tables(session)
    plan = planned(spec, tables.schemas())

    def files():
        return project_pages.render(plan, tables, Frame([], []), BERLIN, lambda _: None)

    if not early:
        return files()
    with asked_early(session, tables.stored, all_pages=all_pages) as tables.early:
        return files()


def readers(asked):
    """Whether threads of their own read the rows of pages."""
    return {is_early for sql, is_early in asked if sql.startswith("SELECT CAST")}


@pytest.fixture
def one_more_day(toy, source):
    """A session after one more day; a page was rendered before it."""
    source.rows = [event(f"{n}", 10 * n, at(n)) for n in (0, 1)]
    toy.run(0)
    with toy.session as session:
        rendered(session)
    toy.run(1)
    with toy.session as session:
        yield session


def test_of_one_more_day_the_statements_run_early_and_give_the_same(one_more_day, asked):
    files = rendered(one_more_day)
    assert readers(asked) == {True}
    assert files == rendered(one_more_day, early=False)


def test_the_same_tables_are_asked_early_only_for_a_new_folder(one_more_day, asked):
    rendered(one_more_day)
    asked.clear()
    files = rendered(one_more_day)
    assert readers(asked) == {False}
    asked.clear()
    assert rendered(one_more_day, all_pages=True) == files
    assert readers(asked) == {True}


def test_a_page_whose_statements_changed_asks_them_itself(one_more_day, asked):
    def of_small_values(steps, daily):
        return events_page(steps.filter(steps.value < 10), daily)

    changed = replace(SPEC, function=of_small_values)
    files = rendered(one_more_day, spec=changed)
    assert readers(asked) == {True, False}
    assert files == rendered(one_more_day, spec=changed, early=False)


def test_an_error_ends_what_is_asked_early(one_more_day, monkeypatch):
    endless = "SELECT sum(a.range) FROM range(10000000) AS a, range(100000) AS b"
    tables, before = Tables(one_more_day), threading.active_count()

    def failing_build():
        with asked_early(one_more_day, tables.stored, all_pages=False):
            assert threading.active_count() > before
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Script, "answers", lambda _, duckdb: duckdb.scalar(endless))
        with pytest.raises(KeyboardInterrupt):
            failing_build()
    assert threading.active_count() == before
    assert rendered(one_more_day) == rendered(one_more_day, early=False)


NAMES = ("one", "two", "three", "four")


def several(session, names, *, all_pages=False, fails=False):
    """The files of pages of these names, as a build renders them; it may fail at the first."""
    tables = Tables(session)
    plans = [planned(replace(SPEC, name=name), tables.schemas()) for name in names]
    with asked_early(session, tables.stored, all_pages=all_pages) as tables.early:
        tables.early.pages = names
        if fails:
            raise KeyboardInterrupt
        return [
            project_pages.render(plan, tables, Frame([], []), BERLIN, lambda _: None)
            for plan in plans
        ]


@pytest.fixture
def one_more_day_of_several(toy, source):
    """A session after one more day; four pages were rendered before it."""
    source.rows = [event(f"{n}", 10 * n, at(n)) for n in (0, 1)]
    toy.run(0)
    with toy.session as session:
        several(session, NAMES)
    toy.run(1)
    with toy.session as session:
        yield session


def test_several_pages_get_the_rows_of_their_own_statements(one_more_day_of_several, asked):
    files = several(one_more_day_of_several, NAMES)
    assert readers(asked) == {True}
    assert files == several(one_more_day_of_several, NAMES, all_pages=True)


def test_a_build_that_fails_asks_for_no_further_page(one_more_day_of_several):
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        several(one_more_day_of_several, NAMES, fails=True)
    assert threading.active_count() == before


def test_pages_in_another_order_are_the_same(one_more_day_of_several):
    turned = several(one_more_day_of_several, NAMES[::-1])
    assert turned[::-1] == several(one_more_day_of_several, NAMES)


def test_pages_that_are_gone_are_asked_for_no_more(one_more_day_of_several, asked):
    several(one_more_day_of_several, NAMES[2:3])
    asked.clear()
    several(one_more_day_of_several, NAMES[2:3], all_pages=True)
    early = [sql for sql, is_early in asked if is_early and sql.startswith("SELECT CAST")]
    assert len(early) == len(set(early)) > 0  # all pages ask the same


def test_only_a_few_pages_are_asked_for_ahead(one_more_day_of_several, monkeypatch):
    scripts = []
    tables = Tables(one_more_day_of_several)
    monkeypatch.setattr(Script, "answers", lambda script, _: scripts.append(script))
    with asked_early(one_more_day_of_several, tables.stored, all_pages=False):
        pass
    assert len(scripts) <= 2
