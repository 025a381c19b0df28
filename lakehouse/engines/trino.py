"""The engine of the production profile: Trino, which reads and writes Iceberg tables in SQL.

Each ref is a catalog of its own in Trino. A table of ordinary size is replaced as a whole, by the
rows that stay and the new ones: one statement, hence one commit of rows and state. In a large table
the rows of a window are deleted, then inserted; until that is done, its state has a fingerprint
that no code has, so that an interrupted build is repeated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from lakehouse.addresses import Address
from lakehouse.catalogs import MAIN, Catalog, KeepsViews, StoredTable, ViewText
from lakehouse.compile.compiler import ROWS, Statement
from lakehouse.config import Servers
from lakehouse.declare.column_types import arrow_schema
from lakehouse.engines import Build, Load, Question, Source
from lakehouse.engines.postgres_rows import changed
from lakehouse.engines.sql import (
    by_question,
    columns,
    identifier,
    in_batches,
    literal,
    qualified,
    relation,
    select,
    side_by_side,
    typed,
    where,
)
from lakehouse.engines.trino_catalogs import Catalogs
from lakehouse.engines.trino_client import Answer, Client
from lakehouse.errors import PublishError, QueryError
from lakehouse.plan import file_spans
from lakehouse.plan.state import PROPERTY, TableState
from lakehouse.system.tasks import for_each
from lakehouse.table_names import name_of, schema_of
from lakehouse.windows import ALL_TIME, Window, union

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
_UNFINISHED = ""
"""Fingerprint in the state of a table that is being written; no code has this one."""


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
        target = self._name(branch, build.table)
        if build.existing is None:
            self.catalogs.make_schema(branch, schema_of(build.table))
        parts = [self._part(build, window, reach) for window, reach in build.spans]
        statements = parts if build.apart else [" UNION ALL ".join(parts)]
        if build.is_whole or build.existing is None:
            rows = self._write_anew(build, target, statements)
        elif build.existing.rows < file_spans.SMALL_FILE_ROWS and not build.apart:
            self._write_among(build, target, statements)
            stored = catalog.adopt(branch, build.table)
            return stored, self._new_rows(build, stored)
        else:
            rows = self._swap(build, target, statements)
        return catalog.adopt(branch, build.table), rows

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
        return _arrow(answer, statement.schema)

    def counts(self, questions: Sequence[Question]) -> list[dict[str, int]]:
        since = self.client.interrupts.number

        def ask(batch: Sequence[Question]) -> list[dict[str, int]]:
            self.client.interrupts.require_none(since)
            answer = self.client.run(side_by_side(batch, self._scan, self.dialect))
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
        return _arrow(self.client.run(self._with_views(sql, sources), catalog=home))

    def reach_postgres(self, address: Address) -> None:
        self.catalogs.of_postgres(address)

    def load_postgres(self, address: Address, loads: Sequence[Load]) -> None:
        database = self.catalogs.of_postgres(address)
        try:
            for_each(loads, partial(self._load, database), _AT_ONCE, self.interrupt)
        except QueryError as error:
            raise PublishError(
                f"Trino could not write to the Postgres of the marts: {error.message}",
                hint=error.hint or "run `doctor` to find the cause",
            ) from None

    def _load(self, database: str, load: Load) -> None:
        place = ".".join(map(identifier, (database, *load.target)))
        rows = changed(load, self._scan, self.dialect)
        self.client.run(f"CREATE TABLE {place} AS {rows}")

    def interrupt(self) -> None:
        self.client.interrupt()

    def release(self) -> None:
        self.catalogs.release()

    def close(self) -> None:
        self.release()

    def sweep(self, branches: Callable[[], Collection[str]]) -> None:
        self.catalogs.sweep(branches)

    def _write_anew(self, build: Build, target: str, statements: Sequence[str]) -> int:
        """Replace the whole table by the rows of the statements, one after the other."""
        first, *others = statements
        rows = self._create(build, target, first, build.state if not others else _unfinished(build))
        if others:
            rows += sum(self._insert(build, target, statement) for statement in others)
            self._set_state(build, target, build.state)
        return rows

    def _write_among(self, build: Build, target: str, statements: Sequence[str]) -> None:
        """Replace the whole table by its rows that stay and new ones."""
        names = columns(build.statement.schema)
        stay = f"SELECT {names} FROM {target} WHERE NOT coalesce({self._inside(build)}, false)"
        self._create(build, target, " UNION ALL ".join([stay, *statements]), build.state)

    def _new_rows(self, build: Build, stored: StoredTable) -> Question:
        """Return the question how many rows of a table are those that a build has written."""
        import ibis

        name, schema = name_of(build.table), build.statement.schema
        sql = f"SELECT count(*) AS {ROWS} FROM {identifier(name)} WHERE {self._inside(build)}"
        source = Source(name, schema, stored=stored)
        return Question(Statement(sql, ibis.schema({ROWS: "int64"})), [source])

    def _swap(self, build: Build, target: str, statements: Sequence[str]) -> int:
        """Delete the rows of the windows and insert the new ones; return how many are inserted."""
        self._set_state(build, target, _unfinished(build))
        self._run(build, f"DELETE FROM {target} WHERE {self._inside(build)}")
        rows = sum(self._insert(build, target, statement) for statement in statements)
        self._set_state(build, target, build.state)
        return rows

    def _create(self, build: Build, target: str, statement: str, state: TableState) -> int:
        # `CREATE OR REPLACE` keeps the properties of the old table that it does not name.
        return _number(
            self._run(
                build,
                f"CREATE OR REPLACE TABLE {target} WITH ({_properties(state)}) AS {statement}",
            )
        )

    def _insert(self, build: Build, target: str, statement: str) -> int:
        names = columns(build.statement.schema)
        return _number(self._run(build, f"INSERT INTO {target} ({names}) {statement}"))

    def _set_state(self, build: Build, target: str, state: TableState) -> None:
        self._run(build, f"ALTER TABLE {target} SET PROPERTIES {_properties(state)}")

    def _part(self, build: Build, window: Window, reach: Window) -> str:
        """The SELECT of the rows of one window, from inputs cut to `reach`."""
        schema = build.statement.schema
        rows = select(build.statement, build.sources, self._scan, self.dialect, reach, build.keys)
        inside = where((window,), build.keys, build.time_column, schema, self.dialect)
        return f"SELECT * FROM ({typed(rows, schema, self.dialect)}) WHERE {inside}"

    def _inside(self, build: Build) -> str:
        """The SQL condition that a row of the table is to be replaced."""
        schema = build.statement.schema
        windows = union(build.windows)
        return f"({where(windows, build.keys, build.time_column, schema, self.dialect)})"

    def _scan(self, table: StoredTable, _schema: ibis.Schema) -> str:
        return self._name(table.ref, table.name)

    def _name(self, ref: str, table: str) -> str:
        return f"{identifier(self.catalogs.of(ref))}.{qualified(table)}"

    def _run(self, build: Build, sql: str) -> Answer:
        return self.client.run(sql, tags=(build.state.version, build.table))

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


def _unfinished(build: Build) -> TableState:
    return replace(build.state, fingerprint=_UNFINISHED)


def _properties(state: TableState) -> str:
    """The state as a table property in Trino's SQL; Trino itself does not use it."""
    return (
        f"extra_properties = MAP(ARRAY[{literal(PROPERTY)}], ARRAY[{literal(state.to_property())}])"
    )


def _number(answer: Answer) -> int:
    """The integer that an answer consists of: a count, or how many rows a statement wrote."""
    return int(answer.rows[0][0]) if answer.rows else 0


def _arrow(answer: Answer, schema: ibis.Schema | None = None) -> pa.Table:
    import pyarrow as pa

    columns = zip(*answer.rows, strict=True) if answer.rows else ((),) * len(answer.names)
    if schema is not None:
        types = arrow_schema(schema)
        fields = zip(columns, types, strict=True)
        arrays = [pa.array(values, field.type) for values, field in fields]
        return pa.table(arrays, schema=types)
    arrays = [_inferred(values, kind) for values, kind in zip(columns, answer.types, strict=True)]
    return pa.table(arrays, names=answer.names)


def _inferred(values: Sequence[Any], kind: str) -> pa.Array:
    """The values as Arrow, of the type that they seem to have; entries of a map do not tell."""
    import ibis
    import pyarrow as pa
    from ibis.backends.sql.datatypes import TrinoType

    if not kind.startswith("map("):
        return pa.array(values)
    columns = ibis.schema({"map": TrinoType.from_string(kind)})
    return pa.array(values, arrow_schema(columns).field(0).type)
