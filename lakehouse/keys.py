"""Keys: which rows of a table, by the values of columns such as a site."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Value: TypeAlias = str | int | None

MOST = 256
"""More keys than this are not told apart: every key is meant."""


@dataclass(frozen=True)
class Keys:
    """The rows that have one of these values in `columns`. Where there is None, all rows."""

    columns: tuple[str, ...]
    values: frozenset[tuple[Value, ...]]

    def __str__(self) -> str:
        named = [
            ", ".join(f"{name} {value}" for name, value in zip(self.columns, each, strict=True))
            for each in sorted(self.values, key=repr)
        ]
        shown, more = named[:3], len(named) - 3
        return "; ".join(shown) + (f" and {more} more" if more > 0 else "")

    def by(self, columns: Sequence[str]) -> Keys | None:
        """The same rows, and perhaps more, told by these columns; None if they cannot tell."""
        if not columns or not set(columns) <= set(self.columns):
            return None
        places = [self.columns.index(name) for name in columns]
        values = frozenset(tuple(each[place] for place in places) for each in self.values)
        return Keys(tuple(columns), values)


def union(several: Iterable[Keys | None]) -> Keys | None:
    """The rows of any of them; None, all rows, if one is None or they go by other columns."""
    known = list(several)
    told = [keys for keys in known if keys is not None]
    if not told or len(told) < len(known) or len({keys.columns for keys in told}) > 1:
        return None
    values = frozenset[tuple[Value, ...]]().union(*(keys.values for keys in told))
    return Keys(told[0].columns, values) if len(values) <= MOST else None


def to_json(keys: Keys | None) -> Any:
    """Keys as lists; None stays."""
    return None if keys is None else [list(keys.columns), sorted(map(list, keys.values), key=repr)]


def from_json(document: Any) -> Keys | None:
    """The keys that `to_json` wrote."""
    if document is None:
        return None
    columns, values = document
    return Keys(tuple(columns), frozenset(map(tuple, values)))
