"""DuckDB: reads Iceberg through `iceberg_scan`, writes Parquet that the catalog adds.

A window is replaced by rewriting the files that hold rows of it: what lies outside the window is
copied along, together with small files of the same month, or of the same days in a large table, so
that tables stay at about one file for each however often they are touched. Nothing passes through
Python.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse import layout, storage
from lakehouse.addresses import Address
from lakehouse.catalogs import Catalog, DataFile, StoredTable, TableChange
from lakehouse.compile import Statement
from lakehouse.engines import Build, Load, Question, Source
from lakehouse.engines.duckdb_connection import EXTENSIONS, load_extension, open_connection
from lakehouse.engines.duckdb_statements import require_query
from lakehouse.engines.spill import Spill
from lakehouse.engines.sql import (
    by_question,
    changed,
    columns,
    path_text,
    qualified,
    quoted,
    relation,
    select,
    side_by_side,
    text,
    typed,
    where,
)
from lakehouse.errors import PublishError, QueryError
from lakehouse.layout import FileSpan
from lakehouse.storage import Bucket
from lakehouse.tasks import for_each
from lakehouse.windows import ALL_TIME, Window, Windows, union

if TYPE_CHECKING:
    import duckdb
    import ibis
    import pyarrow as pa

_AT_ONCE = 2
"""Pieces of a large table that are built at once, or tables that are published."""
_ROW_GROUP = 40_960
"""Rows that one thread reads or writes at a time: several share a file of a month."""


def connect(
    spill: Path | None = None,
    extensions: Sequence[str] = EXTENSIONS,
    bucket: Bucket | None = None,
    only: Path | None = None,
) -> DuckDB:
    """The engine over a DuckDB of its own, which has these extensions.

    `spill` is a folder of folders for what outgrows its memory, one for each process. With a
    `bucket` it uses s3:// addresses. Of files it then reaches those below `only` alone, if that is
    given.
    """
    own = Spill(spill) if spill else None
    folder = own.folder if own else None
    return DuckDB(open_connection(folder, extensions, bucket, only), bucket, own)


class DuckDB:
    """The engine of the local profile; implements `Engine`."""

    dialect = "duckdb"

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        bucket: Bucket | None = None,
        spill: Spill | None = None,
    ) -> None:
        self._main = connection
        self._spill = spill
        self._bucket = bucket
        self._own = threading.local()
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        # What is large, one table after the other: side by side, each drives the other to disk.
        self._large = threading.Lock()
        self._interrupts = 0
        self._sharing = 1
        self._own.connection = connection

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The calling thread's connection; all of them are to one database."""
        if not hasattr(self._own, "connection"):
            self._own.connection = self._main.cursor()
            self._cursors.append(self._own.connection)
        connection: duckdb.DuckDBPyConnection = self._own.connection
        return connection

    def interrupt(self) -> None:
        self._interrupts += 1
        for cursor in self._cursors:
            cursor.interrupt()

    def release(self) -> None:
        """Let go of Postgres: a server has a hundred connections, and others want them."""
        attached = "SELECT database_name FROM duckdb_databases() WHERE type = 'postgres'"
        for (name,) in self.execute(attached).fetchall():
            self.execute(f"DETACH {quoted(name)}")

    def close(self) -> None:
        """End the database: its threads, its memory, and its connections to Postgres."""
        with ExitStack() as closing:
            if self._spill is not None:
                closing.callback(self._spill.close)
            for each in (self._main, *self._cursors):
                closing.callback(each.close)

    def sweep(self, branches: Collection[str]) -> None:
        """There is nothing that outlives a process."""

    def prepare_to_publish(self) -> None:
        """Load what writing to Postgres needs; loading it again does nothing."""
        load_extension(self.connection, "postgres_scanner")

    def build(self, catalog: Catalog, branch: str, build: Build) -> tuple[StoredTable, int]:
        since = self._interrupts
        span = build.file_span
        removed, kept = self._replaced(catalog, branch, build, span)
        parts = [self._part(build, window, reach) for window, reach in build.spans]
        neighbours = 0
        if kept:
            inside = self._inside(build, build.windows)
            rows_kept = parquet(file.path for file in kept)
            if build.existing is not None and _have_deletes(kept):
                rows_kept = scan(build.existing, build.statement.schema)
            rest = f"FROM {rows_kept} WHERE ({inside}) IS NOT TRUE"
            parts.append(f"SELECT {columns(build.statement.schema)} {rest}")
            neighbours = self.scalar(f"SELECT count(*) {rest}")
        folder = f"{catalog.location(build.table)}/data"
        union_all = " UNION ALL ".join(parts)
        times = [*build.windows, *(file.span for file in kept)]
        column = layout.divided_by(build.time_column, span, times)

        def write(statement: str) -> tuple[list[str], int]:
            self._go_on(since)
            return self.copy(statement, folder, column, span)

        with self._large if build.apart else nullcontext():
            added, rows = self._write_pieces(write, parts) if build.apart else write(union_all)
            right = layout.file_span(rows, build.covered)
            if build.is_whole and column is not None and added and not right.is_about(span):
                # There are far fewer rows than was expected, or far more.
                added = self._rewrite(added, folder, column, right)
        shape = build.statement.schema.to_pyarrow()
        table = catalog.write(branch, TableChange(build.table, shape, removed, added, build.state))
        return table, rows - neighbours

    def define(self, _catalog: Catalog, _branch: str, _table: str, _view: Source) -> bool:
        """Nobody asks it without us."""
        return False

    def rows(
        self, statement: Statement, sources: Sequence[Source], cut: Window = ALL_TIME
    ) -> pa.Table:
        sql = select(statement, sources, scan, self.dialect, cut)
        return self.execute(typed(sql, statement.schema, self.dialect)).to_arrow_table()

    def counts(self, questions: Sequence[Question]) -> list[dict[str, int]]:
        if not any(map(_is_large, questions)):
            return self._counts(questions)
        since, answers = self._interrupts, []
        with self._large:
            self._share_cores(1)
            for each in questions:
                self._go_on(since)
                answers += self._counts([each])
        return answers

    def query(self, sql: str, sources: Mapping[str, Source]) -> pa.Table:
        require_query(self.connection, sql, is_on_disk=self._bucket is None)
        self._share_cores(1)
        for name, source in sources.items():
            self._define(name, source)
        return self.execute(sql).to_arrow_table()

    def load_postgres(self, address: Address, loads: Sequence[Load]) -> None:
        schemas = {load.target[0] for load in loads}
        databases = {schema: self._attach_postgres(address, schema) for schema in schemas}
        since = self._interrupts

        def move(load: Load) -> None:
            self._go_on(since)
            self._load(databases[load.target[0]], load)

        for_each(loads, move, _AT_ONCE, self.interrupt)

    def data_files(self, table: StoredTable) -> set[str] | None:
        """The data files of a stored table; None if rows of them are deleted elsewhere."""
        found = self.execute(
            "SELECT manifest_content, file_path"
            f" FROM iceberg_metadata({text(table.metadata)}) WHERE status <> 'DELETED'"
        ).fetchall()
        deleted = any(content != "DATA" for content, _ in found)
        return None if deleted else {path for _, path in found}

    def extensions(self) -> list[str]:
        """The extensions that are loaded."""
        rows = self.execute(
            "SELECT extension_name FROM duckdb_extensions() WHERE loaded"
        ).fetchall()
        return [name for (name,) in rows]

    def shape(self, rows: str) -> dict[str, str]:
        """The columns of something to select from, each with DuckDB's name of its kind of type."""
        described = self.execute(f"SELECT * FROM {rows} LIMIT 0").description or []
        return {name: kind.id for name, kind, *_ in described}

    def execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        """Run a statement; its rows are to be fetched. Raises QueryError."""
        import duckdb

        connection = self.connection
        try:
            return connection.execute(sql)
        except duckdb.Error as error:
            raise refusal(error) from error
        except BaseException:
            # A signal: DuckDB's own threads may go on, and whatever comes next would wait for them.
            connection.interrupt()
            raise

    def scalar(self, sql: str) -> int:
        """The one whole number that a statement gives."""
        row = self.execute(sql).fetchone()
        return int(row[0]) if row else 0

    def copy(
        self,
        statement: str,
        folder: str,
        time_column: str | None,
        span: FileSpan = layout.FileSpan(),  # noqa: B008 - frozen
    ) -> tuple[list[str], int]:
        """Write rows as Parquet, a file for each span of `time_column`; the files, the rows."""
        target = f"{folder}/{uuid.uuid4().hex}"
        options = f"FORMAT parquet, RETURN_STATS, ROW_GROUP_SIZE {_ROW_GROUP}"
        if time_column is None:
            storage.make_folder(self._path(folder))
            target += ".parquet"
        else:
            storage.make_folder(self._path(target))
            part = file_part(time_column, span)
            statement = f"SELECT *, {part} AS _part FROM ({statement})"
            options += ", PARTITION_BY (_part)"
        written = self.execute(f"COPY ({statement}) TO {text(target)} ({options})").fetchall()
        files = {str(path): int(count) for path, count, *_ in written if count}
        return list(files), sum(files.values())

    def _counts(self, questions: Sequence[Question]) -> list[dict[str, int]]:
        row = self.execute(side_by_side(questions, scan, self.dialect)).fetchone()
        return by_question(questions, row or ())

    def _part(self, build: Build, window: Window, reach: Window) -> str:
        """The rows of one window, from inputs cut to what they may depend on."""
        statement = select(build.statement, build.sources, scan, self.dialect, reach, build.keys)
        statement = typed(statement, build.statement.schema, self.dialect)
        return f"SELECT * FROM ({statement}) WHERE {self._inside(build, (window,))}"

    def _inside(self, build: Build, windows: Windows) -> str:
        """The condition that a row of the table is one to be replaced."""
        schema = build.statement.schema
        return where(union(windows), build.keys, build.time_column, schema, self.dialect)

    def _go_on(self, since: int) -> None:
        """Refuse to begin what waited during an interrupt, which reaches only what runs."""
        if self._interrupts > since:
            raise QueryError("DuckDB: interrupted")

    def _write_pieces(
        self, write: Callable[[str], tuple[list[str], int]], statements: Sequence[str]
    ) -> tuple[list[str], int]:
        """Write the rows of several statements, some of them at once; the files, the rows."""
        at_once = min(_AT_ONCE, self._cores)
        self._share_cores(at_once)
        with ThreadPoolExecutor(at_once) as pool:
            written = [*pool.map(write, statements)]
        return [file for files, _ in written for file in files], sum(rows for _, rows in written)

    def _share_cores(self, statements: int) -> None:
        """Have one thread for each core where so many statements run at once.

        A statement has the thread that it is called in; DuckDB's own help all of them. With two
        cores, each of two statements has no other: it groups rows as they come, where several
        threads divide them first, which takes a quarter longer in all. Nothing is changed without
        need, as memory is given back then, which serves the next piece.
        """
        if statements != self._sharing:
            self.execute(f"SET GLOBAL threads = {self._cores + 1 - statements}")
            self._sharing = statements

    @cached_property
    def _cores(self) -> int:
        """How many threads DuckDB has unless told otherwise: one for each core it may use."""
        return self.scalar("SELECT current_setting('threads')")

    def _rewrite(
        self, files: Sequence[str], folder: str, time_column: str, span: FileSpan
    ) -> list[str]:
        """Write the rows of files to others, each for a span; these take their place."""
        again, _ = self.copy(f"FROM {parquet(files)}", folder, time_column, span)
        for path in files:
            self._path(path).unlink()
        return again

    def _path(self, address: str) -> Path:
        return Path(address) if self._bucket is None else self._bucket.path(address)

    def _replaced(
        self, catalog: Catalog, branch: str, build: Build, span: FileSpan
    ) -> tuple[list[DataFile], list[DataFile]]:
        """The files to remove, and those of them whose other rows are to be copied along."""
        if build.existing is None:
            return [], []
        every = catalog.files(branch, build.table, build.time_column)
        if build.is_whole:
            return every, []
        if build.time_column is None or _have_deletes(every):
            return every, every
        units = union(span.around(window) for window in build.windows)
        around = [file for file in every if file.may_hold(units)]
        if any(file.rows >= layout.SMALL_FILE_ROWS for file in around):
            around = [
                file
                for file in around
                if file.rows < layout.SMALL_FILE_ROWS or file.may_hold(build.windows)
            ]
        return around, around

    def _define(self, name: str, source: Source) -> None:
        """Make a table visible under its qualified name to a user's SQL."""
        schema = name.split(".", maxsplit=1)[0]
        self.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        rows = self._relation(source)
        self.execute(f"CREATE OR REPLACE VIEW {qualified(name)} AS SELECT * FROM {rows}")

    def _relation(self, source: Source) -> str:
        return relation(source, scan, self.dialect)

    def _load(self, database: str, load: Load) -> None:
        import duckdb
        from ibis.backends.duckdb import Backend

        schema, name = load.target
        ibis = Backend.from_connection(self.connection)
        try:
            rows = ibis.sql(changed(load, scan, self.dialect), schema=load.source.schema)
            ibis.create_table(name, rows, database=(database, schema))
        except duckdb.Error as error:
            raise _unreachable(error) from None

    def _attach_postgres(self, address: Address, schema: str) -> str:
        """Attach a schema of a Postgres, once; the name it goes by.

        Of the other schemas DuckDB would look up every table, with what it does not need.
        """
        name = f"postgres_{hashlib.sha256(f'{schema} {address.shown}'.encode()).hexdigest()[:8]}"
        known = self.execute("SELECT database_name FROM duckdb_databases()").fetchall()
        if (name,) not in known:
            import duckdb

            self.prepare_to_publish()
            options = f"TYPE postgres, SCHEMA {text(schema)}"
            try:
                self.connection.execute(f"ATTACH {text(address.reveal())} AS {name} ({options})")
            except duckdb.Error as error:
                raise _unreachable(error) from None
        return name


