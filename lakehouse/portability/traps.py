"""All known traps: operations that compile for every engine but mean different things on them."""

from __future__ import annotations

import ibis.expr.operations as ops

from lakehouse.portability import conditions
from lakehouse.portability.trap import CASTS, Trap, Word
from lakehouse.portability.value_traps import VALUE_TRAPS

_WIDEN = "give it a width: .cast('int64'), ibis.literal(1, 'int64')"
OTHER = "write it with other functions, or compute it during ingestion"
_TOTAL = "order by columns that identify a row; a UniqueCheck declares them"
_EXACT = "quantiles() of lakehouse.expressions"
_LOCAL_TIME = "to_local(), to_instant() of lakehouse.expressions"
_ELAPSED = "elapsed_seconds(), or a difference of microseconds(), of lakehouse.expressions"

TRAPS = (
    Trap(
        "narrow-integers",
        "whole numbers of less than 32 bits overflow on one engine and not on another",
        _WIDEN,
        (ops.Add, ops.Subtract, ops.Multiply, ops.FloorDivide, ops.Modulus),
        conditions.computes_narrowly,
        word=Word.NOTYET,
    ),
    Trap(
        "narrow-integers",
        "whole numbers of less than 32 bits overflow on one engine and not on another",
        _WIDEN,
        (ops.Cast, ops.TryCast, ops.Literal, ops.Array),
        conditions.becomes_narrow,
        word=Word.NOTYET,
    ),
    Trap(
        "unix-time",
        "Trino cuts such a time to whole seconds and drops its zone, DuckDB does not",
        "convert it during ingestion, or use from_seconds() of lakehouse.expressions",
        (ops.TimestampFromUNIX,),
        word=Word.NOTYET,
    ),
    Trap(
        "epoch-seconds",
        "SQL gives a fraction, which Ibis takes for a 32-bit integer; engines round it differently",
        "microseconds() of lakehouse.expressions, divided by 1_000_000",
        (ops.ExtractEpochSeconds,),
        word=Word.NOTYET,
    ),
    Trap(
        "approximate",
        "the result is approximate, and differs between engines",
        f"{_EXACT}, or nunique()",
        conditions.APPROXIMATE,
    ),
    Trap(
        "percentiles",
        "Trino has only approximate percentiles",
        _EXACT,
        (ops.Median, ops.Quantile, ops.MultiQuantile),
        conditions.is_exact,
        word=Word.NOTYET,
    ),
    Trap(
        "delta",
        "counts the boundaries of the unit that are crossed, not the time that has passed",
        _ELAPSED,
        (ops.TimestampDelta, ops.TimeDelta),
    ),
    Trap(
        "delta",
        "counts the boundaries of the unit that are crossed, not the time that has passed",
        'count days, with unit="day"',
        (ops.DateDelta,),
        conditions.counts_boundaries,
    ),
    Trap(
        "any-row",
        "takes the value of an arbitrary row, so the columns of a result may come from several",
        "row_number() over a total order, then filter; first(order_by=…) a key; or min(), max()",
        (ops.First, ops.Last, ops.Arbitrary, ops.Mode, ops.ArgMin, ops.ArgMax),
        conditions.takes_an_arbitrary_row,
    ),
    Trap(
        "any-row",
        "takes arbitrary rows, which may be others each time",
        "row_number() over a total order, then filter",
        (ops.Sample,),
    ),
    Trap(
        "any-row",
        "takes arbitrary rows, which may be others each time",
        "row_number() over a total order, then filter",
        (ops.Limit,),
        conditions.takes_any,
    ),
    Trap(
        "unordered",
        "the values are collected in an arbitrary order",
        "give it an order_by",
        (ops.ArrayCollect, ops.GroupConcat),
        conditions.is_without_order,
    ),
    Trap(
        "ties",
        "rows that are equal in this order come in an arbitrary order",
        _TOTAL,
        (ops.WindowFunction,),
        conditions.has_ties,
    ),
    Trap(
        "window-filter",
        "Trino has no DISTINCT in window functions, and no FILTER where nulls count",
        "put the condition inside, with ibis.ifelse(condition, value, None); aggregate, then join",
        (ops.WindowFunction,),
        conditions.is_filtered_or_distinct,
        word=Word.NOTYET,
    ),
    Trap(
        "zone-cast",
        "a cast does not convert between zones: it drops the zone, or takes that of the session",
        _LOCAL_TIME,
        CASTS,
        conditions.drops_a_zone,
        word=Word.NOTYET,
    ),
    Trap(
        "text-cast",
        "engines accept different texts: ' 1', '1.5' or '2024-03-15T08:05:00Z' fail on Trino",
        "parse text during ingestion",
        CASTS,
        conditions.reads_text,
        word=Word.NOTYET,
    ),
    Trap(
        "text-cast",
        "engines accept different texts",
        "parse text during ingestion",
        (ops.StringToTimestamp, ops.StringToDate, ops.StringToTime),
        word=Word.NOTYET,
    ),
    Trap(
        "shown-as-text",
        "engines write different digits",
        "iso_text() of lakehouse.expressions for instants; keep numbers as numbers",
        CASTS,
        conditions.shows_as_text,
        word=Word.NOTYET,
    ),
    Trap(
        "float-equality",
        "floats that should be equal differ in their last digits",
        "compare whole numbers, or (a - b).abs() with a tolerance",
        (ops.Equals, ops.NotEquals, ops.IdenticalTo),
        conditions.of_floats,
    ),
    Trap(
        "float-equality",
        "floats that should be equal differ in their last digits, and form separate groups",
        "group by whole numbers",
        (ops.Aggregate,),
        conditions.by_floats,
    ),
    Trap(
        "float-equality",
        "floats that should be equal differ in their last digits, and count twice",
        "count whole numbers",
        (ops.CountDistinct,),
        conditions.counts_floats,
    ),
    Trap(
        "floor-divide",
        "division by 0 is an error; numbers beyond 2^53 are rounded to the nearest float",
        "divide by a constant, or by .nullif(0)",
        (ops.FloorDivide,),
        conditions.may_divide_by_zero,
    ),
    Trap(
        "decimals",
        "the quotient is a float on DuckDB and a decimal of few digits on Trino",
        "cast both sides: .cast('float64')",
        (ops.Divide,),
        conditions.divides_decimals,
        word=Word.NOTYET,
    ),
    Trap(
        "regex",
        "engines support different patterns",
        "use only letters, classes, groups and plain quantifiers; or parse during ingestion",
        (ops.RegexSearch, ops.RegexSplit, ops.RegexExtract),
        conditions.is_no_plain_pattern,
        word=Word.NOTYET,
    ),
    Trap(
        "regex",
        "groups that are not part of the pattern are empty on DuckDB and an error on Trino",
        "give the pattern and the replacement as constants",
        (ops.RegexReplace,),
        conditions.refers_to_a_group,
        word=Word.NOTIMPL,
    ),
    Trap(
        "time-format",
        "engines support different formats",
        "use only %Y %y %m %d %e %H %I %M %S %B %b %A %a %j %p",
        (ops.Strftime,),
        conditions.is_no_common_format,
    ),
    Trap(
        "now",
        "the value differs each time, so that a rebuild gives other rows",
        "compare with the newest row of the table",
        (ops.TimestampNow, ops.DateNow),
    ),
    Trap(
        "random",
        "the value differs each time, so that a rebuild gives other rows",
        "derive it from a key",
        (ops.RandomScalar, ops.RandomUUID),
    ),
    Trap(
        "asof-join",
        "Trino has no ASOF JOIN",
        "lag() over the rows of both, put together with ibis.union()",
        (ops.JoinChain,),
        conditions.is_asof,
        word=Word.NOTYET,
    ),
    *VALUE_TRAPS,
)
