"""Lineage of a project: what every column of every table is made of, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

from lakehouse.errors import UnknownNameError, choices
from lakehouse.lineage.parents import ROWS, Column, Parents, TableParents

Kind: TypeAlias = Literal["value", "influence"]
VALUE: Kind = "value"
INFLUENCE: Kind = "influence"


class Edge(NamedTuple):
    """A column that another one is made of: by its value, or by its influence alone."""

    parent: Column
    child: Column
    kind: Kind


@dataclass(frozen=True)
class Lineage:
    """What the tables of a project are made of, by qualified name, parents before children.

    A name that is not among the tables stands for the source of one: a column of it is a field of
    what an ingestion yields, of a file, or of a table of others.
    """

    tables: Mapping[str, TableParents]

    def parents(self, table: str, column: str) -> tuple[Edge, ...]:
        """Return the columns that a column is made of directly, those that give its value first."""
        return self._parents[Column(table, column)]

    def children(self, table: str, column: str) -> tuple[Edge, ...]:
        """Return the columns that are made of a column directly."""
        return self._children.get(Column(table, column), ())

    def up(self, columns: Iterable[Column]) -> dict[Column, Kind]:
        """Return all that columns are made of, through any number of tables, the last built first.

        It is by value if each step on some way is.
        """
        found = _reached(columns, lambda at: self._parents.get(at, ()), lambda edge: edge.parent)
        ordered = self._sorted(found)
        last_first = reversed([*dict.fromkeys(column.table for column in ordered)])
        return {c: found[c] for table in last_first for c in ordered if c.table == table}

    def down(self, columns: Iterable[Column]) -> dict[Column, Kind]:
        """Return all that is made of columns, through any number of tables, as they are built."""
        found = _reached(columns, lambda at: self._children.get(at, ()), lambda edge: edge.child)
        return {column: found[column] for column in self._sorted(found)}

    def edges(self, columns: Iterable[Column]) -> Iterator[Edge]:
        """Yield the edges between these columns."""
        among = dict.fromkeys(columns)
        for column in among:
            yield from (edge for edge in self._parents.get(column, ()) if edge.parent in among)

    def columns_of(self, table: str, column: str | None = None) -> list[Column]:
        """Return all columns of a table, or the one of a name.

        Raises UnknownNameError, with the names that are most alike.
        """
        if table not in self.tables:
            raise UnknownNameError(
                f"there is no table {table!r}", hint=choices("tables", table, self.tables)
            )
        names = [*self.tables[table].columns]
        if column is None:
            return [Column(table, name) for name in names]
        if column not in names:
            raise UnknownNameError(
                f"{table} has no column {column!r}", hint=choices("columns", column, names)
            )
        return [Column(table, column)]

    def _sorted(self, columns: Iterable[Column]) -> list[Column]:
        """Return columns in the order of their tables, and within these; sources come first."""
        place = self._places
        return sorted(columns, key=lambda column: place.get(column, (-1, 0)))

    @cached_property
    def _places(self) -> Mapping[Column, tuple[int, int]]:
        return {
            Column(table, name): (number, place)
            for number, (table, made) in enumerate(self.tables.items())
            for place, name in enumerate((ROWS, *made.columns))
        }

    @cached_property
    def _parents(self) -> Mapping[Column, tuple[Edge, ...]]:
        parents = {}
        for table, made in self.tables.items():
            for name, column in made.columns.items():
                child = Column(table, name)
                parents[child] = _edges(child, column.influenced_by(made.rows))
            child = Column(table, ROWS)
            parents[child] = _edges(child, Parents(influence=made.rows))
        return parents

    @cached_property
    def _children(self) -> Mapping[Column, tuple[Edge, ...]]:
        children: dict[Column, list[Edge]] = {}
        for edges in self._parents.values():
            for edge in edges:
                children.setdefault(edge.parent, []).append(edge)
        return {column: tuple(edges) for column, edges in children.items()}


def _edges(child: Column, parents: Parents) -> tuple[Edge, ...]:
    """Return the edges to a column: by value, then by influence, each by name.

    The rows of a table are left out beside its columns, each of which depends on them, too.
    """
    value = sorted(parents.value)
    named = {column.table for column in parents.all if column.name != ROWS}
    rest = (c for c in parents.influence - parents.value if c.name != ROWS or c.table not in named)
    return (
        *(Edge(column, child, VALUE) for column in value),
        *(Edge(column, child, INFLUENCE) for column in sorted(rest)),
    )


def _reached(
    start: Iterable[Column],
    steps: Callable[[Column], Iterable[Edge]],
    end: Callable[[Edge], Column],
) -> dict[Column, Kind]:
    """Return what is reached from the start, and is not in it: by value if each step is."""
    start = [*start]
    by_value = _closure(start, steps, end, (VALUE,))
    every = _closure(start, steps, end, (VALUE, INFLUENCE))
    return {column: VALUE if column in by_value else INFLUENCE for column in every}


def _closure(
    start: Iterable[Column],
    steps: Callable[[Column], Iterable[Edge]],
    end: Callable[[Edge], Column],
    kinds: tuple[Kind, ...],
) -> dict[Column, None]:
    """Return what is reached from the start, and is not in it, over edges of these kinds."""
    begun = dict.fromkeys(start)
    reached = dict(begun)
    for column in (waiting := [*begun]):
        for edge in steps(column):
            if edge.kind in kinds and end(edge) not in reached:
                reached[end(edge)] = None
                waiting.append(end(edge))
    return {column: None for column in reached if column not in begun}
