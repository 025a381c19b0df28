"""Checks of a table as a whole: unique keys, number of rows, age of the newest row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lakehouse.checks.rows import fault_of_limits
from lakehouse.checks.rule import Names, Rule, names

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True)
class UniqueCheck(Rule):
    """No two rows have the same values of `columns`; two nulls count as the same value.

    Of rows with the same values, all but the first are failures.
    """

    columns: Names

    @property
    def label(self) -> str:
        return f"unique: {', '.join(self.columns_used)}"

    @property
    def columns_used(self) -> tuple[str, ...]:
        return names(self.columns)

    @property
    def fault(self) -> str:
        return "" if self.columns_used else "`columns` names at least one column"

    def failures(self, table: ir.Table) -> ir.IntegerScalar | None:
        # Counting distinct values of one column takes a third of the time that structs take.
        if len(self.columns_used) > 1:
            return self._repeated(table, self._key(table))
        value = table[self.columns_used[0]]
        null = value.isnull().any(where=self.among(table)).fill_null(False).cast("int64")
        return self._repeated(table, value) - null

    def suspects(self, table: ir.Table) -> ir.Table | None:
        import ibis

        from lakehouse.patches.ibis_dialects import hash_of

        # Not with `where`: engines may filter the files by it, before all rows are counted.
        if len(self.columns_used) == 1 or self.where is not None:
            return None
        # Equal keys have the same hash, and different keys hardly ever do. Numbering the rows of
        # each hash takes half as long as counting distinct keys.
        hashes = table.select(hash=hash_of(self._key(table)))
        placed = hashes.select(place=ibis.row_number().over(group_by="hash"))
        return placed.filter(placed.place > 0)

    def offending(self, table: ir.Table, _others: Mapping[str, ir.Table]) -> ir.Table | None:
        kept = self.kept(table)
        counted = kept.group_by(self.columns_used).agg(copies=kept.count())
        return counted.filter(counted.copies > 1)

    def _key(self, table: ir.Table) -> ir.StructValue:
        import ibis

        return ibis.struct({column: table[column] for column in self.columns_used})

    def _repeated(self, table: ir.Table, value: ir.Value) -> ir.IntegerValue:
        among = self.among(table)
        return table.count(where=among) - value.nunique(where=among)


@dataclass(frozen=True)
class RowCountCheck(Rule):
    """The table has from `min_rows` to `max_rows` rows, both included; None: no limit."""

    about_all: ClassVar[bool] = True

    min_rows: int | None = None
    max_rows: int | None = None

    @property
    def label(self) -> str:
        low = "" if self.min_rows is None else f"{self.min_rows} ≤ "
        high = "" if self.max_rows is None else f" ≤ {self.max_rows}"
        return f"row count: {low}rows{high}"

    @property
    def fault(self) -> str:
        return fault_of_limits(min_rows=self.min_rows, max_rows=self.max_rows)

    def failures(self, table: ir.Table) -> ir.IntegerScalar | None:
        import ibis

        rows = table.count(where=self.among(table))
        outside = ibis.literal(False)
        if self.min_rows is not None:
            outside = outside | (rows < self.min_rows)
        if self.max_rows is not None:
            outside = outside | (rows > self.max_rows)
        return outside.cast("int64")

    def offending(self, _table: ir.Table, _others: Mapping[str, ir.Table]) -> ir.Table | None:
        return None


@dataclass(frozen=True)
class FreshnessCheck(Rule):
    """The newest value of `column` is at most `max_age_hours` old; with `by`, that of each key.

    Only runs whose window reaches into the last `max_age_hours` are checked, so that a backfill of
    old days does not fail. An empty table fails.
    """

    about_all: ClassVar[bool] = True

    column: str
    max_age_hours: float
    by: Names = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of `by`."""
        return names(self.by)

    @property
    def label(self) -> str:
        by = f" of each {', '.join(self.keys)}" if self.by else ""
        return f"fresh: {self.column}{by} within {self.max_age_hours:g} h"

    @property
    def columns_used(self) -> tuple[str, ...]:
        return (self.column, *self.keys)

    @property
    def fault(self) -> str:
        return "" if self.max_age_hours > 0 else "`max_age_hours` is above 0"

    def problem(self, table: ir.Table) -> str:
        problem = super().problem(table)
        if problem or table[self.column].type().is_temporal():
            return problem
        return f"{self.column!r} is no time but {table[self.column].type()}"

    def failures(self, table: ir.Table) -> ir.IntegerScalar | None:
        if self.by:
            return None
        return self._is_old(table[self.column].max(where=self.among(table))).cast("int64")

    def offending(self, table: ir.Table, _others: Mapping[str, ir.Table]) -> ir.Table | None:
        if not self.by:
            return None
        kept = self.kept(table)
        newest = kept.group_by(self.keys).agg(newest=kept[self.column].max())
        return newest.filter(self._is_old(newest.newest))

    def _is_old(self, moment: ir.TimestampValue) -> ir.BooleanValue:
        import ibis

        age = ibis.now().epoch_seconds() - moment.epoch_seconds()
        return age.fill_null(2**62) > self.max_age_hours * 3600
