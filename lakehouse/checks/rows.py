"""Checks that each row passes or fails by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from lakehouse.checks.rule import Condition, Names, RowRule, names

if TYPE_CHECKING:
    import ibis.expr.types as ir

Limit: TypeAlias = float | Decimal | date
"""Limit of a range; a datetime is a date, too."""

A_SCHEMA = "is a class derived from pandera.ibis.DataFrameModel"
"""What is asked of a schema, for messages."""


def is_schema(schema: Any) -> bool:
    """Return whether a schema is a Pandera model for Ibis; those for pandas have other types."""
    if not (isinstance(schema, type) and hasattr(schema, "to_schema")):
        return False
    backends = {kind.__module__ for kind in schema.__mro__ if kind.__module__.startswith("pandera")}
    return not backends or any(".ibis" in name for name in backends)


def fault_of_limits(**limits: Any) -> str:
    """Return why two limits, the lower one first, never hold; empty if they can."""
    low, high = limits.values()
    if low is None and high is None:
        return f"give {' or '.join(f'`{name}`' for name in limits)}"
    try:
        is_empty = low is not None and high is not None and high < low
    except TypeError:
        return f"{low!r} and {high!r} cannot be compared"
    return f"no value lies between {low!r} and {high!r}" if is_empty else ""


@dataclass(frozen=True)
class NullCheck(RowRule):
    """No column of `columns` holds a null."""

    columns: Names

    @property
    def label(self) -> str:
        return f"not null: {', '.join(self.columns_used)}"

    @property
    def columns_used(self) -> tuple[str, ...]:
        return names(self.columns)

    @property
    def fault(self) -> str:
        return "" if self.columns_used else "`columns` names at least one column"

    def broken(self, table: ir.Table) -> ir.BooleanValue:
        import ibis

        return ibis.or_(*(table[column].isnull() for column in self.columns_used))


@dataclass(frozen=True)
class RangeCheck(RowRule):
    """Values of `column` lie in `[min_value, max_value]`; nulls pass."""

    column: str
    min_value: Limit | None = None
    max_value: Limit | None = None

    @property
    def label(self) -> str:
        low = "" if self.min_value is None else f"{self.min_value} ≤ "
        high = "" if self.max_value is None else f" ≤ {self.max_value}"
        return f"range: {low}{self.column}{high}"

    @property
    def fault(self) -> str:
        return fault_of_limits(min_value=self.min_value, max_value=self.max_value)

    @property
    def columns_used(self) -> tuple[str, ...]:
        return (self.column,)

    def broken(self, table: ir.Table) -> ir.BooleanValue:
        import ibis

        value = table[self.column]
        outside = []
        if self.min_value is not None:
            outside.append(value < self.min_value)
        if self.max_value is not None:
            outside.append(value > self.max_value)
        return ibis.or_(*outside)


@dataclass(frozen=True)
class AcceptedValuesCheck(RowRule):
    """Values of `column` are among `values`; nulls pass."""

    column: str
    values: Sequence[Any]

    @property
    def label(self) -> str:
        return f"accepted values: {self.column}"

    @property
    def fault(self) -> str:
        return "" if self.values else "`values` holds at least one value"

    @property
    def columns_used(self) -> tuple[str, ...]:
        return (self.column,)

    def problem(self, table: ir.Table) -> str:
        problem = super().problem(table)
        if problem:
            return problem
        kind = table[self.column].type()
        for value in self.values:
            if kind.is_string() != isinstance(value, str) and (
                kind.is_string() or kind.is_numeric()
            ):
                return f"{self.column!r} is {kind}, and {value!r} is not"
        return ""

    def broken(self, table: ir.Table) -> ir.BooleanValue:
        return table[self.column].notin(list(self.values))


@dataclass(frozen=True)
class PatternCheck(RowRule):
    """Texts of `column` contain a match of the regular expression `pattern`; nulls pass.

    Write `^…$` to match the whole text. Use only syntax that all engines know: classes, groups,
    repetition.
    """

    column: str
    pattern: str

    @property
    def label(self) -> str:
        return f"pattern: {self.column} holds {self.pattern}"

    @property
    def fault(self) -> str:
        try:
            re.compile(self.pattern)
        except re.error as error:
            return f"`pattern` is no regular expression: {error}"
        return ""

    @property
    def columns_used(self) -> tuple[str, ...]:
        return (self.column,)

    def problem(self, table: ir.Table) -> str:
        problem = super().problem(table)
        if not problem and not table[self.column].type().is_string():
            return f"{self.column!r} is not text but {table[self.column].type()}"
        return problem

    def broken(self, table: ir.Table) -> ir.BooleanValue:
        return ~table[self.column].re_search(self.pattern)


@dataclass(frozen=True)
class SchemaCheck(RowRule):
    """The table has the columns and types of a Pandera schema, and every row satisfies it.

    Further columns of the table are allowed. Types are compared when the project is compiled. A
    check of the schema that needs the current time uses `ibis.now()`, as it is compiled only once.
    """

    schema: Any

    @property
    def label(self) -> str:
        return f"schema: {getattr(self.schema, '__name__', 'pandera')}"

    @property
    def fault(self) -> str:
        return "" if is_schema(self.schema) else f"`schema` {A_SCHEMA}, got {self.schema!r}"

    @property
    def columns_used(self) -> tuple[str, ...]:
        return tuple(self.schema.to_schema().columns)

    def problem(self, table: ir.Table) -> str:
        problem = super().problem(table)
        if problem:
            return problem
        from lakehouse.checks.schema_rules import schema_problem

        return schema_problem(self.schema, table)

    def broken(self, table: ir.Table) -> ir.BooleanValue:
        import ibis

        from lakehouse.checks.schema_rules import broken

        rules = broken(self.schema, table)
        return ibis.or_(*(breaks.fill_null(False) for _, breaks in rules))


@dataclass(frozen=True)
class CustomCheck(RowRule):
    """A condition of your own is true: for each row, or, if it is an aggregate, for the table.

    `holds` is a function from the Ibis table to a boolean column or scalar; null passes.
    """

    name: str
    holds: Condition

    @property
    def label(self) -> str:
        return self.name

    def problem(self, table: ir.Table) -> str:
        kind = self.holds(table).type()
        if not kind.is_boolean():
            return f"its expression is not boolean but {kind}"
        if self.where is not None and self._is_aggregate(table):
            return "its expression is an aggregate, and `where` filters rows: filter inside `holds`"
        return ""

    def broken(self, table: ir.Table) -> ir.BooleanValue:
        return ~self.holds(table)

    def failures(self, table: ir.Table) -> ir.IntegerScalar | None:
        if self._is_aggregate(table):
            return self.broken(table).fill_null(False).cast("int64")
        return super().failures(table)

    def offending(self, table: ir.Table, others: Mapping[str, ir.Table]) -> ir.Table | None:
        return None if self._is_aggregate(table) else super().offending(table, others)

    def _is_aggregate(self, table: ir.Table) -> bool:
        import ibis.expr.types as ir

        return isinstance(self.holds(table), ir.Scalar)
