"""Ready checks for `@quality`: each says which rows of a table offend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import ibis.expr.types as ir


class Check(Protocol):
    """A rule about the rows of one table."""

    @property
    def label(self) -> str:
        """The rule in a few words, as reports show it."""
        ...

    @property
    def columns_used(self) -> tuple[str, ...]:
        """The columns that the rule reads."""
        ...

    def failures(self, table: ir.Table) -> ir.IntegerScalar:
        """How many rows break the rule, as one aggregate over `table`."""
        ...


@dataclass(frozen=True)
class NullCheck:
    """No column of `columns` holds a null."""

    columns: Sequence[str]

    @property
    def label(self) -> str:
        return f"not null: {', '.join(self.columns)}"

    @property
    def columns_used(self) -> tuple[str, ...]:
        return tuple(self.columns)

    def failures(self, table: ir.Table) -> ir.IntegerScalar:
        import ibis

        return ibis.or_(*(table[column].isnull() for column in self.columns)).sum()


@dataclass(frozen=True)
class UniqueCheck:
    """No two rows share the values of `columns`."""

    columns: Sequence[str]

    @property
    def label(self) -> str:
        return f"unique: {', '.join(self.columns)}"

    @property
    def columns_used(self) -> tuple[str, ...]:
        return tuple(self.columns)

    def failures(self, table: ir.Table) -> ir.IntegerScalar:
        import ibis

        key = ibis.struct({column: table[column] for column in self.columns})
        return table.count() - key.nunique()


@dataclass(frozen=True)
class RangeCheck:
    """Values of `column` lie in `[min_value, max_value]`; nulls pass."""

    column: str
    min_value: float | None = None
    max_value: float | None = None

    @property
    def label(self) -> str:
        low = "" if self.min_value is None else f"{self.min_value} ≤ "
        high = "" if self.max_value is None else f" ≤ {self.max_value}"
        return f"range: {low}{self.column}{high}"

    @property
    def columns_used(self) -> tuple[str, ...]:
        return (self.column,)

    def failures(self, table: ir.Table) -> ir.IntegerScalar:
        import ibis

        value = table[self.column]
        outside = ibis.literal(False)
        if self.min_value is not None:
            outside = outside | (value < self.min_value)
        if self.max_value is not None:
            outside = outside | (value > self.max_value)
        return outside.fill_null(False).sum()


@dataclass(frozen=True)
class AcceptedValuesCheck:
    """Values of `column` are among `values`; nulls pass."""

    column: str
    values: Sequence[str | int]

    @property
    def label(self) -> str:
        return f"accepted values: {self.column}"

    @property
    def columns_used(self) -> tuple[str, ...]:
        return (self.column,)

    def failures(self, table: ir.Table) -> ir.IntegerScalar:
        return table[self.column].notin(list(self.values)).fill_null(False).sum()


@dataclass(frozen=True)
class FreshnessCheck:
    """The newest `column` is at most `max_age_hours` old.

    Asked only of runs whose window reaches into the last `max_age_hours`: a backfill of old
    days is not stale. An empty table is stale.
    """

    column: str
    max_age_hours: float

    @property
    def label(self) -> str:
        return f"fresh: {self.column} within {self.max_age_hours:g} h"

    @property
    def columns_used(self) -> tuple[str, ...]:
        return (self.column,)

    def failures(self, table: ir.Table) -> ir.IntegerScalar:
        import ibis

        age = ibis.now().epoch_seconds() - table[self.column].max().epoch_seconds()
        return (age.fill_null(2**62) > self.max_age_hours * 3600).cast("int64")
