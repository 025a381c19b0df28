"""The columns that a clause of a statement can name, and the relation that they are columns of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import ibis.expr.types as ir


@dataclass(frozen=True)
class ScopeColumn:
    """A column as a statement may name it."""

    alias: str
    """The name of its table in the statement, in small letters."""
    name: str
    inner: str
    """Its name in the relation, which no other column there has."""
    is_merged: bool = False
    """Whether a bare name means its namesake of an earlier table: `USING` has merged both."""


@dataclass(frozen=True)
class Scope:
    """Columns by their names in a statement, and the relation that has all of them."""

    table: ir.Table
    columns: tuple[ScopeColumn, ...]

    @classmethod
    def of(cls, table: ir.Table, alias: str) -> Scope:
        """Return the scope of one table."""
        alias = alias.lower()
        return cls(table, tuple(ScopeColumn(alias, name, name) for name in table.columns))

    def on(self, table: ir.Table) -> Scope:
        """Return the same columns of another relation, such as one with fewer rows."""
        return replace(self, table=table)

    def found(self, name: str, alias: str = "") -> list[ScopeColumn]:
        """Return the columns of a name; capital letters make no difference."""
        return [
            column
            for column in self.columns
            if column.name.lower() == name.lower()
            and (column.alias == alias.lower() if alias else not column.is_merged)
        ]

    def shown(self, alias: str = "") -> Iterator[ScopeColumn]:
        """Yield the columns that `*`, or `alias.*`, stands for."""
        for column in self.columns:
            if column.alias == alias.lower() if alias else not column.is_merged:
                yield column

    def beside(self, other: Scope) -> Scope:
        """Return the other scope with inner names that differ from all in this one."""
        taken = {column.inner.lower() for column in self.columns}
        columns = []
        for column in other.columns:
            inner = next(name for name in _names(column.inner) if name.lower() not in taken)
            taken.add(inner.lower())
            columns.append(replace(column, inner=inner))
        renamed = {
            new.inner: old.inner
            for new, old in zip(columns, other.columns, strict=True)
            if new.inner != old.inner
        }
        table = other.table.rename(renamed) if renamed else other.table
        return Scope(table, tuple(columns))

    def joined(self, other: Scope, table: ir.Table, merged: Iterable[str] = ()) -> Scope:
        """Return the columns of both; those named in `merged` go by the first scope's."""
        names = {name.lower() for name in merged}
        others = (
            replace(column, is_merged=column.is_merged or column.name.lower() in names)
            for column in other.columns
        )
        return Scope(table, (*self.columns, *others))


def _names(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1
