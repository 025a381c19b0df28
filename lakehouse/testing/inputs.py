"""Rows made up for the parents of a model, from what the project says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hypothesis import strategies as st

from lakehouse.checks import AcceptedValuesCheck, NullCheck, RangeCheck, Rule, UniqueCheck
from lakehouse.declare import Incremental, IngestionSpec
from lakehouse.project import Project
from lakehouse.raw import BOOKKEEPING
from lakehouse.testing.differences import less
from lakehouse.testing.runner import RunModel
from lakehouse.testing.sandbox import Row, Rows
from lakehouse.testing.values import values

Columns: TypeAlias = Mapping[str, st.SearchStrategy[Any] | Callable[[Row], Any]]
"""What an author says of columns: a strategy, or a function of the rest of the row."""

History: TypeAlias = tuple[Row | None, Row | None]
"""A row before and after a change of its table; None where there is none."""

_FATES = ("stays", "stays", "stays", "comes", "goes", "corrected", "moved")
_MOST_ROWS = 6


@dataclass(frozen=True)
class Revision:
    """The rows of a parent, and what became of them."""

    before: Rows
    after: Rows

    @property
    def goes(self) -> Rows:
        """The rows that are there no more."""
        return less(self.before, self.after)

    @property
    def comes(self) -> Rows:
        """The rows that were not there."""
        return less(self.after, self.before)

    @property
    def stays(self) -> Rows:
        """The rows that are there before and after."""
        return less(self.before, self.goes)


@dataclass(frozen=True)
class Parent:
    """What is known of the rows of a parent."""

    columns: tuple[str, ...]
    time_column: str | None
    drawn: Mapping[str, st.SearchStrategy[Any]]
    derived: Mapping[str, Callable[[Row], Any]]
    unique: tuple[tuple[str, ...], ...]
    nullable: tuple[str, ...]
    """The columns that the project and the author let be null."""

    def revision(self, histories: Sequence[History]) -> Revision:
        """The rows before and after, with what is derived of them."""
        before, after = zip(*histories, strict=True) if histories else ((), ())
        return Revision(self._rows(before), self._rows(after))

    def _rows(self, drawn: Iterable[Row | None]) -> Rows:
        """The rows with what is derived, less those that break a unique key."""
        found: Rows = []
        taken: set[Any] = set()
        for row in (dict(each) for each in drawn if each is not None):
            for name, derive in self.derived.items():
                row[name] = derive(row)
            keys = {(key, tuple(row[name] for name in key)) for key in self.unique}
            if not keys & taken:
                taken |= keys
                found.append({name: row[name] for name in self.columns})
        return found


def parent(run_model: RunModel, name: str, kind: Incremental, columns: Columns) -> Parent:
    """What the project says of a parent of a model, and what its author adds."""
    schema, table = run_model.schema(name), run_model.project().tables[name]
    checks = list(_checks(run_model.project(), name))
    present = {column for c in checks if isinstance(c, NullCheck) for column in c.columns}
    present |= {table.time_column} if table.time_column else set()
    unique = tuple(tuple(c.columns) for c in checks if isinstance(c, UniqueCheck))
    drawn: dict[str, st.SearchStrategy[Any]] = {}
    derived: dict[str, Callable[[Row], Any]] = {}
    for column, given in columns.items():
        if column in schema:
            if isinstance(given, st.SearchStrategy):
                drawn[column] = given
            else:
                derived[column] = given
    for column, type_ in schema.items():
        if column not in columns:
            about = [check for check in checks if getattr(check, "column", None) == column]
            many = any(key[-1] == column for key in unique)
            found = values(f"{name}.{column}", type_, kind, about, many=many)
            drawn[column] = found if column in present else _or_null(found)
    nullable = tuple(column for column in schema if column not in {*present, *columns})
    return Parent(tuple(schema), table.time_column, drawn, derived, unique, nullable)


def _checks(project: Project, name: str) -> Iterator[Rule]:
    """What always holds of a table: its blocking checks, or what its ingestion validates."""
    table = project.tables[name]
    for each in project.checks_of(name):
        if each.blocking:
            yield from (rule for rule in each.checks if each.is_strict(rule))
    if not isinstance(table, IngestionSpec):
        return
    declared = table.validation_schema.to_schema().columns
    yield UniqueCheck(table.unique_key)
    yield NullCheck([*(column for column, c in declared.items() if not c.nullable), *BOOKKEEPING])
    for column, valid in declared.items():
        for check in valid.checks:
            rule = check.statistics or {}
            if "allowed_values" in rule:
                yield AcceptedValuesCheck(column, list(rule["allowed_values"]))
            if "min_value" in rule or "max_value" in rule:
                yield RangeCheck(column, rule.get("min_value"), rule.get("max_value"))


def _or_null(found: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    # `one_of` puts every branch of `found` beside null, which then is rare, or one of two.
    return st.tuples(st.integers(0, 5), found).map(lambda pair: pair[1] if pair[0] else None)


@st.composite
def histories(draw: st.DrawFn, parent: Parent) -> list[History]:
    """Rows of a parent; one of them may come late, go, be corrected, or move in time."""
    # Lists alone are mostly short, and more changes would rebuild nearly everything.
    fewest = draw(st.integers(1, _MOST_ROWS))
    drawn = st.fixed_dictionaries(dict(parent.drawn))
    rows: list[Row] = draw(st.lists(drawn, min_size=fewest, max_size=_MOST_ROWS))
    found: list[History] = [(row, row) for row in rows]
    # A change of what has no time is a full build.
    fate = draw(st.sampled_from(_FATES)) if parent.time_column else "stays"
    if fate == "comes":
        found[0] = None, rows[0]
    elif fate == "goes":
        found[0] = rows[0], None
    elif fate != "stays":
        found[0] = _earlier(parent, rows[0], draw(drawn), fate), rows[0]
    if draw(st.booleans()):
        found.append(found[-1])  # a duplicate, if no unique key forbids it
    return found


def _earlier(parent: Parent, row: Row, other: Row, fate: str) -> Row:
    """The row as it was before it was corrected or moved: in part another one."""
    kept = {name for key in parent.unique for name in key} | {str(parent.time_column)}
    changed = {str(parent.time_column)} if fate == "moved" else set(other) - kept
    return {
        name: other[name] if name in changed & set(other) else value for name, value in row.items()
    }
