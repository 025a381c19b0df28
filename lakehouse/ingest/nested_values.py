"""Values of Python as a declared nested type: arrays, structs and maps of what JSON and SQL hold.

A value fits if it is held as it is: a whole number as a double, and an instant written as ISO 8601.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeAlias

from lakehouse.ingest.python_values import blob_text, plain_value, text

if TYPE_CHECKING:
    import ibis.expr.datatypes as dt

_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CLOCK = re.compile(r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?", re.ASCII)


class MisfitError(ValueError):
    """A value is not of the type that it should have."""


class _Entries(list[tuple[Any, Any]]):
    """The entries of a map, as Arrow takes them."""


Fit: TypeAlias = Callable[[Any], Any]


def fitting(kind: dt.DataType) -> Fit:
    """Return a function that gives a value of Python as Arrow takes it for the stored type.

    The function raises MisfitError for a value that would change.
    """
    inner = _fitting_nested(kind) if kind.is_nested() else _fitting_one(kind)

    def fit(value: Any) -> Any:
        value = plain_value(value)
        return None if value is None else inner(value)

    return fit


def as_duckdb_writes(value: Any) -> Any:
    """Return a value that fits as JSON of DuckDB has it: instants in UTC with a blank, not a T."""
    if isinstance(value, dict):
        return {name: as_duckdb_writes(each) for name, each in value.items()}
    if isinstance(value, list):
        is_map = isinstance(value, _Entries)
        return as_duckdb_writes(dict(value)) if is_map else [*map(as_duckdb_writes, value)]
    if isinstance(value, bytes):
        return blob_text(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date | time):
        return _clock_of_duckdb(value)
    return value


def _clock_of_duckdb(value: date | time) -> str:
    if not isinstance(value, datetime):
        return str(value)
    written = str(value.replace(tzinfo=None))
    written = written.rstrip("0") if value.microsecond else written
    return written if value.tzinfo is None else f"{written}+00"


def _fitting_nested(kind: dt.DataType) -> Fit:
    if kind.is_array():
        item = fitting(kind.value_type)
        return lambda value: [item(each) for each in _require(value, list)]
    if kind.is_map():
        key, entry = fitting(kind.key_type), fitting(kind.value_type)
        return lambda value: _Entries(
            (key(name), entry(each)) for name, each in _require(value, dict).items()
        )
    fields = {name: fitting(inner) for name, inner in kind.fields.items()}

    def struct(value: Any) -> dict[str, Any]:
        if not _require(value, dict).keys() <= fields.keys():
            raise MisfitError
        return {name: fit(value.get(name)) for name, fit in fields.items()}

    return struct


def _require(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise MisfitError
    return value


def _fitting_one(kind: dt.DataType) -> Fit:
    if kind.is_integer():
        bounds = kind.bounds
        return lambda value: _whole(value, bounds)
    if kind.is_decimal():
        return lambda value: _decimal(value, kind.precision, kind.scale)
    if kind.is_timestamp():
        return lambda value: _instant(value, has_zone=bool(kind.timezone))
    by_type: list[tuple[bool, Fit]] = [
        (kind.is_float64(), _double),
        (kind.is_floating(), _misfit),  # single precision: only text says which digits are meant
        (kind.is_boolean(), lambda value: _require(value, bool)),
        (kind.is_binary(), lambda value: _require(value, bytes)),
        (kind.is_date(), _day),
        (kind.is_time(), _clock),
    ]
    return next((fit for is_it, fit in by_type if is_it), text)


def _misfit(_: Any) -> Any:
    raise MisfitError


def _whole(value: Any, bounds: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not bounds.lower <= value <= bounds.upper:
        raise MisfitError
    return value


def _double(value: Any) -> float:
    if type(value) is int and abs(value) <= 1 << 53:
        return float(value)
    if type(value) is not float or value != value:  # noqa: PLR0124 - NaN
        raise MisfitError
    return value


def _decimal(value: Any, precision: int, scale: int) -> Decimal:
    if type(value) not in (int, float, Decimal):
        raise MisfitError
    exact = Context(prec=precision, traps=[Inexact, InvalidOperation])
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        return number.quantize(Decimal(1).scaleb(-scale), context=exact)
    except (Inexact, InvalidOperation):
        raise MisfitError from None


def _instant(value: Any, *, has_zone: bool) -> datetime:
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        value = _parsed(datetime, value)
    if not isinstance(value, datetime) or (value.tzinfo is not None and not has_zone):
        raise MisfitError
    if not has_zone:
        return value
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise MisfitError from None


def _day(value: Any) -> date:
    if isinstance(value, str) and _DAY.fullmatch(value):
        value = _parsed(date, value)
    if type(value) is not date:
        raise MisfitError
    return value


def _clock(value: Any) -> time:
    if isinstance(value, str) and _CLOCK.fullmatch(value):
        value = _parsed(time, value)
    if not isinstance(value, time) or value.tzinfo is not None:
        raise MisfitError
    return value


def _parsed(kind: Any, written: str) -> Any:
    try:
        return kind.fromisoformat(written)
    except ValueError:
        raise MisfitError from None
