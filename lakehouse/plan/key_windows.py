"""Windows that the state of a raw table notes for single keys: those that could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from lakehouse import windows
from lakehouse.keys import Value
from lakehouse.windows import Window, Windows

Key: TypeAlias = tuple[tuple[str, Value], ...]
"""Columns with the values that some rows have in them, sorted; empty means all rows."""


@dataclass(frozen=True)
class KeyWindows:
    """Windows that were noted for the rows of one key, and the run that noted the first."""

    key: Key
    windows: Windows
    run: str

    def is_of(self, values: Mapping[str, str]) -> bool:
        """Return whether a row of the key may have these values, given as text by column."""
        named = [(column, str(value)) for column, value in self.key if column in values]
        return bool(named) and all(values[column] == value for column, value in named)


def key_of(values: Mapping[str, Value]) -> Key:
    """Return the key of these values, by column."""
    return tuple(sorted(values.items()))


def in_words(key: Key) -> str:
    """Return a key as text, such as 'site anna'."""
    return ", ".join(f"{column} {value}" for column, value in key)


def may_share_rows(one: Key, other: Key) -> bool:
    """Return whether a row may have both keys: they agree in the columns that both name."""
    values = dict(one)
    return all(values.get(column, value) == value for column, value in other)


def windows_by_key(noted: Iterable[KeyWindows]) -> dict[Key, Windows]:
    """Return the windows by key."""
    return {entry.key: entry.windows for entry in noted}


def noted_after(
    before: Iterable[KeyWindows],
    settled: Mapping[Key, Windows],
    new: Mapping[Key, Iterable[Window]],
    run: str,
) -> tuple[KeyWindows, ...]:
    """Return what is noted after a run: `before` without the `settled` windows, and the `new` ones.

    A key that stays noted keeps the run that noted it first.
    """
    runs = {entry.key: entry.run for entry in before}
    rest = {
        entry.key: windows.subtract(entry.windows, settled.get(entry.key, ())) for entry in before
    }
    for key, added in new.items():
        rest[key] = windows.union([*rest.get(key, ()), *added])
    return tuple(
        KeyWindows(key, left, runs.get(key, run)) for key, left in sorted(rest.items()) if left
    )


def without(noted: Iterable[KeyWindows], settled: Windows) -> tuple[KeyWindows, ...]:
    """Return what is noted outside of windows that are settled for every key."""
    entries = list(noted)
    return noted_after(entries, {entry.key: settled for entry in entries}, {}, "")


def to_json(noted: Iterable[KeyWindows]) -> list[Any]:
    """Return notes as lists for JSON."""
    return [[dict(entry.key), windows.to_json(entry.windows), entry.run] for entry in noted]


def from_json(document: Iterable[Any]) -> tuple[KeyWindows, ...]:
    """Return the notes that `to_json` has written."""
    return tuple(
        KeyWindows(key_of(values), windows.from_json(pairs), run) for values, pairs, run in document
    )
