"""A project small enough to reason about: events with a value, daily sums, a total."""

import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from types import ModuleType

import ibis
import pandera.ibis
import pyarrow as pa
from pyarrow import parquet

from lakehouse import Incremental, Table, View, ingestion, model, quality
from lakehouse.addresses.postgres import postgres_address
from lakehouse.checks import RangeCheck
from lakehouse.compile.compiler import compile_project
from lakehouse.config import load
from lakehouse.declare.project import collect
from lakehouse.ingest.stage import part_of, stage
from lakehouse.plan.selectors import select
from lakehouse.postgres import reading
from lakehouse.records.listener import Silence
from lakehouse.run.attempts import run
from lakehouse.run.request import Request
from lakehouse.session import Session
from lakehouse.windows import ALL_TIME, Window

FIRST = date(2024, 3, 1)
MARCH = datetime(2024, 3, 1, tzinfo=UTC)
SCHEMA = pa.schema({"id": pa.int64(), "name": pa.string(), "at": pa.timestamp("us", "UTC")})
"""Of tables that are written without a project."""
SILENCE = Silence()
TYPES = {"id": pa.string(), "value": pa.string(), "at": pa.timestamp("us", "UTC")}


def at(day=0, hour=12, minute=0):
    """A moment, `day` days after the first of March."""
    return datetime(2024, 3, 1, hour, minute, tzinfo=UTC) + timedelta(days=day)


def query(address, sql):
    """The rows of a query of the Postgres at an address."""
    return reading.query(postgres_address(address, "a test"), sql)


def event(key, value, moment):
    """A row as the source yields it: its value as text."""
    return {"id": key, "value": str(value) if value is not None else None, "at": moment}


class Events(pandera.ibis.DataFrameModel):
    id: str
    value: int = pandera.ibis.Field(ge=0)
    at: ibis.dtype("timestamp('UTC', 6)") = pandera.ibis.Field()


class NotedEvents(Events):
    note: str = pandera.ibis.Field(nullable=True)


class Source:
    """A source that the test changes under the pipeline's feet."""

    def __init__(self, *rows):
        self.rows = list(rows)
        self.asked = []

    def opened(self):
        """Called when a run opens the source, its branch made and nothing read yet."""

    def read(self, window):
        self.asked.append(window)
        found = [row for row in self.rows if window.start <= row["at"] < window.end]
        yield pa.Table.from_pylist(found, schema=pa.schema(TYPES))


def into(module):
    """Put a function into a module, as if it had been written there."""

    def place(function):
        sys.modules[module.__name__] = module
        function.__module__ = module.__name__
        setattr(module, function.__name__, function)
        return function

    return place


def modules(
    source,
    *,
    overlap="0d",
    factor=1,
    lookback="1d",
    wide=False,
    key=(),
    schema=Events,
    most=1000,
    **options,
):
    """The toy project over a source."""
    kind = options.pop("kind", Incremental(time_column="at", lookback=lookback))
    unique_key = options.pop("unique_key", "id")
    raw, silver, marts = (ModuleType(f"toy.{name}") for name in ("raw", "silver", "marts"))

    @into(raw)
    def client():
        """The source."""
        source.opened()
        return source

    @ingestion(
        table_name="events",
        unique_key=unique_key,
        validation_schema=schema,
        time_column="at",
        overlap=overlap,
        **options,
    )
    @into(raw)
    def events(window, client):
        """Events as they come."""
        yield from client.read(window)

    @model(kind=View(time_column="at", key=key))
    @into(silver)
    def valid(events):
        """Events worth counting."""
        return events.filter(events.value < most)

    @model(kind=kind)
    @into(silver)
    def steps(valid):
        """Each event with the one before it on the same or the previous day."""
        before = valid.value.lag().over(order_by=[valid.at, valid.id])
        when = valid.at.lag().over(order_by=[valid.at, valid.id])
        near = when.date().cast("string") >= (valid.at - ibis.interval(days=1)).date().cast(
            "string"
        )
        return valid.select(
            "id", "at", value=valid.value * factor, before=near.ifelse(before, None)
        )

    @model(kind=Incremental(time_column="day"))
    @into(marts)
    def daily(steps):
        """Sums by day."""
        days = steps.mutate(day=steps.at.date())
        return days.group_by("day").agg(rows=days.count(), total=days.value.sum())

    @model(kind=Table())
    @into(marts)
    def total(steps):
        """The sum of everything."""
        value = steps.value.cast("float64") if wide else steps.value
        return steps.agg(rows=steps.count(), total=value.sum())

    @quality(table="silver.steps", checks=[RangeCheck("value", max_value=500)])
    @into(silver)
    def small_values(): ...

    return raw, silver, marts


