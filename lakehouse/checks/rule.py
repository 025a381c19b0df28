"""Base classes of the checks: the rows that a rule checks, its tolerance and its expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from lakehouse.errors import DeclarationError

if TYPE_CHECKING:
    import ibis.expr.types as ir

Names: TypeAlias = str | Sequence[str]
"""One name of a column, or several."""
Condition: TypeAlias = Callable[[Any], Any]
"""Function from an Ibis table to a boolean column of it."""


def names(columns: Names) -> tuple[str, ...]:
    """Return the names of columns; a single one may be given without a list."""
    return (columns,) if isinstance(columns, str) else tuple(columns)


def type_of(value: Any) -> str:
    """Return the type of an expression, without whether it may be null; of others, their class."""
    kind = value.type() if hasattr(value, "type") else None
    return type(value).__name__ if kind is None else str(kind.copy(nullable=True))


@dataclass(frozen=True)
class Tolerance:
    """Limits of the failures that a check may find and still pass; if both are set, both apply."""

    max_failures: int | None = None
    max_percent: float | None = None
    """Percent of the rows that were checked."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and value < 0:
                raise DeclarationError(f"`{name}` has to be 0 or more, got {value!r}")
        if self.max_percent is not None and self.max_percent > 100:  # noqa: PLR2004
            msg = f"`max_percent` has to be at most 100, got {self.max_percent!r}"
            raise DeclarationError(msg)

    def allows(self, failures: int, rows: int) -> bool:
        """Return whether the limits allow so many failures among so many rows."""
        limits = [] if self.max_failures is None else [float(self.max_failures)]
        if self.max_percent is not None:
            limits.append(rows * self.max_percent / 100)
        return failures <= min(limits, default=0)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Base of the ready checks; a rule of your own derives from it, or from `RowRule`."""

    where: Condition | None = None
    """Condition of the rows that are checked; None: all rows."""
    max_failures: int | None = None
    max_percent: float | None = None

    about_all: ClassVar[bool] = False
    """True for a rule that needs the whole table, not only the rows that a run changed."""

    @property
    def label(self) -> str:
        """The rule in a few words, as reports show it."""
        raise NotImplementedError

    @property
    def columns_used(self) -> tuple[str, ...]:
        """The columns that the rule reads, as far as its arguments name them."""
        return ()

    @property
    def fault(self) -> str:
        """Why the rule's arguments can never be right, whatever the table; empty if they can."""
        return ""

    @property
    def others(self) -> tuple[str, ...]:
        """The other tables that the rule reads, as 'schema.name'."""
        return ()

    @property
    def tolerance(self) -> Tolerance | None:
        """The rule's own tolerance; None: that of its `@quality` applies."""
        if self.max_failures is self.max_percent is None:
            return None
        return Tolerance(self.max_failures, self.max_percent)

    def problem(self, table: ir.Table) -> str:
        """Return why the rule cannot be asked of this table; empty if it can."""
        unknown = [name for name in self.columns_used if name not in table.columns]
        if unknown:
            return f"{unknown[0]!r} is not one of its columns"
        kind = "" if self.where is None else type_of(self.where(table))
        return f"its `where` is not boolean but {kind}" if kind not in ("", "boolean") else ""

    def failures(self, table: ir.Table) -> ir.IntegerScalar | None:
        """The number of rows that break the rule, as one aggregate over `table`.

        None: there is no such aggregate; the rows of `offending` are counted by a query of its own.
        """
        raise NotImplementedError

    def suspects(self, _table: ir.Table) -> ir.Table | None:
        """Rows to count first on a large table: a cheap upper bound of `failures`.

        If there are none, `failures` need not be counted. None: there is no cheaper bound. A rule
        that overrides `failures` overrides this, too.
        """
        return None

    def offending(self, table: ir.Table, others: Mapping[str, ir.Table]) -> ir.Table | None:
        """The rows that break the rule, to be shown; None if the rule is not about single rows."""
        raise NotImplementedError

    def among(self, table: ir.Table) -> ir.BooleanValue | None:
        """The condition that a row is checked; None: every row is."""
        return None if self.where is None else self.where(table).fill_null(False)

    def kept(self, table: ir.Table) -> ir.Table:
        """The rows of the table that are checked."""
        among = self.among(table)
        return table if among is None else table.filter(among)


@dataclass(frozen=True, kw_only=True)
class RowRule(Rule):
    """A rule that each row satisfies or breaks by itself."""

    def broken(self, table: ir.Table) -> ir.BooleanValue:
        """The condition that a row breaks the rule."""
        raise NotImplementedError

    def failures(self, table: ir.Table) -> ir.IntegerScalar | None:
        return table.count(where=self._breaking(table))

    def offending(self, table: ir.Table, _others: Mapping[str, ir.Table]) -> ir.Table | None:
        return table.filter(self._breaking(table))

    def _breaking(self, table: ir.Table) -> ir.BooleanValue:
        broken, among = self.broken(table), self.among(table)
        return broken if among is None else among & broken
