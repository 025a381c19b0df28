"""Trino: reads and writes Iceberg tables in SQL alone, through a catalog of its own for each ref.

A table of ordinary size is written anew together with the rows that stay: one statement, hence one
commit of rows and state. In a large one the rows of a window are deleted and inserted; meanwhile
its state says that it was built from nothing known, so that what is cut short is built again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lakehouse import layout
from lakehouse.addresses import Address
from lakehouse.catalogs import MAIN, Catalog, KeepsViews, StoredTable, ViewText
from lakehouse.compile import Statement
from lakehouse.config import Servers
from lakehouse.engines import Build, Load, Question, Source
from lakehouse.engines.sql import (
    by_question,
    changed,
    columns,
    qualified,
    quoted,
    relation,
    select,
    side_by_side,
    text,
    typed,
    where,
)
from lakehouse.engines.trino_catalogs import MAIN_CATALOG, Catalogs
from lakehouse.engines.trino_client import Answer, Client
from lakehouse.errors import PublishError, QueryError
from lakehouse.state import PROPERTY, TableState
from lakehouse.tasks import for_each
from lakehouse.windows import ALL_TIME, Window, union

if TYPE_CHECKING:
    import ibis
    import pyarrow as pa

_AT_ONCE = 2
"""Tables that are loaded into Postgres at the same time: most of it is planning and waiting."""
_TOGETHER = 16
"""Questions in one statement: Trino bounds how many stages a statement has."""
_QUERY = re.compile(
    r"(?:\s|\(|--[^\r\n]*|/\*.*?\*/)*+(?:SELECT|WITH|VALUES|TABLE)\b", re.IGNORECASE | re.DOTALL
)
"""How a query begins, after comments and parentheses: by Trino's grammar nothing else does so."""
_UNFINISHED = ""
"""The fingerprint of a table that is being written: no code has it."""


def connect(servers: Servers) -> Trino:
    """The Trino of a profile; nothing is asked of it yet."""
    client = Client(str(servers.trino_url))
    return Trino(client, Catalogs(client, servers))


