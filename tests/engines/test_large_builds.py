"""How DuckDB builds large tables: in pieces, some of them at once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import ibis
import pytest

from lakehouse.catalogs.sqlite import SqliteCatalog
from lakehouse.compile.compiler import Statement
from lakehouse.engines import Build, Source
from lakehouse.engines.duckdb import connect
from lakehouse.errors import QueryError
from lakehouse.plan.file_spans import FileSpan
from lakehouse.plan.state import Change, TableState
from lakehouse.windows import ALL_TIME, Window

SCHEMA = ibis.schema({"at": "timestamp('UTC', 6)"})
START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = tuple(
    Window(START + timedelta(days=day), START + timedelta(days=day + 1)) for day in range(8)
)
HOURS = [START + timedelta(hours=hour) for hour in range(8 * 24)]
EVERY_HOUR = f"""SELECT unnest(generate_series(
    TIMESTAMPTZ '{HOURS[0]}', TIMESTAMPTZ '{HOURS[-1]}', INTERVAL 1 HOUR)) AS at"""
SECONDS_OF_WORK = """SELECT make_timestamptz(sum(i % 7)::BIGINT) AS at
    FROM range(3_000_000_000) AS numbers(i)"""


@pytest.fixture
def catalog(tmp_path):
    catalog = SqliteCatalog(tmp_path / "catalog.db", tmp_path / "warehouse")
    catalog.create_branch("branch")
    return catalog


@pytest.fixture
def engine(tmp_path):
    return connect(tmp_path / "spill")


@pytest.fixture
def files(tmp_path):
    """The files of data that there are now, whoever knows of them."""
    return lambda: {str(path) for path in tmp_path.glob("warehouse/**/*.parquet")}


def in_pieces(sql, windows, span):
    """A table of moments that is built in a piece for each window."""
    return Build(
        table="silver.moments",
        statement=Statement(sql, SCHEMA),
        sources=(),
        spans=tuple((window, window) for window in windows),
        apart=True,
        keys=None,
        time_column="at",
        existing=None,
        file_span=span,
        covered=DAYS,
        state=TableState("code", (Change("run", windows),), {}),
    )


def moments(engine, table):
    source = Source("moments", SCHEMA, stored=table)
    rows = engine.query('SELECT "at" FROM silver.moments ORDER BY "at"', {"silver.moments": source})
    return rows["at"].to_pylist()


def threads(engine):
    return engine.query("SELECT current_setting('threads') AS threads", {})["threads"][0].as_py()


def test_a_table_has_the_rows_of_all_its_pieces(engine, catalog):
    table, rows = engine.build(catalog, "branch", in_pieces(EVERY_HOUR, DAYS, FileSpan(1)))
    assert rows == len(HOURS)
    assert moments(engine, table) == HOURS


def test_fewer_rows_than_expected_are_written_again_into_fewer_files(engine, catalog, files):
    edges = [ALL_TIME.start, *(day.end for day in DAYS[:-1]), ALL_TIME.end]
    everything = tuple(Window(*pair) for pair in pairwise(edges))
    table, _ = engine.build(catalog, "branch", in_pieces(EVERY_HOUR, everything, FileSpan(1)))
    assert len(files()) == 1
    assert moments(engine, table) == HOURS


@pytest.mark.parametrize("sql", [EVERY_HOUR, "SELECT error('no') AS at"], ids=["built", "failed"])
def test_after_a_large_build_a_query_has_all_cores(engine, catalog, sql):
    before = threads(engine)
    with suppress(QueryError):
        engine.build(catalog, "branch", in_pieces(sql, DAYS, FileSpan(1)))
    assert threads(engine) == before


def test_an_interrupt_also_ends_pieces_that_have_not_begun(engine, catalog, files):
    build = in_pieces(SECONDS_OF_WORK, DAYS, FileSpan())
    at_once = min(2, threads(engine))
    with ThreadPoolExecutor(1) as pool:
        built = pool.submit(engine.build, catalog, "branch", build)
        while len(files()) < at_once:
            assert not built.done(), built.result()
        engine.interrupt()
        with pytest.raises(QueryError):
            built.result()
    assert not files()  # what is interrupted takes its file along
