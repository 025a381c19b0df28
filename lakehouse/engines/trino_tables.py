"""Building a table with Trino: statements that replace the rows of windows, and its state.

A table of ordinary size is replaced as a whole, by the rows that stay and the new ones: one
statement, hence one commit of rows and state. In a large table the rows of a window are deleted,
then inserted; until that is done, its state has a fingerprint that no code has, so that an
interrupted build is repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lakehouse.catalogs import StoredTable
from lakehouse.compile.compiler import ROWS, Statement
from lakehouse.engines import Build, Question, Source
from lakehouse.engines.sql import columns, identifier, literal, select, typed, where
from lakehouse.engines.trino_client import Answer
from lakehouse.plan import file_spans
from lakehouse.plan.state import PROPERTY, TableState
from lakehouse.table_names import name_of
from lakehouse.windows import Window, union

if TYPE_CHECKING:
    import ibis

_DIALECT = "trino"
_UNFINISHED = ""
"""Fingerprint in the state of a table that is being written; no code has this one."""


@dataclass(frozen=True)
class TableWriting:
    """The statements of one build, each of which `run` runs unless the work is interrupted."""

    build: Build
    target: str
    """Name of the table in SQL."""
    run: Callable[[str], Answer]
    scan: Callable[[StoredTable, ibis.Schema], str]
    """Function that returns the SQL of the rows of a stored table."""

    def write(self) -> int | None:
        """Write the table; return how many rows are new, if that is known."""
        build = self.build
        parts = [self._part(window, reach) for window, reach in build.spans]
        statements = parts if build.apart else [" UNION ALL ".join(parts)]
        if build.is_whole or build.existing is None:
            return self._write_anew(statements)
        if build.existing.rows < file_spans.SMALL_FILE_ROWS and not build.apart:
            self._write_among(statements)
            return None
        return self._swap(statements)

    def new_rows(self, stored: StoredTable) -> Question:
        """Return the question how many rows of the table are those that the build has written."""
        import ibis

        name, schema = name_of(self.build.table), self.build.statement.schema
        sql = f"SELECT count(*) AS {ROWS} FROM {identifier(name)} WHERE {self._inside()}"
        source = Source(name, schema, stored=stored)
        return Question(Statement(sql, ibis.schema({ROWS: "int64"})), [source])

    def _write_anew(self, statements: Sequence[str]) -> int:
        """Replace the whole table by the rows of the statements, one after the other."""
        state, (first, *others) = self.build.state, statements
        rows = self._create(first, _unfinished(state) if others else state)
        if others:
            rows += sum(map(self._insert, others))
            self._set_state(state)
        return rows

    def _write_among(self, statements: Sequence[str]) -> None:
        """Replace the whole table by its rows that stay and new ones."""
        names = columns(self.build.statement.schema)
        outside = f"NOT coalesce({self._inside()}, false)"
        stay = f"SELECT {names} FROM {self.target} WHERE {outside}"
        self._create(" UNION ALL ".join([stay, *statements]), self.build.state)

    def _swap(self, statements: Sequence[str]) -> int:
        """Delete the rows of the windows and insert the new ones; return how many are inserted."""
        self._set_state(_unfinished(self.build.state))
        self.run(f"DELETE FROM {self.target} WHERE {self._inside()}")
        rows = sum(map(self._insert, statements))
        self._set_state(self.build.state)
        return rows

    def _create(self, statement: str, state: TableState) -> int:
        # `CREATE OR REPLACE` keeps the properties of the old table that it does not name.
        properties = f"WITH ({_properties(state)})"
        sql = f"CREATE OR REPLACE TABLE {self.target} {properties} AS {statement}"
        return _written(self.run(sql))

    def _insert(self, statement: str) -> int:
        names = columns(self.build.statement.schema)
        return _written(self.run(f"INSERT INTO {self.target} ({names}) {statement}"))

    def _set_state(self, state: TableState) -> None:
        self.run(f"ALTER TABLE {self.target} SET PROPERTIES {_properties(state)}")

    def _part(self, window: Window, reach: Window) -> str:
        """The SELECT of the rows of one window, from inputs cut to `reach`."""
        build, schema = self.build, self.build.statement.schema
        rows = select(build.statement, build.sources, self.scan, _DIALECT, reach, build.keys)
        inside = where((window,), build.keys, build.time_column, schema, _DIALECT)
        return f"SELECT * FROM ({typed(rows, schema, _DIALECT)}) WHERE {inside}"

    def _inside(self) -> str:
        """The SQL condition that a row of the table is to be replaced."""
        build, windows = self.build, union(self.build.windows)
        condition = where(windows, build.keys, build.time_column, build.statement.schema, _DIALECT)
        return f"({condition})"


def _unfinished(state: TableState) -> TableState:
    return replace(state, fingerprint=_UNFINISHED)


def _properties(state: TableState) -> str:
    """The state as a table property in Trino's SQL; Trino itself does not use it."""
    return (
        f"extra_properties = MAP(ARRAY[{literal(PROPERTY)}], ARRAY[{literal(state.to_property())}])"
    )


def _written(answer: Answer) -> int:
    """Return how many rows a statement wrote."""
    return int(answer.rows[0][0]) if answer.rows else 0
