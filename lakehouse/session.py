"""The composition root: settings, project, catalog and engine, each opened when first needed."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, nullcontext, suppress
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Self

from lakehouse import clock, config, dag, home, postgres, signals, windows
from lakehouse.catalogs import MAIN, Catalog
from lakehouse.config import Settings
from lakehouse.errors import NotYetError, UnknownNameError
from lakehouse.ingest.loader import Loader
from lakehouse.ingest.stage import Stage, stage
from lakehouse.windows import Window, Windows

_NEEDED_TO_PUBLISH = ("ibis.backends.duckdb", "psycopg")
_NEEDED_BY_PROFILE = {
    config.LOCAL: ("lakehouse.catalogs.sqlite_tables",),
    config.PRODUCTION: ("lakehouse.catalogs.nessie_tables", "s3fs"),
}

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import pyarrow as pa

    from lakehouse.addresses import Address
    from lakehouse.catalogs import StoredTable
    from lakehouse.compile import Compiled
    from lakehouse.engines import Engine, Source
    from lakehouse.engines.duckdb import DuckDB
    from lakehouse.project import Project


class Session:
    """What one command works with; closing it closes what it opened, and stops what it started."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or config.load()
        self._threads = ThreadPoolExecutor(max_workers=1)
        self._servers, self._catalogs = ExitStack(), ExitStack()
        self._engines, self._loaders = ExitStack(), ExitStack()
        self._postgres: Future[Address] | None = None
        self.moving: list[str] = []
        """The names of the runs that went about to move main or Postgres."""
        self.staging: Stage = stage
        """How pages are staged: here, or in a process beside this one, once that is started."""

    @property
    def engine_dialect(self) -> str:
        """The SQL that the profile's engine speaks."""
        return self.settings.engine

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        # What cannot be closed any more is as likely as not the same trouble: it hides no error.
        unharmed = suppress(Exception) if error is not None else nullcontext()
        with signals.unheeded(), unharmed:  # what is asked for is done, or given up
            self.close()

    def close(self) -> None:
        """Close everything, even if some of it fails, which is raised at the end.

        An engine may use the catalog, and Postgres. Closing again does nothing.
        """
        with ExitStack() as steps:  # begins with the last one
            steps.callback(self._servers.close)
            steps.callback(self._threads.shutdown)
            steps.callback(self._catalogs.close)
            steps.callback(self._engines.close)
            steps.callback(self._loaders.close)

    @cached_property
    def project(self) -> Project:
        """What the user's packages declare."""
        from lakehouse import project

        return project.load(self.settings)

    @cached_property
    def compiled(self) -> Compiled:
        """The project as data."""
        return self._compiled_for(self.engine_dialect)

    @cached_property
    def compiled_for_duckdb(self) -> Compiled:
        """The same as DuckDB understands it, which compares and joins whatever the engine is."""
        from lakehouse.engines.duckdb import DuckDB

        if self.engine_dialect == DuckDB.dialect:
            return self.compiled
        return self._compiled_for(DuckDB.dialect)

    def _compiled_for(self, dialect: str) -> Compiled:
        from lakehouse import cache

        return cache.compiled(self.settings, self.project, dialect, self._compile_twice)

    def compile_anew(self) -> None:
        """Compile the project, whatever is kept of it.

        Raises ProjectError if it is something else at another time or in another environment.
        """
        from lakehouse import cache

        self.compiled = cache.compiled_anew(
            self.settings, self.project, self.engine_dialect, self._compile_twice
        )

    def _compile_twice(self, project: Project, dialect: str) -> Compiled:
        from lakehouse import reproducible

        return reproducible.compile_twice(self.settings, project, dialect)

    @cached_property
    def catalog(self) -> Catalog:
        """The refs and tables of the profile, over a home that is in order."""
        home.prepare(self.settings)
        if self.settings.servers is not None:
            from lakehouse.catalogs.nessie import NessieCatalog

            return self._catalogs.enter_context(closing(NessieCatalog(self.settings.servers)))
        from lakehouse.catalogs.sql import SqliteCatalog

        place = self.settings.home
        catalog = SqliteCatalog(place / "catalog.db", self.settings.warehouse)
        self._catalogs.enter_context(closing(catalog))
        home.require_in_place(place, catalog.elsewhere())
        return catalog

    @cached_property
    def engine(self) -> Engine:
        """The engine that builds models and answers queries."""
        if self.settings.servers is None or self.settings.engine == "duckdb":
            return self.duckdb
        from lakehouse.engines import trino

        return self._engines.enter_context(closing(trino.connect(self.settings.servers)))

    @cached_property
    def duckdb(self) -> DuckDB:
        """DuckDB, which validates and merges what is fetched, whatever the engine is."""
        from lakehouse.engines import duckdb

        self.require_home()
        servers = self.settings.servers
        bucket = servers.bucket if servers else None
        engine = duckdb.connect(self.settings.home / "spill", bucket=bucket)
        return self._engines.enter_context(closing(engine))

    @cached_property
    def reader(self) -> DuckDB:
        """A DuckDB that answers users: it reaches nothing but the warehouse."""
        from lakehouse.engines import duckdb

        servers = self.settings.servers
        engine = duckdb.connect(
            self.settings.home / "spill",
            bucket=servers.bucket if servers else None,
            only=self.settings.warehouse,
        )
        return self._engines.enter_context(closing(engine))

    def start_loader(self) -> None:
        """Let pages be staged by a process beside this one, which begins to load at once."""
        self.staging = loader = Loader(meanwhile=self.prepare_to_publish)
        self._loaders.callback(loader.close)
        loader.start()

    def open(self) -> None:
        """Load what a run needs from its beginning, so that it spends no time on imports.

        Then a new home's Postgres is set up, by processes of its own. Call it `undisturbed`.
        """
        self.require_home()
        dag.load_hamilton()
        for module in _NEEDED_BY_PROFILE[self.settings.profile]:
            import_module(module)
        _ = self.compiled
        _ = self.duckdb
        if not postgres.is_set_up(self.settings):
            self.start_postgres()  # now, as until here two processes have loaded, on both cores

    def prepare_to_publish(self) -> None:
        """Load what a run needs at its end; there is time for it while pages are staged."""
        for module in _NEEDED_TO_PUBLISH:
            import_module(module)
        self.duckdb.prepare_to_publish()

    def start_postgres(self) -> Future[Address]:
        """Begin to start the Postgres of the marts, once; its address, as soon as it answers."""
        if self._postgres is None:
            serving = postgres.serving(self.settings)
            self._postgres = self._threads.submit(self._servers.enter_context, serving)
        return self._postgres

    def require_home(self) -> None:
        """Make the home, or refuse one that is not in order. Raises StorageError."""
        if self.settings.servers is None:
            _ = self.catalog
        else:
            home.prepare(self.settings)

    def today(self) -> date:
        """The day that it is in the project's time zone."""
        return clock.now().astimezone(self.settings.timezone).date()

    def require_begun(self, day: date) -> None:
        """Raises NotYetError for a day of which nothing can have happened yet."""
        today = self.today()
        if day > today:
            raise NotYetError(
                f"{day} has not begun in {self.settings.timezone}: it is {today} there",
                hint="if the clock is right, --force asks for it all the same",
            )

    def days(self, first: date, last: date) -> Windows:
        """The local calendar days of the project, both included."""
        return (Window.of_days(first, last, self.settings.timezone),)

    def missing(self, asked: Windows) -> Windows:
        """The part of the windows that some ingestion has not fetched yet."""
        tables = self.catalog.tables(MAIN)
        gaps: Windows = ()
        for spec in self.project.ingestions.values():
            if spec.time_column is not None:
                settled = tables[spec.table].state.settled if spec.table in tables else ()
                settled = windows.before(settled, clock.now())  # an older version's may lie ahead
                gaps = windows.union([*gaps, *windows.subtract(asked, settled)])
        return gaps

    def query(self, sql: str, ref: str = MAIN) -> pa.Table:
        """The rows of one query over the tables of a ref. Raises QueryError.

        Views of the project are tables too, and so are run records: `lakehouse.runs` and others.
        """
        from lakehouse import records
        from lakehouse.engines.duckdb import DuckDB

        stored, asks_for_records = self.catalog.tables(ref), records.are_named(sql)
        if not stored and not asks_for_records:
            raise UnknownNameError(f"there is no table on {ref} yet", hint="`run` builds them all")
        if self.engine_dialect != DuckDB.dialect and not asks_for_records:
            return self.engine.query(sql, self._sources(self.compiled, stored))
        known = self._sources(self.compiled_for_duckdb, stored)
        if asks_for_records:  # else nobody has to list them
            known |= records.tables(self.settings.warehouse)
        return self.reader.query(sql, known)

    def _sources(self, compiled: Compiled, stored: Mapping[str, StoredTable]) -> dict[str, Source]:
        """What a statement may name, by qualified name: tables, views, and what is quarantined."""
        from lakehouse.engines import Source
        from lakehouse.ingest.quarantine import quarantine_schema, quarantine_table
        from lakehouse.materialize import source

        known = {
            spec.table: source(compiled, name, stored)
            for name, spec in self.project.tables.items()
            if spec.table in stored or name in compiled.models
        }
        for name, spec in self.project.ingestions.items():
            table = quarantine_table(spec)
            if table in stored:
                known[table] = Source(name, quarantine_schema(spec), stored=stored[table])
        return known
