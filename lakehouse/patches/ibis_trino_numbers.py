"""Numbers on Trino as DuckDB has them: NaN, what functions are not defined for, limits, remainders.

A part of `ibis_trino_operations`, which says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import sqlglot as sg
import sqlglot.expressions as sge

Visit = Callable[..., Any]
"""Writes an operation: gets the compiler, the operation and its arguments in SQL."""


_FAILURE = "the result of {0} is not defined for this value"


def _with_nan(written: Visit) -> Visit:
    """Compare NaN as DuckDB does: it is greater than all numbers, and equal to itself."""

    def visit(compiler: Any, op: ops.Comparison, *, left: Any, right: Any) -> Any:
        plain = written(compiler, op, left=left, right=right)
        greater, less = (op.left, left), (op.right, right)
        if isinstance(op, ops.Less | ops.LessEqual):
            greater, less = less, greater
        if not greater[0].dtype.is_floating() or isinstance(greater[0], ops.Literal):
            return plain
        return compiler.if_(compiler.f.is_nan(greater[1]), _beyond(compiler, op, *less), plain)

    return visit


def _beyond(compiler: Any, op: ops.Comparison, value: ops.Value, sql: Any) -> Any:
    """Whether NaN is above a value: above all but NaN, and at least as great as all."""
    if isinstance(value, ops.Literal):
        return sge.true()
    if isinstance(op, ops.GreaterEqual | ops.LessEqual):
        return compiler.if_(sql.is_(sge.null()), sge.null(), sge.true())
    if value.dtype.is_floating():
        return sg.not_(compiler.f.is_nan(sql))
    return compiler.if_(sql.is_(sge.null()), sge.null(), sge.true())


def _within(is_outside: Callable[[Any, Any], Any]) -> Callable[[Visit], Visit]:
    """Fail for arguments that a function is not defined for, as DuckDB does."""

    def make(written: Visit) -> Visit:
        def visit(compiler: Any, op: ops.Value, *, arg: Any, **others: Any) -> Any:
            failure = compiler.f.anon.fail(_FAILURE.format(type(op).__name__.lower()))
            value = written(compiler, op, arg=arg, **others)
            return compiler.if_(
                is_outside(compiler, arg), compiler.cast(failure, dt.float64), value
            )

        return visit

    return make


def _log(written: Visit) -> Visit:
    """Write the natural logarithm where there is no base."""

    def visit(compiler: Any, op: ops.Log, *, arg: Any, base: Any) -> Any:
        if base is None:
            return compiler.f.ln(arg)
        return written(compiler, op, arg=arg, base=base)

    return _within(_not_positive)(visit)


def _not_positive(_compiler: Any, arg: Any) -> Any:
    return sge.paren(arg) <= 0


def _negative(_compiler: Any, arg: Any) -> Any:
    return sge.paren(arg) < 0


def _beyond_one(compiler: Any, arg: Any) -> Any:
    return compiler.f.abs(arg) > 1


def _zero(compiler: Any, arg: Any) -> Any:
    return sg.or_(sge.paren(arg).eq(0), _infinite(compiler, arg))


def _infinite(compiler: Any, arg: Any) -> Any:
    return compiler.f.is_infinite(compiler.cast(arg, dt.float64))


def _extreme(written: Visit) -> Visit:
    """Ignore nulls in `least()` and `greatest()`."""

    def visit(compiler: Any, op: ops.Greatest | ops.Least, *, arg: Sequence[Any]) -> Any:
        def two(one: Any, other: Any) -> Any:
            return compiler.f.coalesce(written(compiler, op, arg=(one, other)), one, other)

        certain = [sql for value, sql in zip(op.arg, arg, strict=True) if _is_certain(value)]
        uncertain = [sql for value, sql in zip(op.arg, arg, strict=True) if not _is_certain(value)]
        if certain:
            certain = [written(compiler, op, arg=certain) if len(certain) > 1 else certain[0]]
        found = [*uncertain, *certain]
        while len(found) > 1:  # by pairs of pairs: each step writes its arguments twice
            pairs = (found[place : place + 2] for place in range(0, len(found), 2))
            found = [two(*pair) if len(pair) > 1 else pair[0] for pair in pairs]
        return found[0]

    return visit


def _is_certain(value: ops.Value) -> bool:
    return isinstance(value, ops.Literal) and value.value is not None


def _clip(_: Visit) -> Visit:
    """Clip at those limits that are not null."""

    def visit(compiler: Any, op: ops.Clip, *, arg: Any, lower: Any, upper: Any) -> Any:
        clipped = arg
        for limit, sql, function in (
            (op.upper, upper, compiler.f.least),
            (op.lower, lower, compiler.f.greatest),
        ):
            if limit is not None:
                within = function(sql, clipped)
                clipped = within if _is_certain(limit) else compiler.f.coalesce(within, clipped)
        return clipped

    return visit


def _right_shift(_: Visit) -> Visit:
    """Keep the sign."""

    def visit(compiler: Any, _op: ops.BitwiseRightShift, *, left: Any, right: Any) -> Any:
        count = compiler.cast(right, dt.int32)
        return compiler.f.bitwise_right_shift_arithmetic(compiler.cast(left, dt.int64), count)

    return visit


def _modulus(written: Visit) -> Visit:
    """Return null for the remainder of a division by 0."""

    def visit(compiler: Any, op: ops.Modulus, *, left: Any, right: Any) -> Any:
        is_safe = isinstance(op.right, ops.Literal) and op.right.value
        if not (is_safe or isinstance(op.right, ops.NullIf)) and not op.dtype.is_floating():
            right = compiler.f.nullif(right, 0)
        return written(compiler, op, left=left, right=right)

    return visit


def _cast(written: Visit) -> Visit:
    """Round halves of floats to even numbers."""

    def visit(compiler: Any, op: ops.Cast, *, arg: Any, to: dt.DataType) -> Any:
        is_rounded = isinstance(op.arg, ops.Round | ops.Floor | ops.Ceil | ops.Literal)
        if op.arg.dtype.is_floating() and to.is_integer() and not is_rounded:
            half = sge.paren(arg - compiler.f.floor(arg)).eq(sge.convert(0.5))
            even = compiler.f.round(sge.paren(arg) / 2) * 2
            arg = compiler.if_(half, even, arg)
        return written(compiler, op, arg=arg, to=to)

    return visit


NUMBERS: Mapping[type[ops.Value], Callable[[Visit], Visit]] = {
    **dict.fromkeys((ops.Greater, ops.GreaterEqual, ops.Less, ops.LessEqual), _with_nan),
    **dict.fromkeys((ops.Ln, ops.Log2, ops.Log10), _within(_not_positive)),
    **dict.fromkeys((ops.Acos, ops.Asin), _within(_beyond_one)),
    **dict.fromkeys((ops.Cos, ops.Sin, ops.Tan), _within(_infinite)),
    ops.Cot: _within(_zero),
    ops.Log: _log,
    ops.Sqrt: _within(_negative),
    **dict.fromkeys((ops.Greatest, ops.Least), _extreme),
    ops.Clip: _clip,
    ops.BitwiseRightShift: _right_shift,
    ops.Modulus: _modulus,
    **dict.fromkeys((ops.Cast, ops.TryCast), _cast),
}
"""What makes a way to write an operation of the one that Ibis has."""