def plainly(pages, *, group, folder):
    """Stages as `stage` does, without what each load of dlt costs: for tests of many runs."""
    return {name: _written(folder / group, name, list(each)) for name, each in pages.items()}


def _written(folder, name, pages):
    parts = {}
    for page in pages:
        parts.setdefault(part_of(name, page.schema), []).append(page)
    for part, alike in parts.items():
        (folder / part).mkdir(parents=True, exist_ok=True)
        parquet.write_table(pa.concat_tables(alike), folder / part / "0.parquet")
    return [str(folder / part / "0.parquet") for part in parts]


@cache
def _compiled(dialect, **options):
    """The toy project as data, which is the same over any source."""
    return compile_project(collect(modules(None, **options)), dialect)


class Toy:
    """The toy project in a home of its own; every command is a session of its own."""

    def __init__(self, folder, postgres, source, engine, environment=None):
        self.folder, self.source = folder, source
        self.staging = stage if environment else plainly  # a bucket is what `stage` knows
        self.postgres, self.engine = postgres, engine
        self.environment = {**(environment or {}), "LAKEHOUSE_POSTGRES_URL": postgres}
        (folder / "lakehouse.toml").write_text("[project]\n")
        self.change()

    def change(self, **options):
        """Change the code of the project."""
        self.project = collect(modules(self.source, **options))
        settings = load(self.folder, self.environment)
        self.compiled = replace(_compiled(settings.engine, **options), project=self.project)
        self.compiled_for = partial(_compiled, **options)

    def declare(self, modules, **options):
        """Let the project be what these modules declare."""
        self.project = collect(modules, **options)
        self.compiled_for = partial(compile_project, self.project)
        self.compiled = self.compiled_for(load(self.folder, self.environment).engine)

    @property
    def session(self):
        session = Session(load(self.folder, self.environment))
        session.project, session.compiled = self.project, self.compiled
        if session.engine_dialect != "duckdb":
            plain = self.compiled_for("duckdb")
            session.compiled_for_duckdb = replace(plain, project=self.project)
        session.duckdb = session.reader = self.engine
        session.staging = self.staging
        return session

    def run(self, first=0, last=None, *, selected=None, listener=SILENCE, **options):
        """Run days, counted from the first of March."""
        days = [FIRST + timedelta(days=each) for each in (first, first if last is None else last)]
        names = select(self.project, selected)
        with self.session as session:
            window = Window.of_days(*days, session.settings.timezone)
            return run(session, Request((window,), names, message="a test", **options), listener)

    def retry(self):
        """Judge again what is in quarantine."""
        with self.session as session:
            names = select(self.project, None)
            return run(session, Request((ALL_TIME,), names, message="a retry", retry=True))

    def rows(self, table, ref="main"):
        """The rows of a table without bookkeeping, in an order of their own."""
        with self.session as session:
            found = session.query(f"select * from {table}", ref).to_pylist()
        return sorted(
            ({k: v for k, v in row.items() if not k.startswith("_")} for row in found), key=repr
        )

    @property
    def address(self):
        """The Postgres of the marts, as the framework takes it."""
        return postgres_address(self.postgres, "a test")

    def published(self, table):
        """The rows of a mart in Postgres."""
        return sorted(query(self.postgres, f"select * from marts.{table}"), key=repr)

    def head(self):
        """The newest commit of main."""
        commit = self.session.catalog.head()
        return commit.id if commit else None
