"""Samples of what a Hypothesis strategy may give, and the smallest part of one that still fails.

Hypothesis' own search varies what it tried and simplifies value by value: with a database behind
every step, new samples find more, and leaving rows out explains as much in a tenth of the time.
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
    max_examples=2,  # the first is the simplest there is, always
    database=None,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


def sample(strategy: st.SearchStrategy[Value], number: int) -> Value:
    """What a strategy gives; another number, another sample."""
    found: list[Value] = []

    @seed(number)
    @_TWO
    @given(strategy)
    def keep(value: Value) -> None:
        found.append(value)

    keep()
    return found[-1]


def smallest(drawn: Drawn, fails: Callable[[Drawn], object]) -> Drawn:
    """What is left when no row can be left out, nor stay as it was, and it still fails."""
    for name in drawn:
        for place in reversed(range(len(drawn[name]))):
            rows = drawn[name]
            before, after = rows[place]
            simpler: list[list[History]] = [[]]
            if before != after:
                simpler += [[(row, row)] for row in (after, before) if row is not None]
            for each in simpler:
                tried = {**drawn, name: [*rows[:place], *each, *rows[place + 1 :]]}
                if fails(tried):
                    drawn = tried
                    break
    return drawn


def plainest(
    drawn: Drawn, nullable: Mapping[str, Iterable[str]], fails: Callable[[Drawn], object]
) -> Drawn:
    """What is left when no more of the nullable columns can be null, and it still fails."""
    for name, columns in nullable.items():
        for column in columns:
            rows = [(_null(before, column), _null(after, column)) for before, after in drawn[name]]
            if fails({**drawn, name: rows}):
                drawn = {**drawn, name: rows}
    return drawn


def _null(row: Row | None, column: str) -> Row | None:
    return None if row is None else {**row, column: None}
