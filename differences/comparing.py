"""Whether two engines give the same answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from differences.answers import Answer, Failed, Failure

TOLERANCE = 1e-9
"""Difference of two floats, relative to the greater, that does not count."""


def difference(duckdb: Answer, trino: Answer) -> str:
    """Return how two answers differ, in a line; empty if they do not."""
    if isinstance(duckdb, Failed) or isinstance(trino, Failed):
        return "" if _fail_alike(duckdb, trino) else f"DuckDB {_said(duckdb)}; Trino {_said(trino)}"
    unlike = [
        key for key in duckdb.keys() | trino.keys() if not _alike(duckdb.get(key), trino.get(key))
    ]
    if not unlike:
        return ""
    example = min(unlike)
    return (
        f"{len(unlike)} of {len(duckdb)}, as {example}: "
        f"{duckdb.get(example)!r} and {trino.get(example)!r}"
    )


def _fail_alike(duckdb: Answer, trino: Answer) -> bool:
    """Return whether both fail, for some rows or whatever the rows."""
    both = [answer.failure for answer in (duckdb, trino) if isinstance(answer, Failed)]
    return len(both) == len((duckdb, trino)) and both.count(Failure.DATA) != 1


def _said(answer: Answer) -> str:
    if isinstance(answer, Failed):
        return f"{answer.failure}: {answer.message.partition(chr(10))[0]}"
    return "answers"


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return _near(one, other)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, Mapping) or isinstance(other, Mapping):
        return _alike_fields(one, other)
    if isinstance(one, Decimal) or isinstance(other, Decimal):
        return one is not None and other is not None and _near(float(one), float(other))
    return bool(one == other)


def _alike_fields(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return False
    left, right = dict(one), dict(other)
    return left.keys() == right.keys() and all(_alike(left[key], right[key]) for key in left)


def _near(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or math.isclose(one, other, rel_tol=TOLERANCE)
