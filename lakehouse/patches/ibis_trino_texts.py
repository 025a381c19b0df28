"""Texts, arrays and times on Trino as DuckDB has them: places, patterns, digits, formats, units.

A part of `ibis_trino_operations`, which says why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import sqlglot as sg
import sqlglot.expressions as sge

from lakehouse.patches.ibis_trino_numbers import Visit


def _null_if_any_is_null(written: Visit) -> Visit:
    def visit(compiler: Any, op: ops.Value, **arguments: Any) -> Any:
        values = [value for value in arguments.values() if isinstance(value, sge.Expression)]
        nulls = [value.is_(sge.null()) for value in values if not isinstance(value, sge.Literal)]
        plain = written(compiler, op, **arguments)
        return compiler.if_(sg.or_(*nulls), sge.null(), plain) if nulls else plain

    return visit


def literal(written: Visit) -> Visit:
    """Keep the microseconds of a moment, and milliseconds of an interval."""

    def visit(compiler: Any, op: ops.Literal, *, value: Any, dtype: dt.DataType) -> Any:
        if dtype.is_interval() and dtype.unit.short in _UNITS:
            return _span(compiler, sge.convert(value), dtype.unit)
        if not dtype.is_timestamp():
            return written(compiler, op, value=value, dtype=dtype)
        zone = "" if dtype.timezone is None else f" {dtype.timezone}"
        text = value.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        return compiler.cast(sge.convert(text + zone), dtype)

    return visit


def _microsecond(_: Visit) -> Visit:
    """Read the digits that Trino has no function for from the text of a moment."""

    def visit(compiler: Any, op: ops.ExtractMicrosecond, *, arg: Any) -> Any:
        kind = dt.time if op.arg.dtype.is_time() else dt.Timestamp(scale=6)
        text = compiler.cast(compiler.cast(arg, kind), dt.string)
        return compiler.cast(compiler.f.substr(text, -6), dt.int32)

    return visit


_CODES: Mapping[str, str] = {
    **{code: code for code in "YymdeHjpba%"},
    "M": "i",
    "S": "s",
    "B": "M",
    "A": "W",
    "I": "h",
}
"""Codes of Trino's `date_format`, by those of Python."""


def _strftime(written: Visit) -> Visit:
    """Write the codes of Python in those of Trino, which rounds to milliseconds besides."""

    def visit(compiler: Any, op: ops.Strftime, *, arg: Any, format_str: Any) -> Any:
        asked = op.format_str.value if isinstance(op.format_str, ops.Literal) else None
        codes = re.findall(r"%(.)", asked or "")
        if asked is None or not set(codes) <= _CODES.keys() or op.arg.dtype.is_time():
            return written(compiler, op, arg=arg, format_str=format_str)
        shown = re.sub(r"%(.)", lambda code: f"%{_CODES[code[1]]}", asked)
        return compiler.f.anon.date_format(_seconds(compiler, op.arg, arg), sge.convert(shown))

    return visit


def _seconds(compiler: Any, value: ops.Value, sql: Any) -> Any:
    return sql if value.dtype.is_date() else compiler.f.anon.date_trunc("second", sql)


def _day_name(_: Visit) -> Visit:
    def visit(compiler: Any, op: ops.DayOfWeekName, *, arg: Any) -> Any:
        return compiler.f.anon.date_format(_seconds(compiler, op.arg, arg), sge.convert("%W"))

    return visit


def _substring(written: Visit) -> Visit:
    """Count from one; what Ibis writes would also count from the end, where a place is negative."""

    def visit(compiler: Any, op: ops.Substring, *, arg: Any, start: Any, length: Any) -> Any:
        number = op.start.value if isinstance(op.start, ops.Literal) else None
        if number is None or number < 0:
            return written(compiler, op, arg=arg, start=start, length=length)
        place = sge.convert(number + 1)
        return compiler.f.substring(arg, place, *(() if length is None else (length,)))

    return visit


def _array_index(_: Visit) -> Visit:
    """Count from the end where an index is negative."""

    def visit(compiler: Any, op: ops.ArrayIndex, *, arg: Any, index: Any) -> Any:
        number = op.index.value if isinstance(op.index, ops.Literal) else None
        if number is not None:
            return compiler.f.element_at(arg, sge.convert(number if number < 0 else number + 1))
        place = compiler.if_(index < 0, index, index + 1)
        return compiler.f.element_at(arg, place)

    return visit


