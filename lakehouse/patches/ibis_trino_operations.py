"""Operations that Ibis writes for Trino with another meaning than for DuckDB, written anew.

The SQL of DuckDB is left as it is, since fingerprints are taken of it; that of Trino is brought to
the same meaning. `python -m differences` compares both over odd values, and finds for each of these
that Ibis alone makes a difference: a negative index, an empty pattern, a null among the values of
`least()`, the digits of a moment, the minutes of a format, a comparison with NaN, the logarithm of
nothing, which is an error on DuckDB and NaN on Trino, and so on.

Gain: none in time. Without it a model would mean one thing on a laptop and another in production.
Seen with Ibis 12.0.0, DuckDB 1.5.5 and Trino 476.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import ibis.expr.operations as ops

from lakehouse.patches.ibis_trino_numbers import NUMBERS
from lakehouse.patches.ibis_trino_texts import TEXTS_AND_TIMES, literal
from lakehouse.patches.ibis_trino_unnest import selected, unnest


@cache
def mend() -> None:
    """Let Ibis write these operations as below; calling it again does nothing."""
    from ibis.backends.sql.compilers.trino import TrinoCompiler
    from ibis.backends.sql.datatypes import TrinoType

    for operation, make in _MENDS.items():
        name = f"visit_{operation.__name__}"
        setattr(TrinoCompiler, name, make(getattr(TrinoCompiler, name)))
    TrinoCompiler.visit_NonNullLiteral = literal(TrinoCompiler.visit_NonNullLiteral)
    for relation in ("Select", "JoinChain", "Aggregate", "DummyTable"):
        name = f"visit_{relation}"
        setattr(TrinoCompiler, name, selected(getattr(TrinoCompiler, name)))
    bare = TrinoType._from_ibis_Timestamp.__func__  # noqa: SLF001
    TrinoType._from_ibis_Timestamp = classmethod(  # noqa: SLF001
        lambda cls, kind: bare(cls, kind.copy(scale=6) if kind.scale is None else kind)
    )


def in_a_window(window: ops.WindowFunction) -> ops.WindowFunction:
    """Return a window function without the FILTER that Trino lacks, and with its frame.

    Ibis cuts the frame of `any()` and `all()` at the current row.
    """
    function: Any = window.func
    where = getattr(function, "where", None)
    if isinstance(function, _IGNORE_NULLS) and where is not None:
        first, *_ = function.__argnames__
        value = function.__args__[0]
        kept = ops.IfElse(where, value, ops.Cast(ops.NULL, value.dtype))
        function = function.copy(**{first: kept, "where": None})
    if isinstance(function, ops.Any | ops.All):
        # Trino orders booleans.
        function = (ops.Max if isinstance(function, ops.Any) else ops.Min)(
            function.arg, where=function.where
        )
    return window if function is window.func else window.copy(func=function)


_IGNORE_NULLS = (
    *(ops.Sum, ops.Mean, ops.Min, ops.Max, ops.Count, ops.StandardDev, ops.Variance),
    *(ops.Any, ops.All, ops.BitAnd, ops.BitOr, ops.BitXor, ops.Covariance, ops.Correlation),
)
"""Aggregates of the rows in which their argument is not null."""


_MENDS = {**NUMBERS, **TEXTS_AND_TIMES, ops.Unnest: unnest}
MENDED: tuple[type[ops.Value], ...] = (*_MENDS, ops.Any, ops.All)
"""Operations that are written differently for Trino."""
