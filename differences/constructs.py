"""The constructs: one for each operation of Ibis, type of its arguments, and way to use it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from inspect import isabstract
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir

from differences.arguments import Arguments
from differences.odd_rows import GROUP, KEY, VALUES, table


class Use(StrEnum):
    """How a construct is used in a query."""

    ROW = "row"
    """As a column: a value for each row."""
    GROUP = "group"
    """As an aggregate of each group."""
    WINDOW = "window"
    """Over all rows of a group."""
    RUNNING = "running"
    """Over the rows of a group so far, in a total order."""
    ROWS = "rows"
    """As a column that makes several rows of one."""


@dataclass(frozen=True)
class Construct:
    """One operation with arguments."""

    name: str
    """The operation, its arguments and its use, such as `Sum(f64) window`."""
    use: Use
    value: ops.Value = field(repr=False)
    """The operation as a column, or as an aggregate."""
    subject: ops.Value = field(repr=False)
    """The operation itself, without what makes its result visible."""


_LEFT_OUT = (
    *("Alias", "Argument", "Field", "Literal", "ScalarParameter", "SortKey", "WindowBoundary"),
    *("WindowFunction", "RowID", "ArrayMap", "ArrayFilter", "ExistsSubquery", "InSubquery"),
    *("ScalarSubquery", "CountStar", "CountDistinctStar", "TimestampRange"),
)
"""Parts that are no constructs by themselves; `_more` has those that need a whole query."""


def constructs() -> list[Construct]:
    """Return all constructs, each name once."""
    found = {construct.name: construct for construct in _grown(table())}
    return list(found.values())


def operations() -> list[type[ops.Value]]:
    """Return the operations of Ibis on values: none on geometries, and no base of others."""
    members = dict.fromkeys(m for _, m in sorted(vars(ops).items()) if isinstance(m, type))
    values = [member for member in members if issubclass(member, ops.Value)]
    return [
        member
        for member in values
        if not isabstract(member)
        and not any(issubclass(other, member) for other in values if other is not member)
        and not member.__name__.startswith("Geo")
        and member.__name__ not in _LEFT_OUT
        and not member.__name__.endswith("UDF")
    ]


def _grown(odd: ir.Table) -> Iterator[Construct]:
    arguments = Arguments(odd)
    for operation in operations():
        for chosen in _choices(operation, arguments):
            try:
                value = operation(*chosen)
                value.dtype, value.shape  # noqa: B018 - some raise errors only when asked
            except Exception:  # noqa: BLE001 - arguments that do not go together
                continue
            yield from _used(odd, value, _title(value))
    yield from _literals()
    yield from _orders(odd)
    yield from _more(odd)


def _choices(operation: type[ops.Value], arguments: Arguments) -> Iterator[tuple[Any, ...]]:
    """Yield arguments: each value that fits a parameter, with the first that fit the others."""
    if not operation.__signature__.parameters:
        yield ()
        return
    for first in arguments.first(operation):
        others = arguments.others(operation, first)
        if not all(others):
            continue
        plain = [_partner(first, values) for values in others]
        yield (first, *plain)
        for number, values in enumerate(others):
            for value in values:
                yield (first, *plain[:number], value, *plain[number + 1 :])


def _partner(first: Any, values: Sequence[Any]) -> Any:
    """Return the value of the type of the first argument, or the first value."""
    kind = getattr(first, "dtype", None)
    return next(
        (value for value in values if kind is not None and getattr(value, "dtype", 0) == kind),
        values[0],
    )


def _used(odd: ir.Table, value: ops.Value, title: str) -> Iterator[Construct]:
    """Yield the ways to use an operation."""
    if isinstance(value, ops.Reduction):
        yield Construct(f"{title} group", Use.GROUP, _seen(value), value)
    if isinstance(value, ops.Reduction | ops.Analytic):
        key, group = odd[KEY].op(), odd[GROUP].op()
        order = (ops.SortKey(key),)
        ways: dict[Use, dict[str, Any]] = {Use.RUNNING: {"order_by": order}}
        if isinstance(value, ops.Reduction) and getattr(value, "where", None) is not None:
            ways = {Use.WINDOW: {}}
        elif isinstance(value, ops.Reduction):
            end = ops.WindowBoundary(ibis.literal(0), preceding=False)
            ways = {Use.WINDOW: {}, Use.RUNNING: {"order_by": order, "end": end, "how": "rows"}}
        for use, window in ways.items():
            over = ops.WindowFunction(value, group_by=(group,), **window)
            yield Construct(f"{title} {use}", use, _seen(over), over)
    else:
        yield Construct(title, _row_or_rows(value), _seen(value), value)


def _row_or_rows(value: ops.Value) -> Use:
    """Return whether a row becomes as many as an array has elements."""
    return Use.ROWS if value.find(ops.Unnest, filter=ops.Value) else Use.ROW


def _seen(value: ops.Value) -> ops.Value:
    """Return a value of a type that engines return as it is: an interval is added to a moment."""
    if value.dtype.is_interval():
        start = ibis.literal("2024-02-28 12:00:00", dt.Timestamp(scale=6)).op()
        return ops.TimestampAdd(start, value)
    return value


def _literals() -> Iterator[Construct]:
    for name, (kind, values) in VALUES.items():
        for value in values:
            literal = ibis.literal(value, kind).op()
            yield Construct(f"Literal({name} {value!r})", Use.ROW, literal, literal)


def _orders(odd: ir.Table) -> Iterator[Construct]:
    """Yield the order of each type, where nulls come first and where last."""
    for name in VALUES:
        for ascending in (True, False):
            for nulls_first in (True, False):
                key = ops.SortKey(odd[name].op(), ascending=ascending, nulls_first=nulls_first)
                over = ops.WindowFunction(ops.MinRank(), order_by=(key,))
                title = f"SortKey({name}, {ascending}, {nulls_first})"
                yield Construct(title, Use.RUNNING, over, over)


def _more(odd: ir.Table) -> Iterator[Construct]:
    """Yield operations that take a function or a query."""
    made: dict[str, ir.Value] = {
        "ArrayMap(ints)": odd["ints"].map(lambda x: x.isnull()),
        "ArrayMap(texts)": odd["texts"].map(lambda x: x.upper()),
        "ArrayMap(floats)": odd["floats"].map(lambda x: x * 2),
        "ArrayFilter(ints)": odd["ints"].filter(lambda x: x > 1),
        "ArrayFilter(texts)": odd["texts"].filter(lambda x: x != "a"),
        "ArrayFilter(floats)": odd["floats"].filter(lambda x: x > 0),
        "Unnest(structs)": ibis.array([ibis.struct({"a": odd["few"], "b": odd["text"]})]).unnest()[
            "b"
        ],
        "TimestampRange": ibis.range(
            ibis.timestamp("2024-02-28"), ibis.timestamp("2024-03-02"), ibis.interval(hours=7)
        ),
        "InSubquery(few)": odd["few"].isin(odd.filter(odd["few"] > 1)["few"]),
        "NotInSubquery(text)": odd["text"].notin(odd.filter(odd["text"] > "a")["text"]),
        "ScalarSubquery(few)": odd["few"] > odd["few"].mean().as_scalar(),
    }
    for title, value in made.items():
        operation = value.op()
        yield Construct(title, _row_or_rows(operation), operation, operation)


def _title(value: ops.Value) -> str:
    return f"{type(value).__name__}({', '.join(map(_short, value.__args__))})"


def _short(argument: Any) -> str:
    """Return an argument as the name of a construct shows it."""
    if isinstance(argument, ops.Field):
        return str(argument.name).removesuffix("_b").removesuffix("_c")
    if isinstance(argument, ops.Literal):
        kind = f" {argument.dtype.unit}" if argument.dtype.is_interval() else ""
        return f"{argument.value!r}{kind}"
    if isinstance(argument, tuple):
        return f"({', '.join(map(_short, argument))})"
    if isinstance(argument, ops.Value):
        return _title(argument)
    return str(getattr(argument, "name", argument))
