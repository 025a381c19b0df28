"""What compiles for every engine and means something else on one of them.

A rule names operations of Ibis, says when they are a trap, and how to write what is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import ibis.expr.operations as ops
from ibis.backends.sql import compilers

from lakehouse.portability import conditions
from lakehouse.portability.conditions import Declared


class Word(StrEnum):
    """Whether a trap will be gone one day."""

    NOTIMPL = "notimpl"
    """This framework could do something about it."""
    NOTYET = "notyet"
    """Ibis or an engine could."""
    NEVER = "never"
    """It lies in what is asked for."""


@dataclass(frozen=True)
class Rule:
    """A trap."""

    name: str
    trap: str
    """What is wrong with it."""
    cure: str
    """How to write it so that it means the same everywhere."""
    of: tuple[type[ops.Node], ...] = ()
    """The operations it is about."""
    when: Callable[[Any, Declared], bool] = conditions.always
    word: Word = Word.NEVER

    def finds(self, node: ops.Node, declared: Declared) -> bool:
        """Whether the operation is a trap."""
        return isinstance(node, self.of) and self.when(node, declared)


_WIDEN = "give it a width: .cast('int64'), ibis.literal(1, 'int64')"
_OTHER = "write it with other functions, or compute it during ingestion"
_TOTAL = "order by columns that tell all rows apart; a UniqueCheck says which do"
_EXACT = "quantiles() of lakehouse.expressions"
_LOCAL_TIME = "to_local(), to_instant() of lakehouse.expressions"
_ELAPSED = "elapsed_seconds(), or a difference of microseconds(), of lakehouse.expressions"

RULES = (
    Rule(
        "narrow-integers",
        "whole numbers of less than 32 bits overflow on one engine and not on another",
        _WIDEN,
        (ops.Add, ops.Subtract, ops.Multiply, ops.FloorDivide, ops.Modulus),
        conditions.computes_narrowly,
        word=Word.NOTYET,
    ),
    Rule(
        "narrow-integers",
        "whole numbers of less than 32 bits overflow on one engine and not on another",
        _WIDEN,
        (ops.Cast, ops.Literal, ops.Array),
        conditions.becomes_narrow,
        word=Word.NOTYET,
    ),
    Rule(
        "unix-time",
        "Trino cuts such a time to whole seconds and forgets its zone, DuckDB does not",
        "convert it during ingestion, or use from_seconds() of lakehouse.expressions",
        (ops.TimestampFromUNIX,),
        word=Word.NOTYET,
    ),
    Rule(
        "epoch-seconds",
        "is a fraction in SQL, a 32-bit number to Ibis, and rounded differently",
        "microseconds() of lakehouse.expressions, divided by 1_000_000",
        (ops.ExtractEpochSeconds,),
        word=Word.NOTYET,
    ),
    Rule(
        "approximate",
        "the result is approximate, and each engine's own",
        f"{_EXACT}, or nunique()",
        conditions.APPROXIMATE,
    ),
    Rule(
        "percentiles",
        "Trino has approximate percentiles alone",
        _EXACT,
        (ops.Median, ops.Quantile, ops.MultiQuantile),
        conditions.is_exact,
        word=Word.NOTYET,
    ),
    Rule(
        "delta",
        "counts boundaries of the unit, which is not the time between",
        _ELAPSED,
        (ops.TimestampDelta, ops.TimeDelta),
    ),
    Rule(
        "delta",
        "counts boundaries of the unit, which is not the time between",
        'count days, with unit="day"',
        (ops.DateDelta,),
        conditions.counts_boundaries,
    ),
    Rule(
        "interval",
        "Trino makes no negative intervals of numbers",
        "add_days(), from_seconds() of lakehouse.expressions",
        (ops.IntervalFromInteger,),
        conditions.may_be_negative,
        word=Word.NOTYET,
    ),
    Rule(
        "any-row",
        "takes a value of any row, so columns of one row may come from several",
        "row_number() over a total order, then filter; or min(), max()",
        (ops.First, ops.Last, ops.Arbitrary, ops.Mode, ops.ArgMin, ops.ArgMax),
    ),
    Rule(
        "any-row",
        "takes any rows, other ones each time",
        "row_number() over a total order, then filter",
        (ops.Sample,),
    ),
    Rule(
        "any-row",
        "takes any rows, other ones each time",
        "row_number() over a total order, then filter",
        (ops.Limit,),
        conditions.takes_any,
    ),
    Rule(
        "unordered",
        "the values are collected in any order",
        "give it an order_by",
        (ops.ArrayCollect, ops.GroupConcat),
        conditions.is_without_order,
    ),
    Rule(
        "ties",
        "rows that are equal in this order come in any order",
        _TOTAL,
        (ops.WindowFunction,),
        conditions.has_ties,
    ),
    Rule(
        "window-filter",
        "Trino has neither FILTER nor DISTINCT in window functions",
        "put the condition inside, with ibis.ifelse(condition, value, None); aggregate, then join",
        (ops.WindowFunction,),
        conditions.is_filtered_or_distinct,
        word=Word.NOTYET,
    ),
    Rule(
        "zone-cast",
        "a cast does not convert between zones: it drops the zone, or takes the session's",
        _LOCAL_TIME,
        (ops.Cast,),
        conditions.drops_a_zone,
        word=Word.NOTYET,
    ),
    Rule(
        "bare-timestamp",
        "has milliseconds on Trino and microseconds on DuckDB",
        "cast to LOCAL or INSTANT of lakehouse.expressions",
        (ops.Cast,),
        conditions.is_bare,
        word=Word.NOTYET,
    ),
    Rule(
        "bare-timestamp",
        "has milliseconds on Trino and microseconds on DuckDB",
        "give the literal a scale, such as ibis.literal(text, LOCAL)",
        (ops.Literal,),
        conditions.loses_microseconds,
        word=Word.NOTYET,
    ),
    Rule(
        "text-cast",
        "engines read different texts: ' 1', '1.5' or '2024-03-15T08:05:00Z' fail on Trino",
        "parse text during ingestion",
        (ops.Cast,),
        conditions.reads_text,
        word=Word.NOTYET,
    ),
    Rule(
        "text-cast",
        "engines read different texts",
        "parse text during ingestion",
        (ops.StringToTimestamp, ops.StringToDate, ops.StringToTime),
        word=Word.NOTYET,
    ),
    Rule(
        "shown-as-text",
        "engines show different digits",
        "iso_text() of lakehouse.expressions for instants; keep numbers as numbers",
        (ops.Cast,),
        conditions.shows_as_text,
        word=Word.NOTYET,
    ),
    Rule(
        "halves",
        "DuckDB rounds halves to even numbers, Trino away from zero",
        "say which: .round(), .floor() or .ceil() before the cast",
        (ops.Cast,),
        conditions.rounds_halves,
    ),
    Rule(
        "float-equality",
        "floats that should be equal differ in their last digits",
        "compare whole numbers, or (a - b).abs() with a tolerance",
        (ops.Equals, ops.NotEquals, ops.IdenticalTo),
        conditions.of_floats,
    ),
    Rule(
        "float-equality",
        "floats that should be equal differ in their last digits, and make groups of their own",
        "group by whole numbers",
        (ops.Aggregate,),
        conditions.by_floats,
    ),
    Rule(
        "float-equality",
        "floats that should be equal differ in their last digits, and count twice",
        "count whole numbers",
        (ops.CountDistinct,),
        conditions.counts_floats,
    ),
    Rule(
        "nulls",
        "DuckDB leaves nulls out, Trino gives null for one of them",
        "least(), greatest() of lakehouse.expressions, or fill_null()",
        (ops.Greatest, ops.Least),
        conditions.has_nulls,
        word=Word.NOTYET,
    ),
    Rule(
        "modulo",
        "of nothing it is null on DuckDB and an error on Trino; of a negative number, negative",
        "take a constant, or divide by .nullif(0)",
        (ops.Modulus,),
        conditions.may_divide_by_zero,
    ),
    Rule(
        "floor-divide",
        "by nothing it is an error; beyond 2^53 it goes by the nearest float",
        "divide by a constant, or by .nullif(0)",
        (ops.FloorDivide,),
        conditions.may_divide_by_zero,
    ),
    Rule(
        "decimals",
        "is a float on DuckDB and a decimal of few digits on Trino",
        ".cast('float64') both sides",
        (ops.Divide,),
        conditions.divides_decimals,
        word=Word.NOTYET,
    ),
    Rule(
        "regex",
        "engines know different patterns",
        "use letters, classes, groups and plain quantifiers alone; or parse during ingestion",
        (ops.RegexSearch, ops.RegexSplit),
        conditions.is_no_plain_pattern,
        word=Word.NOTYET,
    ),
    Rule(
        "regex",
        "without a match it is '' on DuckDB and null on Trino",
        "re_search() first, or parse during ingestion",
        (ops.RegexExtract,),
        word=Word.NOTIMPL,
    ),
    Rule(
        "regex",
        r"groups are called \1 on DuckDB and $1 on Trino",
        "replace by text alone",
        (ops.RegexReplace,),
        conditions.refers_to_a_group,
        word=Word.NOTIMPL,
    ),
    Rule(
        "time-format",
        "engines know different formats",
        "use %Y %m %d %H %M %S %B %b %A %a %j %p alone",
        (ops.Strftime,),
        conditions.is_no_common_format,
    ),
    Rule(
        "now",
        "is another value each time, so that a rebuild gives other rows",
        "compare with the newest row of the table",
        (ops.TimestampNow, ops.DateNow),
    ),
    Rule(
        "random",
        "is another value each time, so that a rebuild gives other rows",
        "derive it from a key",
        (ops.RandomScalar, ops.RandomUUID),
    ),
    Rule(
        "asof-join",
        "Trino has no ASOF JOIN",
        "lag() over the rows of both, put together with ibis.union()",
        (ops.JoinChain,),
        conditions.is_asof,
        word=Word.NOTYET,
    ),
    Rule(
        "memtable",
        "rows in the code are sent to Trino one INSERT a row",
        "ibis.cases() for a few values, an ingestion for more",
        (ops.InMemoryTable,),
        word=Word.NOTYET,
    ),
)


def undefined(operation: type[ops.Node], dialects: Iterable[str]) -> Iterator[Rule]:
    """The engines that Ibis knows no translation of an operation for."""
    if not issubclass(operation, ops.Value) or operation is ops.Alias:
        return
    for dialect in dialects:
        compiler = getattr(compilers, dialect).compiler
        visit = getattr(compiler, f"visit_{operation.__name__}", None)
        lacking = (None, compiler.visit_Undefined, compiler.visit_Unsupported)
        if visit in lacking and operation not in compiler.extra_supported_ops:
            trap = f"{operation.__name__} is not defined for {dialect}"
            yield Rule("undefined", trap, _OTHER, word=Word.NOTYET)