class Trino:
    """The engine of the production profile; implements `Engine`."""

    dialect = "trino"

    def __init__(self, client: Client, catalogs: Catalogs) -> None:
        self.client, self.catalogs = client, catalogs

    def build(self, catalog: Catalog, branch: str, build: Build) -> tuple[StoredTable, int]:
        target = self._name(branch, build.table)
        if build.existing is None:
            self.catalogs.make_schema(branch, build.table.partition(".")[0])
        parts = [self._part(build, window, reach) for window, reach in build.spans]
        statements = parts if build.apart else [" UNION ALL ".join(parts)]
        if build.is_whole or build.existing is None:
            rows = self._write_anew(build, target, statements)
        elif build.existing.rows < layout.SMALL_FILE_ROWS and not build.apart:
            rows = self._write_among(build, target, statements)
        else:
            rows = self._swap(build, target, statements)
        return catalog.adopt(branch, build.table), rows

    def define(self, catalog: Catalog, branch: str, table: str, view: Source) -> bool:
        if view.view is None or not isinstance(catalog, KeepsViews):
            return False
        # By names of main: a view made through a branch's own catalog would be lost with it.
        rows = select(view.view, view.sources, _by_name, self.dialect)
        sql = typed(rows, view.schema, self.dialect)
        shape = view.schema.to_pyarrow()
        return catalog.write_view(branch, ViewText(table, sql, self.dialect, shape, MAIN_CATALOG))

    def rows(
        self, statement: Statement, sources: Sequence[Source], cut: Window = ALL_TIME
    ) -> pa.Table:
        sql = select(statement, sources, self._scan, self.dialect, cut)
        answer = self.client.run(typed(sql, statement.schema, self.dialect))
        return _arrow(answer, statement.schema)

    def counts(self, questions: Sequence[Question]) -> list[dict[str, int]]:
        found = []
        for start in range(0, len(questions), _TOGETHER):
            some = questions[start : start + _TOGETHER]
            answer = self.client.run(side_by_side(some, self._scan, self.dialect))
            found += by_question(some, answer.rows[0])
        return found

    def query(self, sql: str, sources: Mapping[str, Source]) -> pa.Table:
        if not _QUERY.match(sql):
            raise QueryError(
                "Trino: the statement is no query", hint="give one SELECT: `query` changes nothing"
            )
        refs = {source.stored.ref for source in sources.values() if source.stored is not None}
        home = self.catalogs.of(next(iter(refs), MAIN))
        return _arrow(self.client.run(self._with_views(sql, sources), catalog=home))

    def load_postgres(self, address: Address, loads: Sequence[Load]) -> None:
        database = self.catalogs.of_postgres(address)
        try:
            for_each(loads, partial(self._load, database), _AT_ONCE, self.interrupt)
        except QueryError as error:
            raise PublishError(
                f"Trino could not write to the Postgres of the marts: {error.message}",
                hint=error.hint or "`doctor` looks closer",
            ) from None

    def _load(self, database: str, load: Load) -> None:
        place = ".".join(map(quoted, (database, *load.target)))
        rows = changed(load, self._scan, self.dialect)
        self.client.run(f"CREATE TABLE {place} AS {rows}")

    def interrupt(self) -> None:
        self.client.interrupt()

    def release(self) -> None:
        self.catalogs.release()

    def close(self) -> None:
        self.release()

    def sweep(self, branches: Collection[str]) -> None:
        self.catalogs.sweep(branches)

    def _write_anew(self, build: Build, target: str, statements: Sequence[str]) -> int:
        """Replace the whole table; several statements are written one after the other."""
        first, *more = statements
        rows = self._create(build, target, first, build.state if not more else _unfinished(build))
        if more:
            rows += sum(self._insert(build, target, each) for each in more)
            self._set_state(build, target, build.state)
        return rows

    def _write_among(self, build: Build, target: str, statements: Sequence[str]) -> int:
        """Replace the whole table by what stays of it and the new rows."""
        names = columns(build.statement.schema)
        stays = f"SELECT {names} FROM {target} WHERE NOT coalesce({self._inside(build)}, false)"
        kept = _number(self._run(build, f"SELECT count(*) FROM ({stays})"))
        together = " UNION ALL ".join([stays, *statements])
        return self._create(build, target, together, build.state) - kept

    def _swap(self, build: Build, target: str, statements: Sequence[str]) -> int:
        """Delete rows and insert others."""
        self._set_state(build, target, _unfinished(build))
        self._run(build, f"DELETE FROM {target} WHERE {self._inside(build)}")
        rows = sum(self._insert(build, target, each) for each in statements)
        self._set_state(build, target, build.state)
        return rows

    def _create(self, build: Build, target: str, statement: str, state: TableState) -> int:
        # Replacing a table keeps the properties that are not given.
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
        """The rows of one window, from inputs cut to what they may depend on."""
        schema = build.statement.schema
        rows = select(build.statement, build.sources, self._scan, self.dialect, reach, build.keys)
        inside = where((window,), build.keys, build.time_column, schema, self.dialect)
        return f"SELECT * FROM ({typed(rows, schema, self.dialect)}) WHERE {inside}"

    def _inside(self, build: Build) -> str:
        """The condition that a row of the table is one to be replaced."""
        schema = build.statement.schema
        windows = union(build.windows)
        return f"({where(windows, build.keys, build.time_column, schema, self.dialect)})"

    def _scan(self, table: StoredTable, _schema: ibis.Schema) -> str:
        return self._name(table.ref, table.name)

    def _name(self, ref: str, table: str) -> str:
        return f"{quoted(self.catalogs.of(ref))}.{qualified(table)}"

    def _run(self, build: Build, sql: str) -> Answer:
        return self.client.run(sql, tags=(build.state.version, build.table))

    def _with_views(self, sql: str, sources: Mapping[str, Source]) -> str:
        """A user's SQL, in which tables that are not stored stand as what they are made of."""
        import sqlglot
        from sqlglot import exp

        made = {name: source for name, source in sources.items() if source.stored is None}
        try:
            tree = sqlglot.parse_one(sql, dialect=self.dialect)
        except sqlglot.ParseError:
            return sql  # Trino says better what is wrong with it
        named = [t for t in tree.find_all(exp.Table) if f"{t.db}.{t.name}" in made]
        for table in named:
            rows = relation(made[f"{table.db}.{table.name}"], self._scan, self.dialect)
            shown = f"SELECT * FROM {rows}"
            inner = sqlglot.parse_one(shown, dialect=self.dialect, into=exp.Select)
            table.replace(inner.subquery(table.alias_or_name))
        return tree.sql(self.dialect) if named else sql


def _by_name(table: StoredTable, _schema: ibis.Schema) -> str:
    return qualified(table.name)


def _unfinished(build: Build) -> TableState:
    return replace(build.state, fingerprint=_UNFINISHED)


def _properties(state: TableState) -> str:
    """The state, as Trino writes a property of the table that it gives no meaning."""
    return f"extra_properties = MAP(ARRAY[{text(PROPERTY)}], ARRAY[{text(state.to_property())}])"


def _number(answer: Answer) -> int:
    """The one whole number of an answer: a count, or how many rows a statement wrote."""
    return int(answer.rows[0][0]) if answer.rows else 0


def _arrow(answer: Answer, schema: ibis.Schema | None = None) -> pa.Table:
    import pyarrow as pa

    columns = zip(*answer.rows, strict=True) if answer.rows else ((),) * len(answer.names)
    if schema is not None:
        types = schema.to_pyarrow()
        given = zip(columns, types, strict=True)
        return pa.table([pa.array(each, field.type) for each, field in given], schema=types)
    return pa.table([pa.array(each) for each in columns], names=answer.names)
