"""The functions of SQL that a model may call, by sqlglot's class, as functions of Ibis values.

Each has the parts that it takes; a call with any other part is refused. What DuckDB and Ibis
understand differently is not here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
from sqlglot import exp

from lakehouse.expressions import INSTANT

Made = Callable[..., ir.Value]


@dataclass(frozen=True)
class Function:
    """A function of SQL: the names of its parts, and what it makes of their values."""

    parts: tuple[str, ...]
    make: Made


def _function(make: Made, *parts: str) -> Function:
    return Function(parts or ("this",), make)


def _round(value: Any, decimals: Any = None) -> ir.Value:
    return value.round() if decimals is None else value.round(decimals)


def _if(test: Any, yes: Any, no: Any = None) -> ir.Value:
    return ibis.ifelse(test, yes, no)


def _substring(text: Any, start: Any, length: Any = None) -> ir.Value:
    _require_written(start, 1)
    if length is not None:
        _require_written(length, 0)
    return text.substr(start - 1, length)


def _left(text: Any, count: Any) -> ir.Value:
    _require_written(count, 0)
    return text.left(count)


def _right(text: Any, count: Any) -> ir.Value:
    _require_written(count, 1)
    return text.right(count)


def _require_written(number: Any, least: int) -> None:
    if not isinstance(number, int) or number < least:
        raise ValueError(f"a place in a text is a number that is written, {least} or more")


def _whole_part(name: str) -> Made:
    return lambda value: getattr(value, name)().cast("int64")


SCALARS: Mapping[Any, Function] = {
    exp.Abs: _function(lambda value: value.abs()),
    exp.Ceil: _function(lambda value: value.ceil()),
    exp.Contains: _function(lambda text, part: text.contains(part), "this", "expression"),
    exp.CurrentDate: Function((), ibis.today),
    exp.CurrentTimestamp: Function((), lambda: ibis.now().cast(INSTANT)),
    exp.Day: _function(_whole_part("day")),
    exp.DayOfMonth: _function(_whole_part("day")),
    exp.DayOfWeekIso: _function(lambda value: value.day_of_week.index().cast("int64") + 1),
    exp.DayOfYear: _function(_whole_part("day_of_year")),
    exp.EndsWith: _function(lambda text, part: text.endswith(part), "this", "expression"),
    exp.Exp: _function(lambda value: value.exp()),
    exp.Floor: _function(lambda value: value.floor()),
    exp.Hour: _function(_whole_part("hour")),
    exp.If: _function(
        lambda test, yes, no=None: ibis.ifelse(test, yes, no), "this", "true", "false"
    ),
    exp.Left: _function(_left, "this", "expression"),
    exp.Length: _function(lambda text: text.length()),
    exp.Ln: _function(lambda value: value.ln()),
    exp.Lower: _function(lambda text: text.lower()),
    exp.Minute: _function(_whole_part("minute")),
    exp.Month: _function(_whole_part("month")),
    exp.Nullif: _function(lambda value, other: value.nullif(other), "this", "expression"),
    exp.Pow: _function(lambda value, power: value**power, "this", "expression"),
    exp.Quarter: _function(_whole_part("quarter")),
    exp.RegexpLike: _function(lambda text, found: text.re_search(found), "this", "expression"),
    exp.Replace: _function(
        lambda text, old, new: text.replace(old, new), "this", "expression", "replacement"
    ),
    exp.Right: _function(_right, "this", "expression"),
    exp.Round: Function(("this", "decimals"), _round),
    exp.Sign: _function(lambda value: value.sign()),
    exp.Sqrt: _function(lambda value: value.sqrt()),
    exp.StartsWith: _function(lambda text, part: text.startswith(part), "this", "expression"),
    exp.StrPosition: _function(lambda text, part: text.find(part) + 1, "this", "substr"),
    exp.Substring: Function(("this", "start", "length"), _substring),
    exp.Second: _function(_whole_part("second")),
    exp.Upper: _function(lambda text: text.upper()),
    exp.Year: _function(_whole_part("year")),
}
"""Functions of a row."""

AGGREGATES: Mapping[Any, Function] = {
    exp.AnyValue: _function(lambda value, where: value.arbitrary(where=where)),
    exp.ApproxDistinct: _function(lambda value, where: value.approx_nunique(where=where)),
    exp.ArgMax: _function(
        lambda value, by, where: value.argmax(by, where=where), "this", "expression"
    ),
    exp.ArgMin: _function(
        lambda value, by, where: value.argmin(by, where=where), "this", "expression"
    ),
    exp.Avg: _function(lambda value, where: value.mean(where=where)),
    exp.First: _function(lambda value, where: value.first(where=where)),
    exp.Last: _function(lambda value, where: value.last(where=where)),
    exp.LogicalAnd: _function(lambda value, where: value.all(where=where)),
    exp.LogicalOr: _function(lambda value, where: value.any(where=where)),
    exp.Max: _function(lambda value, where: value.max(where=where)),
    exp.Median: _function(lambda value, where: value.median(where=where)),
    exp.Min: _function(lambda value, where: value.min(where=where)),
    exp.Stddev: _function(lambda value, where: value.std(where=where)),
    exp.StddevPop: _function(lambda value, where: value.std(how="pop", where=where)),
    exp.StddevSamp: _function(lambda value, where: value.std(where=where)),
    exp.Sum: _function(lambda value, where: value.sum(where=where)),
    exp.Variance: _function(lambda value, where: value.var(where=where)),
    exp.VariancePop: _function(lambda value, where: value.var(how="pop", where=where)),
}
"""Functions of many rows; the last argument is the condition of `FILTER`, or None.

`count` is made where the table is known.
"""


def _lag(value: Any, by: Any = None, other: Any = None) -> ir.Value:
    return value.lag(1 if by is None else by, other)


def _lead(value: Any, by: Any = None, other: Any = None) -> ir.Value:
    return value.lead(1 if by is None else by, other)


RANKINGS: Mapping[Any, Function] = {
    # Ibis counts from 0.
    exp.RowNumber: Function((), lambda: ibis.row_number() + 1),
    exp.Rank: Function((), lambda: ibis.rank() + 1),
    exp.DenseRank: Function((), lambda: ibis.dense_rank() + 1),
    exp.PercentRank: Function((), ibis.percent_rank),
    exp.CumeDist: Function((), ibis.cume_dist),
    exp.Ntile: _function(lambda count: ibis.ntile(count) + 1),
    exp.Lag: _function(
        lambda value, by=1, other=None: value.lag(by, other), "this", "offset", "default"
    ),
    exp.Lead: _function(
        lambda value, by=1, other=None: value.lead(by, other), "this", "offset", "default"
    ),
}
"""Functions of a window that have no frame."""

FRAMED: Mapping[Any, Function] = {
    exp.FirstValue: _function(lambda value: value.first(include_null=True)),
    exp.LastValue: _function(lambda value: value.last(include_null=True)),
}
"""Functions of the frame of a window, beside the aggregates."""
