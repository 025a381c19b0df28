"""Independent samples of a Hypothesis strategy, and reduction of a failing one.

Hypothesis' own search varies earlier samples and simplifies value by value. Here each try runs
statements in a database: independent samples find more failures, and leaving out rows makes a
failure as clear in a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from lakehouse.testing.inputs import History
from lakehouse.testing.sandbox import Row

Drawn: TypeAlias = dict[str, list[History]]
Value = TypeVar("Value")

_TWO = settings(
    max_examples=2,  # the first example is always the simplest one, so the second is taken
    database=None,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


def sample(strategy: st.SearchStrategy[Value], number: int) -> Value:
    """Return a sample of a strategy; `number` is the seed."""
    samples: list[Value] = []

    @seed(number)
    @_TWO
    @given(strategy)
    def keep(value: Value) -> None:
        samples.append(value)

    keep()
    return samples[-1]


def smallest(drawn: Drawn, fails: Callable[[Drawn], object]) -> Drawn:
    """Leave out rows, or changes of rows, as long as the sample still fails; return the rest."""
    for name in drawn:
        for place in reversed(range(len(drawn[name]))):
            rows = drawn[name]
            before, after = rows[place]
            simpler: list[list[History]] = [[]]
            if before != after:
                simpler += [[(row, row)] for row in (after, before) if row is not None]
            for instead in simpler:
                reduced = {**drawn, name: [*rows[:place], *instead, *rows[place + 1 :]]}
                if fails(reduced):
                    drawn = reduced
                    break
    return drawn


def plainest(
    drawn: Drawn, nullable: Mapping[str, Iterable[str]], fails: Callable[[Drawn], object]
) -> Drawn:
    """Put null into every nullable column with which the sample still fails; return the result."""
    for name, columns in nullable.items():
        for column in columns:
            rows = [(_null(before, column), _null(after, column)) for before, after in drawn[name]]
            if fails({**drawn, name: rows}):
                drawn = {**drawn, name: rows}
    return drawn


def _null(row: Row | None, column: str) -> Row | None:
    return None if row is None else {**row, column: None}
