"""Keys: sets of rows of a table, given by values of columns such as `site`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Value: TypeAlias = str | int | None

MOST = 256
"""Keys in a set, at most; a larger set counts as all rows."""


@dataclass(frozen=True)
class Keys:
    """The rows with one of these values in `columns`; None instead of keys means all rows."""

    columns: tuple[str, ...]
    values: frozenset[tuple[Value, ...]]

    def __str__(self) -> str:
        named = [
            ", ".join(f"{name} {value}" for name, value in zip(self.columns, key, strict=True))
            for key in sorted(self.values, key=repr)
        ]
        shown, hidden = named[:3], len(named) - 3
        return "; ".join(shown) + (f" and {hidden} more" if hidden > 0 else "")

    def by(self, columns: Sequence[str]) -> Keys | None:
        """Return keys in these columns, for the same rows and perhaps more; None if impossible."""
        if not columns or not set(columns) <= set(self.columns):
            return None
        places = [self.columns.index(name) for name in columns]
        values = frozenset(tuple(key[place] for place in places) for key in self.values)
        return Keys(tuple(columns), values)


def union(several: Iterable[Keys | None]) -> Keys | None:
    """Return keys for the rows of all sets; None if one set is None or their columns differ."""
    sets = list(several)
    limited = [keys for keys in sets if keys is not None]
    if not limited or len(limited) < len(sets) or len({keys.columns for keys in limited}) > 1:
        return None
    values = frozenset[tuple[Value, ...]]().union(*(keys.values for keys in limited))
    return Keys(limited[0].columns, values) if len(values) <= MOST else None


def without(keys: Keys | None, values: Mapping[str, str]) -> Keys | None:
    """Return keys without those that have all of the values, given as text by column.

    Columns that a key does not name are not compared. None stays None, and is what is left of keys
    if nothing is.
    """
    if keys is None or not set(keys.columns) & values.keys():
        return keys
    rest = frozenset(
        key
        for key in keys.values
        if any(
            str(value) != values.get(column, str(value))
            for column, value in zip(keys.columns, key, strict=True)
        )
    )
    return Keys(keys.columns, rest) if rest else None


def to_json(keys: Keys | None) -> Any:
    """Return keys as lists for JSON; None stays None."""
    return None if keys is None else [list(keys.columns), sorted(map(list, keys.values), key=repr)]


def from_json(document: Any) -> Keys | None:
    """Return the keys that `to_json` has written."""
    if document is None:
        return None
    columns, values = document
    return Keys(tuple(columns), frozenset(map(tuple, values)))
