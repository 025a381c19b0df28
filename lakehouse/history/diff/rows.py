"""Comparison of the rows of two relations within DuckDB: rows do not pass through Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakehouse.declare.raw_columns import BOOKKEEPING
from lakehouse.engines.sql import identifier

if TYPE_CHECKING:
    import duckdb

_EXAMPLES = 5
"""Number of example rows for each kind of difference, at most."""
_TOLERANCE = 1e-9
"""Relative difference up to which two floats count as equal."""
_NUMBERS = ("INT", "DOUBLE", "FLOAT", "DECIMAL")
"""Parts of the names of DuckDB's types that have a mean."""
_ORDERED = (*_NUMBERS, "DATE", "TIME")
"""Parts of the names of DuckDB's types whose smallest and largest value is shown."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ColumnDiff:
    """Statistics of a column over the rows that differ; pairs are (before, after)."""

    column: str
    differs: int
    """Number of changed rows in which the column has another value."""
    nulls: tuple[int, int]
    smallest: tuple[Any, Any]
    largest: tuple[Any, Any]
    mean: tuple[float | None, float | None]


@dataclass(frozen=True)
class RowDiff:
    """Number of rows that differ, and examples of them."""

    key: tuple[str, ...]
    """Columns that identify a row; empty: rows are compared as wholes, and none is 'changed'."""
    added: int
    removed: int
    changed: int
    schema: tuple[str, ...]
    """A line for each column that only one side has, or whose type differs."""
    columns: tuple[ColumnDiff, ...] = ()
    examples: Mapping[str, Sequence[tuple[Row | None, Row | None]]] = field(default_factory=dict)
    """A few rows (before, after) by kind: 'added', 'removed', 'changed'."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.schema)


def compare(
    connection: duckdb.DuckDBPyConnection,
    before: str,
    after: str,
    *,
    key: tuple[str, ...],
    detail: bool,
) -> RowDiff:
    """Compare two relations: rows that only one has, and rows with the same key but other values.

    Bookkeeping columns, such as the run that wrote a row, are ignored. If the key is not unique,
    or one side lacks it, rows are compared as wholes. `detail` adds columns and examples.
    """
    left, right = (_columns(connection, relation) for relation in (before, after))
    shared = {name: kind for name, kind in right.items() if name in left}
    retyped = {name for name, kind in shared.items() if left[name] != kind}
    sides = [_selected(relation, shared, retyped) for relation in (before, after)]
    shared |= dict.fromkeys(retyped, "VARCHAR")
    is_key = set(key) <= shared.keys() and all(_is_key(connection, side, key) for side in sides)
    key = key if is_key else ()
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE differing AS " + _joined(sides, shared, key)
        if key
        else "CREATE OR REPLACE TEMP TABLE differing AS " + _subtracted(sides)
    )
    counts = dict(
        connection.execute("SELECT what, count(*) FROM differing GROUP BY what").fetchall()
    )
    return RowDiff(
        key=key,
        added=counts.get("added", 0),
        removed=counts.get("removed", 0),
        changed=counts.get("changed", 0),
        schema=tuple(_schema(left, right)),
        columns=tuple(_statistics(connection, shared, key)) if detail and counts else (),
        examples=_examples(connection, key) if detail else {},
    )


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Return the columns of a relation with their types, without the bookkeeping columns."""
    rows = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return {name: kind for name, kind, *_ in rows if name not in BOOKKEEPING}


def _selected(relation: str, shared: Mapping[str, str], retyped: set[str]) -> str:
    """Return a relation of the columns to compare; those whose type differs become text."""
    listed = ", ".join(
        f"CAST({identifier(name)} AS VARCHAR) AS {identifier(name)}"
        if name in retyped
        else identifier(name)
        for name in shared
    )
    return f"(SELECT {listed} FROM {relation})"


def _is_key(connection: duckdb.DuckDBPyConnection, side: str, key: Sequence[str]) -> bool:
    """Return whether these columns identify each row of a relation."""
    if not key:
        return False
    names = ", ".join(map(identifier, key))
    twice = f"SELECT 1 FROM {side} GROUP BY {names} HAVING count(*) > 1 LIMIT 1"
    return connection.execute(twice).fetchone() is None


def _joined(sides: Sequence[str], shared: Mapping[str, str], key: Sequence[str]) -> str:
    """Return SQL for the rows whose key only one side has, or whose values differ."""
    same = " AND ".join(
        f"b.r.{identifier(c)} IS NOT DISTINCT FROM a.r.{identifier(c)}" for c in key
    )
    values = [_differs(name, kind) for name, kind in shared.items() if name not in key]
    before, after = (f"(SELECT r, true AS here FROM {side} AS r)" for side in sides)
    return (
        "SELECT CASE WHEN b.here IS NULL THEN 'added' WHEN a.here IS NULL THEN 'removed'"
        " ELSE 'changed' END AS what, b.r AS before, a.r AS after"
        f" FROM {before} AS b FULL JOIN {after} AS a ON {same}"
        f" WHERE b.here IS NULL OR a.here IS NULL OR {' OR '.join(values) or 'false'}"
    )


def _subtracted(sides: Sequence[str]) -> str:
    """Return SQL for the rows that one side has more often than the other."""
    before, after = sides
    return (
        "SELECT 'added' AS what, NULL AS before, r AS after"
        f" FROM (FROM {after} EXCEPT ALL FROM {before}) AS r"
        " UNION ALL SELECT 'removed', r, NULL"
        f" FROM (FROM {before} EXCEPT ALL FROM {after}) AS r"
    )


def _differs(name: str, kind: str, before: str = "b.r", after: str = "a.r") -> str:
    """Return the SQL condition that a column has another value."""
    one, other = f"{before}.{identifier(name)}", f"{after}.{identifier(name)}"
    condition = f"{one} IS DISTINCT FROM {other}"
    if kind in {"DOUBLE", "FLOAT"}:
        near = f"abs({one} - {other}) <= {_TOLERANCE} * greatest(abs({one}), abs({other}))"
        condition = f"({condition} AND NOT coalesce({near}, false))"
    return condition


def _schema(left: Mapping[str, str], right: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each column that only one side has, or whose type differs."""
    for name in [*left, *(name for name in right if name not in left)]:
        if name not in right:
            yield f"- column {name} {left[name]}"
        elif name not in left:
            yield f"+ column {name} {right[name]}"
        elif left[name] != right[name]:
            yield f"~ column {name} {left[name]} → {right[name]}"


