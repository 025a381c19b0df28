"""Arguments for the operations of Ibis, found by the patterns of their parameters."""

from __future__ import annotations

import enum
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.common.patterns import NoMatch

from differences.odd_rows import KEY, SUFFIXES, VALUES

_WORDS: Mapping[str, Sequence[Any]] = {
    "pattern": ("a", "^[0-9]+$", "(b)(c)?", r"\d+|x", "%b_", "", r"(?i)ABC", "ä."),
    "replacement": ("", "x", r"<\1>"),
    "format_str": (*("%Y-%m-%d %H:%M:%S", "%B %b %A %a %j %p", "%y %e %I", "%f", "%G-%V", "%%"),),
    "sep": (",", ""),
    "delimiter": (",", "", "b"),
    "pad": ("*", "ab", ""),
    "from_str": ("ab", "äa"),
    "to_str": ("xy", "x"),
    "escape": (None, "^"),
    "part": ("year", "month", "day", "hour", "minute", "second"),
    "how": ("sample", "pop", "md5", "sha256"),
    "digits": (0, 1, 2, -1),
    "quantile": (0.5, 0.9, (0.25, 0.75)),
    "from_base": (10, 16),
    "to_base": (2, 16),
    "buckets": (3, (0, 1, 100)),
    "name": ("made",),
    "field": ("x", "y"),
    "names": (("x", "y"),),
    "nth": (0, 1, 2),
    "offset": (None, 1, 2, 0),
    "lower_bound": ("00:00", "02:30"),
    "upper_bound": ("12:00", "02:00"),
    "month": (2, 13),
    "key": ("a", "abc"),
}
"""Plain values for the parameters of a name, beside the columns that fit."""

TYPES = tuple(
    dict.fromkeys(
        [
            *(kind for kind, _ in VALUES.values()),
            *(dt.int8, dt.int16, dt.uint32, dt.float32, dt.Decimal(9, 2), dt.Decimal(38, 9)),
            *(dt.Timestamp(), dt.Timestamp(scale=3), dt.json, dt.uuid, dt.Array(dt.string)),
        ]
    )
)
"""What is cast to."""
_UNITS_OF_INTERVALS = ("M", "W", "D", "h", "s", "us")
_ALSO_COLUMNS = ("pattern", "key", "lower_bound", "upper_bound", "digits", "sep")
"""Parameters with plain values that are tried with columns, too."""
_SMALL = ("length", "times", "nchars", "start", "stop", "step", "end", "index")
"""Parameters that take small whole numbers alone: large ones would fill the memory."""
_WORDS_FIRST = ("part", "buckets", "names")
"""Parameters with plain values also where they come first."""
_OF: Mapping[type[ops.Node], tuple[str, ...]] = {
    ops.TimestampFromUNIX: ("few", "i64", "f64"),
    ops.Date: ("local", "at", "text"),
    ops.Time: ("local", "at"),
}
"""The first arguments of operations that take less than their signatures say."""
_MOST = 16
"""Values of a parameter that are tried beside one first argument, at most."""
_NESTED_ENOUGH = ("ints", "record")
"""Columns of nested types with which aggregates are tried."""


