"""Which rows two relations do not share, told by DuckDB: rows do not pass through Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakehouse.engines.sql import quoted
from lakehouse.raw import BOOKKEEPING

if TYPE_CHECKING:
    import duckdb

_EXAMPLES = 5
_TOLERANCE = 1e-9
"""Two floats are the same figure if they differ by less, relative to the larger."""
_NUMBERS = ("INT", "DOUBLE", "FLOAT", "DECIMAL")
_ORDERED = (*_NUMBERS, "DATE", "TIME")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ColumnDiff:
    """A column among the rows that differ: as it was before, and as it is after."""

    column: str
    differs: int
    """In how many of the changed rows."""
    nulls: tuple[int, int]
    smallest: tuple[Any, Any]
    largest: tuple[Any, Any]
    mean: tuple[float | None, float | None]


@dataclass(frozen=True)
class RowDiff:
    """How many rows differ, and which."""

    key: tuple[str, ...]
    """What tells rows apart; empty: all of their columns, and no row counts as changed."""
    added: int
    removed: int
    changed: int
    schema: tuple[str, ...]
    """Columns that only one side has, or whose type is another, a line each."""
    columns: tuple[ColumnDiff, ...] = ()
    examples: Mapping[str, Sequence[tuple[Row | None, Row | None]]] = field(default_factory=dict)
    """A few rows, before and after, of each kind: 'added', 'removed', 'changed'."""

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
    """The rows that only one of two relations has, or that have other values for the same key.

    Which run wrote a row is no difference. If the key does not tell all rows apart, or one side
    lacks it, rows are compared as wholes. With `detail`, columns and examples come along.
    """
    left, right = (_columns(connection, relation) for relation in (before, after))
    shared = {name: kind for name, kind in right.items() if name in left}
    odd = {name for name, kind in shared.items() if left[name] != kind}
    sides = [_selected(relation, shared, odd) for relation in (before, after)]
    shared |= dict.fromkeys(odd, "VARCHAR")
    known = set(key) <= shared.keys() and all(_is_key(connection, side, key) for side in sides)
    key = key if known else ()
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
    """The columns of a relation with their types, bookkeeping left out."""
    rows = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return {name: kind for name, kind, *_ in rows if name not in BOOKKEEPING}


def _selected(relation: str, shared: Mapping[str, str], odd: set[str]) -> str:
    """The columns that are compared; those of different types as text."""
    listed = ", ".join(
        f"CAST({quoted(name)} AS VARCHAR) AS {quoted(name)}" if name in odd else quoted(name)
        for name in shared
    )
    return f"(SELECT {listed} FROM {relation})"


def _is_key(connection: duckdb.DuckDBPyConnection, side: str, key: Sequence[str]) -> bool:
    """Whether no two rows share the values of these columns."""
    if not key:
        return False
    names = ", ".join(map(quoted, key))
    twice = f"SELECT 1 FROM {side} GROUP BY {names} HAVING count(*) > 1 LIMIT 1"
    return connection.execute(twice).fetchone() is None


def _joined(sides: Sequence[str], shared: Mapping[str, str], key: Sequence[str]) -> str:
    """The rows without a partner of the same key, and those whose partner is different."""
    same = " AND ".join(f"b.r.{quoted(c)} IS NOT DISTINCT FROM a.r.{quoted(c)}" for c in key)
    values = [_differs(name, kind) for name, kind in shared.items() if name not in key]
    before, after = (f"(SELECT r, true AS here FROM {side} AS r)" for side in sides)
    return (
        "SELECT CASE WHEN b.here IS NULL THEN 'added' WHEN a.here IS NULL THEN 'removed'"
        " ELSE 'changed' END AS what, b.r AS before, a.r AS after"
        f" FROM {before} AS b FULL JOIN {after} AS a ON {same}"
        f" WHERE b.here IS NULL OR a.here IS NULL OR {' OR '.join(values) or 'false'}"
    )


def _subtracted(sides: Sequence[str]) -> str:
    """The rows that one side has more often than the other, as wholes."""
    before, after = sides
    return (
        "SELECT 'added' AS what, NULL AS before, r AS after"
        f" FROM (FROM {after} EXCEPT ALL FROM {before}) AS r"
        " UNION ALL SELECT 'removed', r, NULL"
        f" FROM (FROM {before} EXCEPT ALL FROM {after}) AS r"
    )


def _differs(name: str, kind: str, before: str = "b.r", after: str = "a.r") -> str:
    """The condition that a column has another value."""
    one, other = f"{before}.{quoted(name)}", f"{after}.{quoted(name)}"
    condition = f"{one} IS DISTINCT FROM {other}"
    if kind in {"DOUBLE", "FLOAT"}:
        near = f"abs({one} - {other}) <= {_TOLERANCE} * greatest(abs({one}), abs({other}))"
        condition = f"({condition} AND NOT coalesce({near}, false))"
    return condition


def _schema(left: Mapping[str, str], right: Mapping[str, str]) -> Iterator[str]:
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
    """What the columns say among the rows that differ, in one pass over them."""
    asked = {name: kind for name, kind in shared.items() if name not in key}
    if not asked:
        return
    listed = ", ".join(f for name, kind in asked.items() for f in _figures(name, kind))
    row = iter(connection.execute(f"SELECT {listed} FROM differing").fetchone() or ())
    for name in asked:
        differs, *pairs = (next(row) for _ in range(9))
        both = [(pairs[i], pairs[i + 1]) for i in range(0, len(pairs), 2)]
        yield ColumnDiff(name, differs, both[0], both[1], both[2], both[3])


def _figures(name: str, kind: str) -> Iterator[str]:
    """In how many rows a column differs; before and after: nulls, smallest, largest, mean."""
    differs = _differs(name, kind, "before", "after")
    yield f"count(*) FILTER (what = 'changed' AND {differs})"
    for function in ("nulls", "min", "max", "avg"):
        for side, other in (("before", "added"), ("after", "removed")):
            value, there = f"{side}.{quoted(name)}", f"FILTER (what <> '{other}')"
            known = _NUMBERS if function == "avg" else _ORDERED
            if function == "nulls":
                yield f"count(*) {there} - count({value}) {there}"
            elif any(each in kind for each in known):
                yield f"{function}({value}) {there}"
            else:
                yield "NULL"


def _examples(
    connection: duckdb.DuckDBPyConnection, key: Sequence[str]
) -> dict[str, list[tuple[Row | None, Row | None]]]:
    order = ", ".join(f"coalesce(after.{quoted(c)}, before.{quoted(c)})" for c in key) or "1"
    rows = connection.execute(
        "SELECT what, before, after FROM differing"
        f" QUALIFY row_number() OVER (PARTITION BY what ORDER BY {order}) <= {_EXAMPLES}"
        f" ORDER BY what, {order}"
    ).fetchall()
    found: dict[str, list[tuple[Row | None, Row | None]]] = {}
    for what, before, after in rows:
        pair = (None if what == "added" else before, None if what == "removed" else after)
        found.setdefault(what, []).append(pair)
    return found
