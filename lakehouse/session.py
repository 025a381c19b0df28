"""The composition root: settings, project, catalog and engine, each opened when first needed."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, nullcontext, suppress
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from threading import RLock
from typing import TYPE_CHECKING, Self

from lakehouse import config, home, postgres, windows
from lakehouse.catalogs import MAIN, Catalog
from lakehouse.compile import dag
from lakehouse.config import Settings
from lakehouse.errors import NotYetError, ServerError, UnknownNameError
from lakehouse.ingest.stage import Stage, stage
from lakehouse.ingest.stage_process import StageProcess
from lakehouse.system import clock, signals
from lakehouse.watch import watch
from lakehouse.windows import Window, Windows

_NEEDED_BY_PROFILE = {
    config.LOCAL: ("lakehouse.catalogs.sqlite_tables",),
    config.PRODUCTION: ("lakehouse.catalogs.nessie_tables", "s3fs"),
}
"""Modules that a run needs from its beginning, by profile."""

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    import pyarrow as pa

    from lakehouse.addresses import Address
    from lakehouse.catalogs import StoredTable
    from lakehouse.compile.compiler import Compiled
    from lakehouse.declare.project import Project
    from lakehouse.engines import Engine, Source
    from lakehouse.engines.duckdb import DuckDB
    from lakehouse.lineage import Lineage


class Session:
    """Everything that one command works with; `close` closes and stops what was opened."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or config.load()
        self._threads = ThreadPoolExecutor(max_workers=1)
        self._servers, self._catalogs = ExitStack(), ExitStack()
        self._engines, self._stage_processes = ExitStack(), ExitStack()
        self.watch = watch.over(self.settings, vars(self))
        self._postgres: Future[Address] | None = None
        self._starting = RLock()  # tables are built in several threads
        self.moving: list[str] = []
        """Names of the runs that have begun to move main or Postgres."""
        self.staging: Stage = stage
        """Function that stages pages: in this process, or in another one after `start_staging`."""

    @property
    def engine_dialect(self) -> str:
        """Name of the SQL dialect of the engine."""
        return self.settings.engine

    def __enter__(self) -> Self:
        self.watch.start()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        # An error of closing often has the same cause as the command's error, and must not hide it.
        unharmed = suppress(Exception) if error is not None else nullcontext()
        with signals.unheeded(), unharmed:  # the work is done, or given up
            self.close()
        given_up = self.watch.given_up
        if given_up and isinstance(error, Exception) and not isinstance(error, ServerError):
            raise given_up from error  # it is what a library made of a broken connection

    def close(self) -> None:
        """Close everything, users before what they use: engines use the catalog and Postgres.

        An error in between is raised at the end, after all the rest. Closing again does nothing.
        """
        with ExitStack() as steps:  # the last callback runs first
            steps.callback(self.watch.close)
            steps.callback(self._servers.close)
            steps.callback(self._threads.shutdown)
            steps.callback(self._catalogs.close)
            steps.callback(self._engines.close)
            steps.callback(self._stage_processes.close)

    @cached_property
    def project(self) -> Project:
        """The project: everything that the user's packages declare."""
        from lakehouse.declare import project

        return project.load(self.settings)

    @cached_property
    def compiled(self) -> Compiled:
        """The project, compiled for the engine."""
        return self._compiled_for(self.engine_dialect)

    @cached_property
    def compiled_for_duckdb(self) -> Compiled:
        """The project, compiled for DuckDB, which compares and joins tables for any engine."""
        from lakehouse.engines.duckdb import DuckDB

        if self.engine_dialect == DuckDB.dialect:
            return self.compiled
        return self._compiled_for(DuckDB.dialect)

    def _compiled_for(self, dialect: str) -> Compiled:
        from lakehouse.compile import cache

        return cache.compiled(self.settings, self.project, dialect, self._compile_twice)

    def compile_anew(self) -> None:
        """Compile the project again, without the cache.

        Raises ProjectError if the result depends on the time or on the environment.
        """
        from lakehouse.compile import cache

        self.compiled = cache.compiled_anew(
            self.settings, self.project, self.engine_dialect, self._compile_twice
        )

    def _compile_twice(self, project: Project, dialect: str) -> Compiled:
        from lakehouse.compile import reproducible

        return reproducible.compile_twice(self.settings, project, dialect)

    @cached_property
    def lineage(self) -> Lineage:
        """The lineage by column: kept beside the compiled project."""
        from lakehouse import lineage

        return lineage.kept(self.settings, lambda: self.compiled)

    @cached_property
    def catalog(self) -> Catalog:
        """The catalog of the profile's refs and tables. Raises StorageError for a bad home."""
        home.prepare(self.settings)
        if self.settings.servers is not None:
            from lakehouse.catalogs.nessie import NessieCatalog

            return self._catalogs.enter_context(closing(NessieCatalog(self.settings.servers)))
        from lakehouse.catalogs.sqlite import SqliteCatalog

        place = self.settings.home
        catalog = SqliteCatalog(place / home.CATALOG, self.settings.warehouse)
        self._catalogs.enter_context(closing(catalog))
        home.require_in_place(place, catalog.file_outside())
        return catalog

    @cached_property
    def engine(self) -> Engine:
        """The engine that builds models and answers queries."""
        if self.settings.servers is None or self.settings.engine == "duckdb":
            return self.duckdb
        from lakehouse.engines import trino

        engine = trino.connect(self.settings.servers, lambda: self.catalog)
        return self._engines.enter_context(closing(engine))

    @cached_property
    def duckdb(self) -> DuckDB:
        """The DuckDB that validates and merges fetched rows, for any engine."""
        self.require_home()
        return self._connect_duckdb()

    @cached_property
    def reader(self) -> DuckDB:
        """A second DuckDB, for queries of users: it can read the warehouse and nothing else."""
        return self._connect_duckdb(only=self.settings.warehouse)

    def _connect_duckdb(self, only: Path | None = None) -> DuckDB:
        from lakehouse.engines import duckdb

        servers = self.settings.servers
        bucket = servers.bucket if servers else None
        engine = duckdb.connect(self.settings.home / "spill", bucket=bucket, only=only)
        return self._engines.enter_context(closing(engine))

    def start_staging(self) -> None:
        """Start another process that stages pages from now on; it begins to load at once."""
        self.staging = process = StageProcess()
        self._stage_processes.callback(process.close)
        process.prepare(self.settings.warehouse)

    def open(self) -> None:
        """Load what a run needs from its beginning, so that it spends no time on imports.

        The Postgres of a new home is set up meanwhile. Call it within `system.garbage.undisturbed`
        only.
        """
        self.require_home()
        dag.load_hamilton()
        for module in _NEEDED_BY_PROFILE[self.settings.profile]:
            import_module(module)
        if not postgres.is_set_up(self.settings):
            self.start_postgres()  # not earlier: two processes were loading, on two cores
        _ = self.compiled
        _ = self.duckdb

    def prepare(self, branch: str) -> None:
        """Begin to make what a run on a branch needs later, in a thread, while it stages rows."""
        self._threads.submit(import_module, "psycopg")
        # What needs it meets an error again; an engine must not be closed while it is used.
        self._engines.callback(self._threads.submit(self.engine.prepare, branch).exception)

    def expect_publication(self) -> None:
        """Start the Postgres of the marts, and connect the engine to it, in a thread."""
        with self._starting:
            if self._postgres is None:
                address = self.start_postgres()
                reached = self._threads.submit(lambda: self.engine.reach_postgres(address.result()))
                self._engines.callback(reached.exception)  # the publication meets it again

    def start_postgres(self) -> Future[Address]:
        """Start the Postgres of the marts, once; the future gives its address when it answers."""
        with self._starting:
            if self._postgres is None:
                serving = postgres.serving(self.settings)
                self._postgres = self._threads.submit(self._servers.enter_context, serving)
            return self._postgres

    def require_home(self) -> None:
        """Create the home if it is missing. Raises StorageError for one that cannot be used."""
        if self.settings.servers is None:
            _ = self.catalog
        else:
            home.prepare(self.settings)

    def today(self) -> date:
        """Return the present day in the project's time zone."""
        return clock.now().astimezone(self.settings.timezone).date()

    def require_begun(self, day: date) -> None:
        """Raise NotYetError for a day that has not begun in the project's time zone."""
        today = self.today()
        if day > today:
            raise NotYetError(
                f"{day} has not begun in {self.settings.timezone}: it is {today} there",
                hint="if the clock is right, --force asks for it all the same",
            )

    def days(self, first: date, last: date) -> Windows:
        """Return the local calendar days `first` to `last` of the project, both included."""
        return (Window.of_days(first, last, self.settings.timezone),)

    def missing(self, wanted: Windows) -> Windows:
        """Return the part of the windows that some ingestion has not fetched yet."""
        tables = self.catalog.tables(MAIN)
        gaps: Windows = ()
        for spec in self.project.ingestions.values():
            if spec.by_window:
                settled = tables[spec.table].state.settled if spec.table in tables else ()
                settled = windows.before(settled, clock.now())  # older versions noted later ones
                gaps = windows.union([*gaps, *windows.subtract(wanted, settled)])
        return gaps

    def query(self, sql: str, ref: str = MAIN) -> pa.Table:
        """Return the rows of one query over the tables of a ref. Raises QueryError.

        Views of the project are tables too, and so are run records: `lakehouse.runs` and others.
        """
        from lakehouse.engines.duckdb import DuckDB
        from lakehouse.records import record_tables

        stored, asks_for_records = self.catalog.tables(ref), record_tables.are_named(sql)
        if not stored and not asks_for_records:
            raise UnknownNameError(f"there is no table on {ref} yet", hint="`run` builds them all")
        if self.engine_dialect != DuckDB.dialect and not asks_for_records:
            return self.engine.query(sql, self.sources(self.compiled, stored))
        sources = self.sources(self.compiled_for_duckdb, stored)
        if asks_for_records:  # only then: listing all records takes time
            sources |= record_tables.tables(self.settings.warehouse)
        return self.reader.query(sql, sources)

    def sources(self, compiled: Compiled, stored: Mapping[str, StoredTable]) -> dict[str, Source]:
        """Return all that a statement may name, by qualified name: tables, views, quarantines.

        Raw tables are shown as they are stored, with rows that are gone from the source.
        """
        from lakehouse.build.builds import source
        from lakehouse.engines import Source
        from lakehouse.ingest.quarantine import quarantine_schema, quarantine_table

        sources = {
            spec.table: replace(source(compiled, name, stored), hides_gone=False)
            for name, spec in self.project.tables.items()
            if spec.table in stored or name in compiled.models
        }
        for name, spec in self.project.ingestions.items():
            if (table := quarantine_table(spec)) in stored:
                sources[table] = Source(name, quarantine_schema(spec), stored=stored[table])
        return sources
