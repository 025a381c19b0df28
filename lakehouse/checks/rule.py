"""What every ready check has: which rows it is about, how many failures it bears, what it asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from lakehouse.errors import DeclarationError

if TYPE_CHECKING:
    import ibis.expr.types as ir

Condition: TypeAlias = Callable[[Any], Any]
"""From an Ibis table to a boolean column of it."""


@dataclass(frozen=True)
class Tolerance:
    """How many failures are borne; where both limits are given, both hold."""

    max_failures: int | None = None
    max_percent: float | None = None
    """Of the rows that were looked at."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and value < 0:
                raise DeclarationError(f"`{name}` is 0 or more, got {value!r}")

    def bears(self, failures: int, rows: int) -> bool:
        """Whether so many failures among so many rows are still good."""
        limits = [] if self.max_failures is None else [float(self.max_failures)]
        if self.max_percent is not None:
            limits.append(rows * self.max_percent / 100)
        return failures <= min(limits, default=0)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Base of the ready checks; a rule of your own derives from it, or from `RowRule`."""

    where: Condition | None = None
    """Only rows for which this is true are looked at."""
    max_failures: int | None = None
    max_percent: float | None = None

    about_all: ClassVar[bool] = False
    """Whether it is about all of a table, and not about the rows that a run changed."""

    @property
    def label(self) -> str:
        """The rule in a few words, as reports show it."""
        raise NotImplementedError

    @property
    def columns_used(self) -> tuple[str, ...]:
        """The columns that it is known to read."""
        return ()

    @property
    def others(self) -> tuple[str, ...]:
        """Other tables that it reads, 'schema.name'."""
        return ()

    @property
    def tolerance(self) -> Tolerance | None:
        """What it bears by itself; None: what its `@quality` says."""
        if self.max_failures is self.max_percent is None:
            return None
        return Tolerance(self.max_failures, self.max_percent)

    def complaint(self, table: ir.Table) -> str:
        """What keeps the rule from being asked of a table, if anything does."""
        unknown = [name for name in self.columns_used if name not in table.columns]
        return f"{unknown[0]!r} is no column of it" if unknown else ""

    def failures(self, table: ir.Table) -> ir.IntegerScalar | None:
        """How many rows break the rule, as one aggregate over `table`.

        None: it takes a query of its own, and what `offending` returns is counted.
        """
        raise NotImplementedError

    def suspects(self, _table: ir.Table) -> ir.Table | None:
        """At least as many rows as `failures`, and faster to count of many rows: counted first.

        None: there is nothing faster. A rule that changes `failures` changes this, too.
        """
        return None

    def offending(self, table: ir.Table, others: Mapping[str, ir.Table]) -> ir.Table | None:
        """The rows that break the rule; None if there is nothing to show."""
        raise NotImplementedError

    def among(self, table: ir.Table) -> ir.BooleanValue | None:
        """Whether a row is looked at; None: every row."""
        return None if self.where is None else self.where(table).fill_null(False)

    def kept(self, table: ir.Table) -> ir.Table:
        """The rows that are looked at."""
        among = self.among(table)
        return table if among is None else table.filter(among)


@dataclass(frozen=True, kw_only=True)
class RowRule(Rule):
    """A rule that each row keeps or breaks by itself."""

    def broken(self, table: ir.Table) -> ir.BooleanValue:
        """Whether a row breaks the rule."""
        raise NotImplementedError

    def failures(self, table: ir.Table) -> ir.IntegerScalar | None:
        return table.count(where=self._breaking(table))

    def offending(self, table: ir.Table, _others: Mapping[str, ir.Table]) -> ir.Table | None:
        return table.filter(self._breaking(table))

    def _breaking(self, table: ir.Table) -> ir.BooleanValue:
        broken, among = self.broken(table), self.among(table)
        return broken if among is None else among & broken