def refusal(error: Exception) -> QueryError:
    """An error of DuckDB in a line, and what to do about it."""
    lines = (str(error).strip() or type(error).__name__).splitlines()
    return QueryError(f"DuckDB: {lines[0]}", hint=_advice(lines))


def scan(table: StoredTable, _schema: ibis.Schema) -> str:
    """The rows of a stored table."""
    return f"iceberg_scan({text(table.metadata)})"


def _is_large(question: Question) -> bool:
    """Whether it reads all of a table with more rows than a build takes at once."""
    whole = (s for s in question.sources if question.cut == ALL_TIME or s.time_column is None)
    return any(source.most_rows > _AT_ONCE * layout.LARGE_ROWS for source in whole)


def _have_deletes(files: Iterable[DataFile]) -> bool:
    """Whether the files alone do not tell which rows there are: Trino deletes beside them."""
    return any(file.has_deletes for file in files)


def file_part(time_column: str, span: FileSpan) -> str:
    """What tells which file of a table a row belongs to."""
    # Without a time zone: with one, every row is looked up in its calendar.
    day = f"CAST(make_timestamp(epoch_us({quoted(time_column)})) AS DATE)"
    if span.days is None:
        return f"CAST(date_trunc('month', {day}) AS DATE)"
    return f"({day} - DATE '1970-01-01') // {span.days}"


def parquet(paths: Iterable[str], *options: str) -> str:
    """The rows of Parquet files; a column that only some of them have is null in the others."""
    listed = ", ".join(map(path_text, paths))
    settings = ", ".join(("union_by_name = true", "hive_partitioning = false", *options))
    return f"read_parquet([{listed}], {settings})"


def _unreachable(error: Exception) -> PublishError:
    # DuckDB's own message may hold the address, and with it the password.
    return PublishError(
        f"DuckDB could not write to the Postgres of the marts ({type(error).__name__})",
        hint="`doctor` looks closer",
    )


def _advice(lines: Sequence[str]) -> str:
    """DuckDB's own proposal, where it makes one; of a table's file, where to look closer."""
    if lines[0].startswith("Permission Error"):
        return "a query reads tables, and files of the warehouse, such as archived ones"
    proposal = next((line for line in lines[1:] if line.startswith("Did you mean")), "")
    is_file = any(ending in lines[0] for ending in (".parquet", ".avro", ".metadata.json"))
    return proposal or ("if the file is damaged, `doctor --deep` names the cure" if is_file else "")
