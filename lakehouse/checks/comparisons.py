"""Checks that compare a table with another one; each is a query of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.checks.rule import Names, Rule, names, type_of

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True)
class ReferenceCheck(Rule):
    """Each row's values of `columns` exist in `to_columns` of the table `to`; nulls pass.

    `to` is 'schema.name'; `to_columns` is the same as `columns` if left out. The whole table `to`
    is read, also by a run that changed only a window of it.
    """

    columns: Names
    to: str
    to_columns: Names = ()

    @property
    def label(self) -> str:
        return f"reference: {', '.join(self.columns_used)} in {self.to}"

    @property
    def columns_used(self) -> tuple[str, ...]:
        return names(self.columns)

    @property
    def fault(self) -> str:
        here, there = len(self.columns_used), len(names(self.to_columns))
        if there not in (0, here):
            return f"`columns` names {here} columns, and `to_columns` {there}"
        return "" if here else "`columns` names at least one column"

    @property
    def others(self) -> tuple[str, ...]:
        return (self.to,)

    def failures(self, _table: ir.Table) -> ir.IntegerScalar | None:
        return None

    def offending(self, table: ir.Table, others: Mapping[str, ir.Table]) -> ir.Table | None:
        import ibis

        target = others[self.to]
        kept = self.kept(table)
        rows = kept.filter(ibis.and_(*(kept[column].notnull() for column in self.columns_used)))
        pairs = zip(self.columns_used, names(self.to_columns) or self.columns_used, strict=True)
        return rows.anti_join(target, [rows[column] == target[other] for column, other in pairs])


@dataclass(frozen=True)
class ReconciliationCheck(Rule):
    """An aggregate of the table equals one of the table `to`, over all rows or for each `by`.

    `value` and `to_value` are functions from the Ibis table to a number; `to_value` is `value` if
    left out. The two may differ by `within`, in their own unit. Whole tables are compared, unless
    the `@quality` has a `lookback` or `lookahead`. `where` filters the checked table, not `to`.
    """

    to: str
    value: Callable[[Any], Any]
    to_value: Callable[[Any], Any] | None = None
    by: Names = ()
    within: float = 0

    @property
    def label(self) -> str:
        by = f" by {', '.join(names(self.by))}" if self.by else ""
        return f"reconciliation with {self.to}{by}"

    @property
    def columns_used(self) -> tuple[str, ...]:
        return names(self.by)

    def problem(self, table: ir.Table) -> str:
        import ibis.expr.types as ir

        problem = super().problem(table)
        value = None if problem else self.value(table)
        if problem or isinstance(value, ir.NumericScalar):
            return problem
        return f"its `value` is not one number, such as `table.price.sum()`, but {type_of(value)}"

    @property
    def others(self) -> tuple[str, ...]:
        return (self.to,)

    def failures(self, _table: ir.Table) -> ir.IntegerScalar | None:
        return None

    def offending(self, table: ir.Table, others: Mapping[str, ir.Table]) -> ir.Table | None:
        """The values of `by` where the aggregates differ, with the columns `here` and `there`."""
        import ibis
        import ibis.expr.datatypes as dt

        kept, other = self.kept(table), others[self.to]
        here, there = self.value(kept), (self.to_value or self.value)(other)
        kind = dt.highest_precedence([here.type(), there.type()])
        by = names(self.by)
        sides = [
            (kept, {"here": here.cast(kind), "there": ibis.null(kind)}),
            (other, {"here": ibis.null(kind), "there": there.cast(kind)}),
        ]
        both = ibis.union(*(side.aggregate(by=by, **values) for side, values in sides))
        pairs = both.aggregate(by=by, here=both.here.max(), there=both.there.max())
        same = (pairs.here - pairs.there).abs() <= self.within
        both_null = pairs.here.isnull() & pairs.there.isnull()
        return pairs.filter(~(same.fill_null(False) | both_null))
