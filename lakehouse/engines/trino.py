"""The engine of the production profile: Trino, in which each ref is a catalog of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from lakehouse.addresses import Address
from lakehouse.catalogs import MAIN, Catalog, KeepsViews, StoredTable, ViewText
from lakehouse.compile.compiler import Statement
from lakehouse.config import Servers
from lakehouse.declare.column_types import arrow_schema
from lakehouse.engines import Build, Load, Question, Source
from lakehouse.engines.postgres_rows import changed
from lakehouse.engines.sql import (
    by_question,
    identifier,
    in_batches,
    qualified,
    relation,
    select,
    side_by_side,
    typed,
)
from lakehouse.engines.trino_answers import as_arrow
from lakehouse.engines.trino_catalogs import Catalogs
from lakehouse.engines.trino_client import Client
from lakehouse.engines.trino_tables import TableWriting
from lakehouse.errors import PublishError, QueryError
from lakehouse.system.tasks import for_each
from lakehouse.table_names import schema_of
from lakehouse.windows import ALL_TIME, Window

if TYPE_CHECKING:
    import ibis
    import pyarrow as pa

_AT_ONCE = 2
"""Statements that are asked at once: most of their time goes into planning and waiting."""
_TOGETHER = 16
"""Questions in one statement, at most: Trino limits the stages of a statement."""
_QUERY = re.compile(
    r"(?:\s|\(|--[^\r\n]*|/\*.*?\*/)*+(?:SELECT|WITH|VALUES|TABLE)\b", re.IGNORECASE | re.DOTALL
)
"""Start of a query, after comments and parentheses: in Trino's grammar, only queries match."""


def connect(servers: Servers, catalog: Callable[[], Catalog]) -> Trino:
    """Return the engine over a Trino server; this does not connect to it.

    `catalog` returns the one whose main Trino shows under the name of main's catalog.
    """
    client = Client(str(servers.trino_url), servers.trino_identity)
    return Trino(client, Catalogs(client, servers, catalog))


class Trino:
    """The engine of the production profile; implements `Engine`."""

    dialect = "trino"
    asks_together = True

    def __init__(self, client: Client, catalogs: Catalogs) -> None:
        self.client, self.catalogs = client, catalogs

    def build(
        self, catalog: Catalog, branch: str, build: Build
    ) -> tuple[StoredTable, int | Question]:
        if build.existing is None:
            self.catalogs.make_schema(branch, schema_of(build.table))
        run = partial(self.client.begin().run, tags=(build.state.version, build.table))
        writing = TableWriting(build, self._name(branch, build.table), run, self._scan)
        rows = writing.write()
        stored = catalog.adopt(branch, build.table)
        return stored, writing.new_rows(stored) if rows is None else rows

    def define(self, catalog: Catalog, branch: str, table: str, view: Source) -> bool:
        if view.view is None or not isinstance(catalog, KeepsViews):
            return False
        # The SQL names tables of main's catalog: that of a branch is dropped with the branch.
        rows = select(view.view, view.sources, _by_name, self.dialect)
        sql = typed(rows, view.schema, self.dialect)
        shape = arrow_schema(view.schema)
        main = self.catalogs.main
        return catalog.write_view(branch, ViewText(table, sql, self.dialect, shape, main))

    def rows(
        self, statement: Statement, sources: Sequence[Source], cut: Window = ALL_TIME
    ) -> pa.Table:
        sql = select(statement, sources, self._scan, self.dialect, cut)
        answer = self.client.run(typed(sql, statement.schema, self.dialect))
        return as_arrow(answer, statement.schema)

    def counts(self, questions: Sequence[Question]) -> list[dict[str, int]]:
        work = self.client.begin()

        def ask(batch: Sequence[Question]) -> list[dict[str, int]]:
            answer = work.run(side_by_side(batch, self._scan, self.dialect))
            return by_question(batch, answer.rows[0])

        batches = in_batches(questions, _TOGETHER)
        return [*chain.from_iterable(for_each(batches, ask, _AT_ONCE, self.interrupt))]

    def query(self, sql: str, sources: Mapping[str, Source]) -> pa.Table:
        if not _QUERY.match(sql):
            raise QueryError(
                "Trino: the statement is not a query",
                hint="give one SELECT: `query` changes nothing",
            )
        refs = {source.stored.ref for source in sources.values() if source.stored is not None}
        home = self.catalogs.of(next(iter(refs), MAIN))
        return as_arrow(self.client.run(self._with_views(sql, sources), catalog=home))

    def prepare(self, branch: str) -> None:
        # Trino makes one catalog at a time: builds wait for this one, not for that of Postgres.
        self.catalogs.of(branch)

    def reach_postgres(self, address: Address) -> None:
        self.catalogs.of_postgres(address)

    def load_postgres(self, address: Address, loads: Sequence[Load]) -> None:
        place, work = identifier(self.catalogs.of_postgres(address)), self.client.begin()

        def move(load: Load) -> None:
            target = ".".join([place, *map(identifier, load.target)])
            work.run(f"CREATE TABLE {target} AS {changed(load, self._scan, self.dialect)}")

        try:
            for_each(loads, move, _AT_ONCE, self.interrupt)
        except QueryError as error:
            raise PublishError(
                f"Trino could not write to the Postgres of the marts: {error.message}",
                hint=error.hint or "run `doctor` to find the cause",
            ) from None

    def interrupt(self) -> None:
        self.client.interrupt()

    def release(self) -> None:
        self.catalogs.release()

    def close(self) -> None:
        self.release()

    def sweep(self, branches: Callable[[], Collection[str]]) -> None:
        self.catalogs.sweep(branches)

    def _scan(self, table: StoredTable, _schema: ibis.Schema) -> str:
        return self._name(table.ref, table.name)

    def _name(self, ref: str, table: str) -> str:
        return f"{identifier(self.catalogs.of(ref))}.{qualified(table)}"

    def _with_views(self, sql: str, sources: Mapping[str, Source]) -> str:
        """A user's SQL with each table that is not stored replaced by the SELECT of its rows."""
        import sqlglot
        from sqlglot import exp

        views = {name: source for name, source in sources.items() if source.stored is None}
        try:
            tree = sqlglot.parse_one(sql, dialect=self.dialect)
        except sqlglot.ParseError:
            return sql  # Trino's own message says better what is wrong
        named = [t for t in tree.find_all(exp.Table) if f"{t.db}.{t.name}" in views]
        for table in named:
            rows = relation(views[f"{table.db}.{table.name}"], self._scan, self.dialect)
            select_rows = f"SELECT * FROM {rows}"
            parsed = sqlglot.parse_one(select_rows, dialect=self.dialect, into=exp.Select)
            table.replace(parsed.subquery(table.alias_or_name))
        return tree.sql(self.dialect) if named else sql


def _by_name(table: StoredTable, _schema: ibis.Schema) -> str:
    return qualified(table.name)
