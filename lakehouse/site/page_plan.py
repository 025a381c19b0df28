"""Plans of pages: everything that a page shows but its rows, which follow from statements.

The function of a page is asked once, with tables that have no rows. Its blocks, the SQL of their
rows and its drawn charts are the plan; each build of a site only runs the statements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir

from lakehouse.compile.compiler import Statement
from lakehouse.compile.expression_digest import digest
from lakehouse.declare.project_code import place_of
from lakehouse.errors import ProjectError
from lakehouse.pages import Block, Chart, Columns, Text
from lakehouse.pages.decorators import Choice, PageSpec
from lakehouse.pages.shared import ReadOnce
from lakehouse.patches.ibis_dialects import to_sql
from lakehouse.site import charts

if TYPE_CHECKING:
    import pyarrow as pa

_DIALECT = "duckdb"


@dataclass(frozen=True)
class Unread:
    """Rows that are still to be read."""

    statement: Statement
    reads: tuple[str, ...]
    """Names of the tables of the page, and of the rows read once, that the statement reads."""


Reader: TypeAlias = "Callable[[Unread], pa.Table]"
"""Reads the rows of a plan."""


@dataclass(frozen=True)
class RowsOf:
    """Rows of a plan, to stand for an Ibis table in a block."""

    unread: Unread
    read: Reader = field(repr=False)

    def to_pyarrow(self) -> pa.Table:
        """Return the rows."""
        return self.read(self.unread)


@dataclass(frozen=True)
class PlannedPage:
    """A page whose rows are still to be read; without `blocks`, one that cannot be planned."""

    name: str
    title: str
    choices: tuple[Choice, ...]
    tables: tuple[str, ...]
    """Bare names of the tables that the page takes."""
    place: str
    """File, line and name of the function."""
    blocks: tuple[Block, ...] | None = None
    """With `Unread` where a block of a page has an Ibis table, and charts that are drawn."""
    once: Mapping[str, Unread] = field(default_factory=dict)
    """Rows that several blocks share, by name, each after those that it reads."""
    firsts: Mapping[str, Unread] = field(default_factory=dict)
    """For a choice, rows of a value of the choice before it and what is chosen at first for it."""

    def unread(self) -> list[Unread]:
        """Return what is to be read for the blocks, and for what is chosen at first."""
        found: list[Unread] = []

        def noted(unread: Unread) -> Unread:
            found.append(unread)
            return unread

        for block in self.blocks or ():
            _changed(block, lambda each: _with_rows(each, noted))
        return [*found, *self.firsts.values()]

    def with_rows(self, read: Reader) -> list[Block]:
        """Return the blocks, whose rows can be read."""

        def readable(block: Any) -> Block:
            return _with_rows(block, lambda unread: RowsOf(unread, read))

        return [_changed(block, readable) for block in self.blocks or ()]


def unplanned(spec: PageSpec) -> PlannedPage:
    """Return what is known of a page without asking its function."""
    return PlannedPage(spec.name, spec.title, spec.choices, spec.tables, place_of(spec.function))


def planned(spec: PageSpec, schemas: Mapping[str, ibis.Schema]) -> PlannedPage:
    """Return the plan of a page. Raises whatever its function raises without rows.

    `schemas` are those of the tables of the page, by bare name.
    """
    tables = {name: ibis.table(schemas[name], name=name) for name in spec.tables}
    plan = _Plan()
    parameters = charts.parameters(spec.choices)

    def planned_block(block: Any) -> Block:
        if isinstance(block, Chart):
            block = replace(block, chart=charts.drawn(block.chart, parameters, block.title))
        return _with_rows(block, plan.unread)

    blocks = tuple(_changed(block, planned_block) for block in ask(spec, tables))
    firsts = {name: plan.unread(rows) for name, rows in firsts_of(spec.choices, tables).items()}
    return replace(unplanned(spec), blocks=blocks, once=plan.once, firsts=firsts)


def ask(spec: PageSpec, tables: Mapping[str, ir.Table]) -> Sequence[Block]:
    """Return the blocks that the function of a page makes of tables. Raises ProjectError."""
    blocks = spec.function(*(tables[name] for name in spec.tables))
    if not isinstance(blocks, list | tuple):
        raise ProjectError(
            f"the page {spec.name!r} returned {type(blocks).__name__}, not blocks",
            hint="a page returns a list of Text, Figures, Chart, Rows and Columns",
            place=place_of(spec.function),
        )
    return blocks


def firsts_of(choices: Sequence[Choice], tables: Mapping[str, ir.Table]) -> dict[str, ir.Table]:
    """Return what tables say is chosen at first, by choice, for each value of the choice before."""
    firsts = {}
    for before, choice in pairwise(choices):
        if choice.first:
            table, _, column = choice.first.rpartition(".")
            firsts[choice.name] = tables[table].select(before.name, column).distinct()
    return firsts


class _Plan:
    """Statements of a page, and of the rows that they share."""

    def __init__(self) -> None:
        self.once: dict[str, Unread] = {}
        self._names: dict[ops.Node, str] = {}

    def unread(self, rows: ir.Table) -> Unread:
        """Return the statement of rows; what they read once is planned before them.

        Raises TypeError for rows that are not of the tables of the page alone.
        """
        outer = rows.op().replace(self._named)
        if digest(outer.to_expr()) is None:  # rows in memory, tables of others, functions in Python
            raise TypeError("these rows have no statement that says all of them")
        sql = to_sql(outer.to_expr(), _DIALECT)
        reads = (table.name for table in outer.find(ops.UnboundTable))
        return Unread(Statement(sql, rows.schema()), tuple(dict.fromkeys(reads)))

    def _named(self, node: Any, changed: Mapping[str, Any] | None) -> Any:
        """Replace rows that are read once by a table of their name."""
        if isinstance(node, ReadOnce):
            return ops.UnboundTable(name=self._planned(node), schema=node.schema)
        return node.__recreate__(changed) if changed else node

    def _planned(self, node: ReadOnce) -> str:
        if node not in self._names:
            unread = self.unread(node.rows.to_expr())
            # No table can have a name with blanks.
            self._names[node] = f"read once {len(self._names)}"
            self.once[self._names[node]] = unread
        return self._names[node]


def _changed(block: Block, change: Callable[[Any], Block]) -> Block:
    """Return a block with what stands in it changed."""
    if isinstance(block, Columns):
        return Columns([_changed(each, change) for each in block.blocks])
    return change(block)


def _with_rows(block: Any, change: Callable[[Any], Any]) -> Block:
    """Return a block, which is none of several, with changed rows."""
    changed: Block = block if isinstance(block, Text) else replace(block, rows=change(block.rows))
    return changed
