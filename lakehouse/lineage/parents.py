"""Parents: the columns that a value, or a whole relation, is made of.

A column gives another its *value*, or only *influences* it: by a condition, a join, a group, or the
order of a window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

ROWS = "*"
"""Name that stands for the rows of a table: which ones there are, whatever is in their columns."""


class Column(NamedTuple):
    """A column of a table; `ROWS` instead of its name stands for the rows of the table."""

    table: str
    name: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"


Columns: TypeAlias = frozenset[Column]
NONE: Columns = frozenset()


@dataclass(frozen=True)
class Parents:
    """The columns that something is made of: those that give its value, and those that influence.

    A column may be in both.
    """

    value: Columns = NONE
    influence: Columns = NONE

    @property
    def all(self) -> Columns:
        """The columns of either kind."""
        return self.value | self.influence

    def influenced_by(self, columns: Columns) -> Parents:
        """Return the same parents, with more columns that influence."""
        return Parents(self.value, self.influence | columns) if columns else self


@dataclass(frozen=True)
class TableParents:
    """What the columns of a relation are made of, and what decides which rows it has."""

    columns: Mapping[str, Parents]
    rows: Columns
    order: Columns = NONE
    """The columns by which the rows are sorted; it matters to what takes some of them."""

    @property
    def all(self) -> Columns:
        """Everything that any part of the relation depends on."""
        return union(*(parents.all for parents in self.columns.values()), self.rows, self.order)


def union(*sets: Columns) -> Columns:
    """Return the columns of all sets."""
    return frozenset().union(*sets)