def _statistics(
    connection: duckdb.DuckDBPyConnection, shared: Mapping[str, str], key: Sequence[str]
) -> Iterator[ColumnDiff]:
    """Yield statistics of the columns over the rows that differ, read in one pass."""
    values = {name: kind for name, kind in shared.items() if name not in key}
    if not values:
        return
    listed = ", ".join(f for name, kind in values.items() for f in _figures(name, kind))
    row = iter(connection.execute(f"SELECT {listed} FROM differing").fetchone() or ())
    for name in values:
        differs, *pairs = (next(row) for _ in range(9))
        both = [(pairs[i], pairs[i + 1]) for i in range(0, len(pairs), 2)]
        yield ColumnDiff(name, differs, both[0], both[1], both[2], both[3])


def _figures(name: str, kind: str) -> Iterator[str]:
    """Yield the SQL of nine figures of a column, in the order that `_statistics` reads them.

    The number of rows in which it differs; then, before and after, its nulls, smallest and
    largest value, and mean.
    """
    differs = _differs(name, kind, "before", "after")
    yield f"count(*) FILTER (what = 'changed' AND {differs})"
    for function in ("nulls", "min", "max", "avg"):
        for side, other in (("before", "added"), ("after", "removed")):
            value, there = f"{side}.{identifier(name)}", f"FILTER (what <> '{other}')"
            types = _NUMBERS if function == "avg" else _ORDERED
            if function == "nulls":
                yield f"count(*) {there} - count({value}) {there}"
            elif any(type_ in kind for type_ in types):
                yield f"{function}({value}) {there}"
            else:
                yield "NULL"


def _examples(
    connection: duckdb.DuckDBPyConnection, key: Sequence[str]
) -> dict[str, list[tuple[Row | None, Row | None]]]:
    """Return the first rows of each kind of difference, in the order of the key."""
    order = (
        ", ".join(f"coalesce(after.{identifier(c)}, before.{identifier(c)})" for c in key) or "1"
    )
    rows = connection.execute(
        "SELECT what, before, after FROM differing"
        f" QUALIFY row_number() OVER (PARTITION BY what ORDER BY {order}) <= {_EXAMPLES}"
        f" ORDER BY what, {order}"
    ).fetchall()
    examples: dict[str, list[tuple[Row | None, Row | None]]] = {}
    for what, before, after in rows:
        pair = (None if what == "added" else before, None if what == "removed" else after)
        examples.setdefault(what, []).append(pair)
    return examples