class Arguments:
    """The arguments that parameters take, over the columns of a table."""

    def __init__(self, table: ir.Table) -> None:
        self._table = table
        self._intervals = [ibis.interval(2, unit=unit).op() for unit in _UNITS_OF_INTERVALS]

    def first(self, operation: type[ops.Node]) -> list[Any]:
        """Return what the first parameter takes."""
        found = self._fitting(operation, 0)
        if issubclass(operation, ops.Reduction | ops.Analytic):
            found = [value for value in found if not _is_nested(value)]
            found += [
                value
                for value in map(self._column, _NESTED_ENOUGH)
                if _holds(self._fitting(operation, 0), value)
            ]
        if operation in _OF:
            found = [self._column(name) for name in _OF[operation]]
        return found

    def others(self, operation: type[ops.Node], first: Any) -> list[list[Any]]:
        """Return what each parameter but the first takes beside a first argument."""
        return [
            [
                value
                for value in self._fitting(operation, number)
                if _goes_with(operation, first, value)
            ][:_MOST]
            for number in range(1, len(operation.__signature__.parameters))
        ]

    def _column(self, name: str) -> ops.Value:
        return self._table[name].op()

    def _fitting(self, operation: type[ops.Node], number: int) -> list[Any]:
        """Return what the parameter `number` of an operation takes by its pattern."""
        name, parameter = list(operation.__signature__.parameters.items())[number]
        fitting: list[Any] = []
        for value in self._candidates(name, parameter.annotation, number):
            if not _holds(fitting, value) and _fits(parameter.annotation, value):
                fitting.append(value)
        return fitting

    def _candidates(self, name: str, annotation: Any, number: int) -> Iterator[Any]:
        hint = getattr(annotation, "typehint", None)
        if name in _WORDS and (number or name in _WORDS_FIRST):
            yield from _WORDS[name]
            if name not in _ALSO_COLUMNS:
                return
        if name in self._named:
            yield from self._named[name]
        elif name in _SMALL:
            yield from (None, self._column("few_b" if number else "few"), 1)
        elif (listed := _listed(hint)) is not None:
            yield from listed
        elif "tuple[" in str(hint):
            yield from (self._columns(column) for column in VALUES)
        else:
            yield from self._values(number, str(hint))

    @cached_property
    def _named(self) -> dict[str, list[Any]]:
        """What parameters of some names take, whatever their types."""
        return {
            "cases": [self._columns(name)[1:] for name in ("flag", "text", "few")],
            "results": [self._columns("text")[:2], (self._column("i64"), self._column("dec"))],
            "default": [None, *(self._column(f"{name}_c") for name in VALUES)],
            "order_by": [(), (ops.SortKey(self._column(KEY)),)],
            "where": [None, self._column("flag_b")],
        }

    def _columns(self, name: str) -> tuple[ops.Value, ...]:
        """Return all columns with the values of a name."""
        return tuple(self._column(name + suffix) for suffix in SUFFIXES)

    def _values(self, number: int, hint: str) -> Iterator[Any]:
        """Yield columns, those of small numbers first for all but the first parameter."""
        if "Optional" in hint:
            yield None
        suffix = SUFFIXES[min(number, 2)]
        names = list(VALUES) if number == 0 else ["few", *(n for n in VALUES if n != "few")]
        yield from (self._column(name + suffix) for name in names)
        if "Interval" in hint and "Integer" not in hint:
            yield from self._intervals
        if "JSON" in hint:
            yield ops.Cast(self._column("text"), dt.json)


def _listed(hint: Any) -> Iterable[Any] | None:
    """Return all values of a type that has few; None for any other type."""
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint
    if typing.get_origin(hint) is typing.Literal:
        return typing.get_args(hint)
    if hint is dt.DataType:
        return TYPES
    return (True, False) if hint is bool else None


def _goes_with(operation: type[ops.Node], first: Any, value: Any) -> bool:
    """Return whether a value is worth to be tried beside a first argument."""
    if isinstance(value, dt.DataType):
        return _is_castable(first.dtype, value)
    if isinstance(value, tuple) and isinstance(first, ops.Value):
        return all(getattr(item, "dtype", first.dtype) == first.dtype for item in value)
    if not (isinstance(value, ops.Field) and isinstance(first, ops.Value)):
        return True
    if value.name.startswith("nan") and not first.name.startswith(("nan", "few")):
        return False
    return value.dtype in _inside(first.dtype) or _is_related(operation, first.dtype, value)


def _inside(kind: dt.DataType) -> list[Any]:
    """Return a type, and those of the values and keys that it holds."""
    return [kind, getattr(kind, "value_type", None), getattr(kind, "key_type", None)]


def _is_related(operation: type[ops.Node], first: dt.DataType, value: ops.Field) -> bool:
    """Return whether an operation may take two different types."""
    kind = value.dtype
    if kind.is_nested() or first.is_nested():
        return bool(first.is_nested() and value.name == "few_b" and not first.is_array())
    if issubclass(operation, ops.Comparison):
        return bool(kind.is_numeric() == first.is_numeric())
    if issubclass(operation, ops.Reduction):
        return value.name in ("few_b", "flag_b")
    return not issubclass(operation, ops.Analytic)


def _is_castable(before: dt.DataType, after: dt.DataType) -> bool:
    if before.is_nested() or after.is_nested():
        return type(before) is type(after) or after.is_string()
    return True


def _is_nested(value: Any) -> bool:
    return isinstance(value, ops.Value) and value.dtype.is_nested()


def _fits(annotation: Any, value: Any) -> bool:
    """Return whether a parameter takes a value as it is, or makes a literal of it."""
    try:
        matched = annotation.pattern.match(value, {})
    except Exception:  # noqa: BLE001 - patterns call constructors, which raise errors of all kinds
        return False
    return matched is not NoMatch


def _holds(values: Sequence[Any], value: Any) -> bool:
    return any(type(other) is type(value) and other == value for other in values)
