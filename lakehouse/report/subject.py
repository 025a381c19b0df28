"""What a report is about: one value of its column, a span of days, and what is chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from lakehouse.declare.specs import parameters
from lakehouse.errors import ProjectError, UnknownNameError, UsageError, choices
from lakehouse.pages.decorators import Days, PageSpec

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True)
class Span:
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True)
class Subject:
    """One value of the column of a report, the days, and the chosen value of each switch."""

    spec: PageSpec
    value: str
    span: Span
    chosen: dict[str, str]
    tables: Callable[[str], ir.Table] = field(repr=False)

    def blocks(self) -> Any:
        """Return what the function of the report makes of the tables of this value."""
        span = {"first": self.span.first, "last": self.span.last}
        key, wanted = self.spec.key or "", parameters(self.spec.function)
        tables = {name: _cut(self.tables(name), key, self.value) for name in self.spec.tables}
        inputs = {**tables, **span}
        return self.spec.function(*(inputs[name] for name in wanted))


def subject(
    spec: PageSpec,
    tables: Callable[[str], ir.Table],
    value: str,
    first: date | None = None,
    last: date | None = None,
) -> Subject:
    """Return the subject of a report about a value, for the days that are asked for.

    Without `first` and `last` these are the newest days. Raises UnknownNameError for a value that
    is unknown, and UsageError for days of which there is nothing.
    """
    if spec.days is None or spec.key is None:
        raise ProjectError(f"{spec.name} is no report", hint="declare it with `@report`")
    days, column = _dates(spec.days, tables), spec.days.column.rpartition(".")[2]
    own = _cut(days, spec.key, value)
    oldest, newest = (edge.to_pyarrow().as_py() for edge in (own[column].min(), own[column].max()))
    if newest is None:
        known = days.select(spec.key).distinct().order_by(spec.key).to_pyarrow()[spec.key]
        raise UnknownNameError(
            f"there are no days of {spec.key} {value!r}",
            hint=choices(spec.key, value, map(str, known.to_pylist())),
        )
    span = _span(spec.days, newest, first, last)
    within = own.filter(own[column].between(span.first, span.last))
    if not within.count().to_pyarrow().as_py():
        raise UsageError(
            f"there is nothing about {spec.key} {value!r} from {span.first} to {span.last}",
            hint=f"its days lie between {oldest} and {newest}",
        )
    return Subject(spec, value, span, _chosen(spec, tables, value), tables)


def _dates(days: Days, tables: Callable[[str], ir.Table]) -> ir.Table:
    return tables(days.column.rpartition(".")[0])


def _span(days: Days, newest: date, first: date | None, last: date | None) -> Span:
    """Return the days that are asked for; one bound alone is followed by, or follows, the rest."""
    if last is None:
        last = newest
    if first is None:
        first = last - timedelta(days=days.newest - 1)
    if first > last:
        raise UsageError(
            f"a report from {first} to {last} has no days", hint=f"the newest day is {newest}"
        )
    return Span(first, last)


def _chosen(spec: PageSpec, tables: Callable[[str], ir.Table], value: str) -> dict[str, str]:
    """Return the value of each switch: what its column says for this report, or its first one."""
    chosen = {}
    for choice in spec.choices:
        chosen[choice.name] = choice.values[0]
        if choice.first:
            table, _, column = choice.first.rpartition(".")
            said = _cut(tables(table), spec.key or "", value)[column].max().to_pyarrow().as_py()
            if said in choice.values:
                chosen[choice.name] = said
    return chosen


def _cut(table: ir.Table, key: str, value: str) -> ir.Table:
    """Return the rows about a value; all rows of a table without the column."""
    if key not in table.columns:
        return table
    return table.filter(table[key].cast("string") == value)
