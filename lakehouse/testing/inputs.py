"""Rows made up for the parents of a model, from what the project declares about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hypothesis import strategies as st

from lakehouse.checks import AcceptedValuesCheck, NullCheck, RangeCheck, Rule, UniqueCheck
from lakehouse.declare.kinds import Incremental
from lakehouse.declare.project import Project
from lakehouse.declare.raw_columns import BOOKKEEPING, file_column
from lakehouse.declare.specs import IngestionSpec
from lakehouse.testing.differences import less
from lakehouse.testing.runner import RunModel
from lakehouse.testing.sandbox import Row, Rows
from lakehouse.testing.values import values

Columns: TypeAlias = Mapping[str, st.SearchStrategy[Any] | Callable[[Row], Any]]
"""Values of columns that a test gives: a strategy, or a function of the rest of the row."""

History: TypeAlias = tuple[Row | None, Row | None]
"""A row before and after a change of its table; None if there is no such row."""

_FATES = ("stays", "stays", "stays", "comes", "goes", "corrected", "moved")
"""Changes that are made to a row; "stays" is chosen more often than the others."""
_MOST_ROWS = 6
"""Number of rows of a parent, at most, before one is doubled."""


@dataclass(frozen=True)
class Revision:
    """The rows of a parent before and after a change."""

    before: Rows
    after: Rows

    @property
    def goes(self) -> Rows:
        """The rows that were removed."""
        return less(self.before, self.after)

    @property
    def comes(self) -> Rows:
        """The rows that were added."""
        return less(self.after, self.before)

    @property
    def stays(self) -> Rows:
        """The rows that did not change."""
        return less(self.before, self.goes)


@dataclass(frozen=True)
class Parent:
    """Rules by which the rows of a parent are made up."""

    columns: tuple[str, ...]
    time_column: str | None
    drawn: Mapping[str, st.SearchStrategy[Any]]
    """Strategies of the columns that Hypothesis draws."""
    derived: Mapping[str, Callable[[Row], Any]]
    """Functions of the columns that are computed from the rest of the row."""
    unique: tuple[tuple[str, ...], ...]
    """The unique keys."""
    nullable: tuple[str, ...]
    """Columns for which the test gives no values, and that checks allow to be null."""

    def revision(self, histories: Sequence[History]) -> Revision:
        """Return the rows before and after the change, with their derived columns."""
        before, after = zip(*histories, strict=True) if histories else ((), ())
        return Revision(self._rows(before), self._rows(after))

    def _rows(self, drawn: Iterable[Row | None]) -> Rows:
        """Return the rows with derived columns, without those that break a unique key."""
        rows: Rows = []
        taken: set[Any] = set()
        for row in (dict(one) for one in drawn if one is not None):
            for name, derive in self.derived.items():
                row[name] = derive(row)
            keys = {(key, tuple(row[name] for name in key)) for key in self.unique}
            if not keys & taken:
                taken |= keys
                rows.append({name: row[name] for name in self.columns})
        return rows


def parent(run_model: RunModel, name: str, kind: Incremental, columns: Columns) -> Parent:
    """Return the rules for a parent of a model: those of the project, and `columns` of the test."""
    schema, table = run_model.schema(name), run_model.project().tables[name]
    checks = list(_checks(run_model.project(), name))
    present = {column for c in checks if isinstance(c, NullCheck) for column in c.columns}
    present |= {table.time_column} if table.time_column else set()
    unique = tuple(tuple(c.columns) for c in checks if isinstance(c, UniqueCheck))
    drawn: dict[str, st.SearchStrategy[Any]] = {}
    derived: dict[str, Callable[[Row], Any]] = {}
    for column, source in columns.items():
        if column in schema:
            if isinstance(source, st.SearchStrategy):
                drawn[column] = source
            else:
                derived[column] = source
    for column, type_ in schema.items():
        if column not in columns:
            about = [check for check in checks if getattr(check, "column", None) == column]
            many = any(key[-1] == column for key in unique)
            strategy = values(f"{name}.{column}", type_, kind, about, many=many)
            drawn[column] = strategy if column in present else _or_null(strategy)
    nullable = tuple(column for column in schema if column not in {*present, *columns})
    return Parent(tuple(schema), table.time_column, drawn, derived, unique, nullable)


def _checks(project: Project, name: str) -> Iterator[Rule]:
    """Yield the rules that all rows of a table keep: blocking checks, validation of ingestions."""
    table = project.tables[name]
    for quality in project.checks_of(name):
        if quality.blocking:
            yield from (rule for rule in quality.checks if quality.is_strict(rule))
    if not isinstance(table, IngestionSpec):
        return
    declared = table.validation_schema.to_schema().columns
    yield UniqueCheck(table.unique_key)
    present = (column for column, c in declared.items() if not c.nullable)
    yield NullCheck([*present, *file_column(table), *BOOKKEEPING])
    for column, valid in declared.items():
        for check in valid.checks:
            rule = check.statistics or {}
            if "allowed_values" in rule:
                yield AcceptedValuesCheck(column, list(rule["allowed_values"]))
            if "min_value" in rule or "max_value" in rule:
                yield RangeCheck(column, rule.get("min_value"), rule.get("max_value"))


def _or_null(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy that gives null in one of six cases."""
    # `one_of` would make null one of all branches of `strategy`: too rare, or every second value.
    return st.tuples(st.integers(0, 5), strategy).map(lambda pair: pair[1] if pair[0] else None)


@st.composite
def histories(draw: st.DrawFn, parent: Parent) -> list[History]:
    """Draw rows of a parent, of which one may be added, removed, corrected or moved in time."""
    # Hypothesis mostly draws short lists, and more changes would rebuild nearly everything.
    fewest = draw(st.integers(1, _MOST_ROWS))
    drawn = st.fixed_dictionaries(dict(parent.drawn))
    rows: list[Row] = draw(st.lists(drawn, min_size=fewest, max_size=_MOST_ROWS))
    pairs: list[History] = [(row, row) for row in rows]
    # Without a time column rows do not change, as any change would cause a full build.
    fate = draw(st.sampled_from(_FATES)) if parent.time_column else "stays"
    if fate == "comes":
        pairs[0] = None, rows[0]
    elif fate == "goes":
        pairs[0] = rows[0], None
    elif fate != "stays":
        pairs[0] = _earlier(parent, rows[0], draw(drawn), fate), rows[0]
    if draw(st.booleans()):
        pairs.append(pairs[-1])  # a duplicate, if no unique key forbids it
    return pairs


def _earlier(parent: Parent, row: Row, other: Row, fate: str) -> Row:
    """Return the row before it was "corrected" or "moved": some values are those of `other`."""
    kept = {name for key in parent.unique for name in key} | {str(parent.time_column)}
    changed = {str(parent.time_column)} if fate == "moved" else set(other) - kept
    return {
        name: other[name] if name in changed & set(other) else value for name, value in row.items()
    }