def _range(written: Visit) -> Visit:
    """Count up by one, which is what ranges do, without a search for the number after the last."""

    def visit(compiler: Any, op: ops.IntegerRange, *, start: Any, stop: Any, step: Any) -> Any:
        if not isinstance(op.step, ops.Literal) or op.step.value != 1:
            return written(compiler, op, start=start, stop=stop, step=step)
        numbers = compiler.f.sequence(start, stop - 1)
        return compiler.if_(start < stop, numbers, compiler.f.array())

    return _null_if_any_is_null(visit)


def _repeat(written: Visit) -> Visit:
    """Repeat nothing where the number of times is negative."""

    def visit(compiler: Any, op: ops.Repeat, *, arg: Any, times: Any) -> Any:
        often = times if isinstance(op.times, ops.Literal) else compiler.f.greatest(times, 0)
        return compiler.f.coalesce(written(compiler, op, arg=arg, times=often), "")

    return _null_if_any_is_null(visit)


def _replace(written: Visit) -> Visit:
    """Replace nothing where the pattern is empty."""

    def visit(
        compiler: Any, op: ops.StringReplace, *, arg: Any, pattern: Any, replacement: Any
    ) -> Any:
        plain = written(compiler, op, arg=arg, pattern=pattern, replacement=replacement)
        if isinstance(op.pattern, ops.Literal) and op.pattern.value:
            return plain
        is_null = replacement.is_(sge.null())
        unchanged = compiler.if_(is_null, sge.null(), arg)
        return compiler.if_(pattern.eq(""), unchanged, plain)

    return visit


def _regex_replace(written: Visit) -> Visit:
    r"""Call groups $1 instead of \1."""

    def visit(
        compiler: Any, op: ops.RegexReplace, *, arg: Any, pattern: Any, replacement: Any
    ) -> Any:
        if isinstance(op.replacement, ops.Literal):
            escaped = str(op.replacement.value).replace("$", r"\$")
            replacement = sge.convert(re.sub(r"\\(\d)", r"$\1", escaped))
        return written(compiler, op, arg=arg, pattern=pattern, replacement=replacement)

    return visit


def _regex_extract(written: Visit) -> Visit:
    """Return empty text where nothing matches."""

    def visit(compiler: Any, op: ops.RegexExtract, **arguments: Any) -> Any:
        return compiler.f.coalesce(written(compiler, op, **arguments), "")

    return _null_if_any_is_null(visit)


def _interval(written: Visit) -> Visit:
    """Multiply an interval of one unit: what is read from text has no sign."""

    def visit(compiler: Any, op: ops.IntervalFromInteger, *, arg: Any, unit: Any) -> Any:
        if unit.short not in _UNITS:
            return written(compiler, op, arg=arg, unit=unit)
        return _span(compiler, compiler.cast(arg, dt.int64), unit)

    return visit


def _span(_compiler: Any, number: Any, unit: Any) -> Any:
    amount, name = _UNITS[unit.short]
    one = sge.Interval(this=sge.Literal.string(amount), unit=sge.Var(this=name))
    return sge.paren(number * one)


_UNITS: Mapping[str, tuple[str, str]] = {
    "Y": ("1", "YEAR"),
    "Q": ("3", "MONTH"),
    "M": ("1", "MONTH"),
    "W": ("7", "DAY"),
    "D": ("1", "DAY"),
    "h": ("1", "HOUR"),
    "m": ("1", "MINUTE"),
    "s": ("1", "SECOND"),
    "ms": ("0.001", "SECOND"),
}
"""Intervals of one unit; Trino has none of less than a millisecond."""


TEXTS_AND_TIMES: Mapping[type[ops.Value], Callable[[Visit], Visit]] = {
    ops.ExtractMicrosecond: _microsecond,
    ops.Strftime: _strftime,
    ops.DayOfWeekName: _day_name,
    ops.ArrayIndex: _array_index,
    ops.ArrayContains: _null_if_any_is_null,
    ops.IntegerRange: _range,
    ops.Substring: _substring,
    ops.Repeat: _repeat,
    ops.StringReplace: _replace,
    ops.RegexReplace: _regex_replace,
    ops.RegexExtract: _regex_extract,
    ops.IntervalFromInteger: _interval,
}
"""What makes a way to write an operation of the one that Ibis has."""
