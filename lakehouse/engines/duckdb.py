"""The engine of the local profile: DuckDB, which reads Iceberg and writes Parquet.

`duckdb_tables` builds tables, `duckdb_postgres` loads Postgres.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.addresses import Address
from lakehouse.catalogs import Catalog, StoredTable
from lakehouse.compile.compiler import Statement
from lakehouse.engines import Build, Load, Question, Source
from lakehouse.engines.duckdb_connection import EXTENSIONS, open_connection
from lakehouse.engines.duckdb_connections import Connections
from lakehouse.engines.duckdb_kept_rows import KeptRows
from lakehouse.engines.duckdb_postgres import PostgresLoader
from lakehouse.engines.duckdb_relations import scan
from lakehouse.engines.duckdb_statements import require_query
from lakehouse.engines.duckdb_tables import AT_ONCE, TableWriter
from lakehouse.engines.spill import Spill
from lakehouse.engines.sql import (
    by_question,
    identifier,
    literal,
    qualified,
    relation,
    select,
    side_by_side,
    typed,
)
from lakehouse.plan import file_spans
from lakehouse.plan.file_spans import FileSpan
from lakehouse.storage import Bucket
from lakehouse.table_names import schema_of
from lakehouse.windows import ALL_TIME, Window

if TYPE_CHECKING:
    import duckdb
    import ibis.expr.types as ir
    import pyarrow as pa
    from ibis.backends import BaseBackend


def connect(
    spill: Path | None = None,
    extensions: Sequence[str] = EXTENSIONS,
    bucket: Bucket | None = None,
    only: Path | None = None,
) -> DuckDB:
    """Start a DuckDB with these extensions, and return the engine over it.

    `spill` is a folder in which each process has one of its own, for rows that do not fit into
    memory. With a `bucket`, files lie at s3:// addresses. With `only`, no file outside of that
    folder is reached.
    """
    own_spill = Spill(spill) if spill else None
    folder = own_spill.folder if own_spill else None
    return DuckDB(open_connection(folder, extensions, bucket, only), bucket, own_spill)


class DuckDB:
    """The engine of the local profile; implements `Engine`."""

    dialect = "duckdb"
    asks_together = False

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        bucket: Bucket | None = None,
        spill: Spill | None = None,
    ) -> None:
        self._connections = Connections(connection)
        self._tables = TableWriter(self._connections, bucket)
        self._postgres = PostgresLoader(self._connections)
        self._kept = KeptRows(self._connections, spill.folder if spill else None)
        self._spill = spill
        self._bucket = bucket

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection of the calling thread; all connections share one database."""
        return self._connections.own

    def execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        """Run a statement; its rows are to be fetched. Raises QueryError."""
        return self._connections.execute(sql)

    def scalar(self, sql: str) -> int:
        """Return the one whole number that a statement gives."""
        return self._connections.scalar(sql)

    def keep(self, name: str, statement: str, *, are_many: bool) -> None:
        """Keep the rows of a statement under a name, until they are forgotten or replaced.

        They lie in memory unless they `are_many`. Other threads do not see them.
        """
        self._kept.keep(name, statement, are_many=are_many)

    def forget(self, names: Collection[str]) -> None:
        """Drop the rows and temporary tables of these names, if there are any."""
        self._kept.forget(names)

    def sparing(self) -> AbstractContextManager[None]:
        """Let statements take little memory before their rows go to disk, while this is open."""
        return self._connections.sparing()

    def interrupt(self) -> None:
        self._connections.interrupt()

    def build(self, catalog: Catalog, branch: str, build: Build) -> tuple[StoredTable, int]:
        return self._tables.build(catalog, branch, build)

    def copy(
        self,
        statement: str,
        folder: str,
        time_column: str | None,
        span: FileSpan = file_spans.CALENDAR_MONTH,
    ) -> tuple[list[str], int]:
        """Write the rows of a statement as Parquet; the files, and how many rows there are."""
        return self._tables.copy(statement, folder, time_column, span)

    def prepare(self, branch: str) -> None:  # noqa: ARG002 - branches take no preparation
        self._postgres.prepare()

    def reach_postgres(self, address: Address) -> None:
        """Do nothing: DuckDB connects to a Postgres in no time."""

    def load_postgres(self, address: Address, loads: Sequence[Load]) -> None:
        self._postgres.load(address, loads)

    def release(self) -> None:
        """Detach Postgres: a server has a hundred connections, and others want them."""
        self._postgres.detach()

    def close(self) -> None:
        """End the database, and remove the folder for rows that did not fit into memory."""
        with ExitStack() as closing:
            if self._spill is not None:
                closing.callback(self._spill.close)
            closing.callback(self._connections.close)

    def sweep(self, branches: Callable[[], Collection[str]]) -> None:
        """Do nothing: DuckDB keeps nothing when its process ends."""

    def define(self, _catalog: Catalog, _branch: str, _table: str, _view: Source) -> bool:
        """Do nothing: no user queries this DuckDB directly."""
        return False

    def rows(
        self, statement: Statement, sources: Sequence[Source], cut: Window = ALL_TIME
    ) -> pa.Table:
        return self.execute(self.sql_of(statement, sources, cut)).to_arrow_table()

    def sql_of(
        self, statement: Statement, sources: Sequence[Source], cut: Window = ALL_TIME
    ) -> str:
        """Return the SELECT of the rows of a statement; see `rows`."""
        sql = select(statement, sources, scan, self.dialect, cut)
        return typed(sql, statement.schema, self.dialect)

    def counts(self, questions: Sequence[Question]) -> list[dict[str, int]]:
        if not any(map(_is_large, questions)):
            return self._counts(questions)
        since, answers = self._connections.interrupts.number, []
        with self._connections.large:
            self._connections.share_cores(1)
            for question in questions:
                self._connections.interrupts.require_none(since)
                answers += self._counts([question])
        return answers

    def query(self, sql: str, sources: Mapping[str, Source]) -> pa.Table:
        require_query(self.connection, sql, is_on_disk=self._bucket is None)
        self._connections.share_cores(1)
        for name, source in sources.items():
            self._define(name, source)
        return self.execute(sql).to_arrow_table()

    def data_files(self, table: StoredTable) -> set[str] | None:
        """The paths of a stored table's data files; None if it has delete files beside them."""
        files = self.execute(
            "SELECT manifest_content, file_path"
            f" FROM iceberg_metadata({literal(table.metadata)}) WHERE status <> 'DELETED'"
        ).fetchall()
        has_deletes = any(content != "DATA" for content, _ in files)
        return None if has_deletes else {path for _, path in files}

    def extensions(self) -> list[str]:
        """The names of the loaded extensions."""
        rows = self.execute(
            "SELECT extension_name FROM duckdb_extensions() WHERE loaded"
        ).fetchall()
        return [name for (name,) in rows]

    def shape(self, rows: str) -> dict[str, str]:
        """The columns of a relation in SQL, each with DuckDB's name for its kind of type."""
        described = self.execute(f"SELECT * FROM {rows} LIMIT 0").description or []
        return {name: kind.id for name, kind, *_ in described}

    def _counts(self, questions: Sequence[Question]) -> list[dict[str, int]]:
        row = self.execute(side_by_side(questions, scan, self.dialect)).fetchone()
        return by_question(questions, row or ())

    def statement(self, source: Source) -> str:
        """Return the SELECT of all rows of a table or view."""
        return f"SELECT * FROM {relation(source, scan, self.dialect)}"

    def table(self, source: Source) -> ir.Table:
        """Return a table or view as an Ibis table, which stays as it is while its files are there.

        Tables of one DuckDB can be joined.
        """
        return self._ibis.sql(self.statement(source))

    @cached_property
    def _ibis(self) -> BaseBackend:
        import ibis

        return ibis.duckdb.from_connection(self.connection)

    def _define(self, name: str, source: Source) -> None:
        """Create a view with a table's qualified name, so that a user's SQL can read the table."""
        self.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(schema_of(name))}")
        self.execute(f"CREATE OR REPLACE VIEW {qualified(name)} AS {self.statement(source)}")


def _is_large(question: Question) -> bool:
    """Return whether a question reads the whole of a table that is built in several pieces."""
    is_uncut = question.cut == ALL_TIME
    whole = (source for source in question.sources if is_uncut or source.time_column is None)
    return any(source.most_rows > AT_ONCE * file_spans.LARGE_ROWS for source in whole)
