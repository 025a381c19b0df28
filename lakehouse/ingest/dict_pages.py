"""Dicts as pages: Arrow tables of the declared columns, and each dict as it was given, as JSON.

A column has the type that its declared one is best read from, or else is text, whatever else of
its values differs: `exact_casts` takes a text for what the value is. So it makes no difference to
a row with which others it shares a page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lakehouse.compile.quarantine_reasons import KEPT_FIELDS, PAYLOAD
from lakehouse.declare.column_types import arrow_schema, stored
from lakehouse.declare.raw_columns import declared
from lakehouse.errors import ProjectError
from lakehouse.ingest.column_names import renamed
from lakehouse.ingest.nested_values import MisfitError, as_duckdb_writes, fitting
from lakehouse.ingest.python_values import (
    UnheldValueError,
    document,
    number_text,
    plain_value,
    text,
)

if TYPE_CHECKING:
    import ibis.expr.datatypes as dt
    import pyarrow as pa

    from lakehouse.declare.specs import IngestionSpec

ROWS = 5_000
"""Rows of a page, at most."""


@dataclass
class DictPages:
    """Collects dicts, and makes pages of them."""

    spec: IngestionSpec
    _rows: list[Mapping[Any, Any]] = field(default_factory=list)

    @cached_property
    def _columns(self) -> dict[str, _Column]:
        return {name: _Column(kind) for name, kind in declared(self.spec).items()}

    @cached_property
    def _not_numbers(self) -> list[str]:
        return [name for name, column in self._columns.items() if not column.kind.is_numeric()]

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: Mapping[Any, Any]) -> None:
        """Add a row to the page that is collected."""
        self._rows.append(row)

    def page(self) -> pa.Table:
        """Return the rows that were collected, and begin anew.

        Raises ProjectError, which names the table and the field, for a value of a type that no file
        keeps, and for names of fields that are no text, or become one by the `naming`.
        """
        import pyarrow as pa

        given, self._rows = self._rows, []
        rows = [self._renamed(row) for row in given] if self.spec.naming else given
        rows = [*map(self._without_nan, rows)]
        arrays = {}
        documents = self._documents(rows)
        for name, column in self._columns.items():
            values = [row.get(name) for row in rows]
            if name == PAYLOAD:
                whole = self._documents(given) if self.spec.naming else documents
                own = zip(values, whole, strict=True)
                values = [value if isinstance(value, str) else row for value, row in own]
            arrays[name] = self._told(name, column.array, values)
        return pa.table({**arrays, KEPT_FIELDS: pa.array(documents, pa.string())})

    def _documents(self, rows: Sequence[Mapping[Any, Any]]) -> list[str]:
        for name in {name for row in rows for name in row}:
            if not isinstance(name, str):
                raise self._error(
                    f"a dict with the field {name!r}, whose name is no text",
                    "name each field by a text",
                )
        try:
            return [document(row) for row in rows]
        except UnheldValueError:
            for row in rows:  # the same again, to name the field
                for name, value in row.items():
                    self._told(name, document, value)
            raise

    def _without_nan(self, row: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """Return a row without NaN, by which pandas says that a text or an instant is missing."""
        missing = {name: None for name in self._not_numbers if _is_nan(row.get(name))}
        return {**row, **missing} if missing else row

    def _renamed(self, row: Mapping[Any, Any]) -> Mapping[Any, Any]:
        return dict(zip(renamed([*row], self.spec), row.values(), strict=True))

    def _told(self, name: str, function: Callable[[Any], Any], value: Any) -> Any:
        """Return what the function makes of a value or values; its error names the field."""
        try:
            return function(value)
        except UnheldValueError as error:
            raise self._error(
                f"{name!r} as {error}, which no file keeps",
                "give numbers, text or instants instead, such as a number of seconds",
            ) from None

    def _error(self, what: str, hint: str) -> ProjectError:
        return ProjectError(f"{self.spec.table} yielded {what}", hint=hint)


@dataclass
class _Column:
    """Makes Arrow arrays of a declared column, of values of any types."""

    kind: dt.DataType
    is_text: bool = False
    """Whether a page had a value of another type: pages of few shapes are read faster."""

    def __post_init__(self) -> None:
        self.type = _staged(self.kind)
        self.types = _types(self.kind)
        self.fit = fitting(self.kind) if self.kind.is_nested() else None
        is_instant = self.kind.is_timestamp()
        self._lacks_zone = not self.kind.timezone if is_instant else self.kind.is_time()

    def array(self, values: list[Any]) -> pa.Array:
        import pyarrow as pa

        if not self.is_text:
            try:
                return pa.array(self._own(values), self.type)
            except (MisfitError, OverflowError, pa.ArrowException, UnicodeEncodeError):
                self.is_text = True
        texts = [*map(self._text, values)]
        try:
            return pa.array(texts, pa.string())
        except UnicodeEncodeError:  # bytes that are no text: nor will they be read as one
            encoded = (each and each.encode(errors="surrogateescape") for each in texts)
            return pa.array(encoded, pa.binary())

    def _own(self, values: list[Any]) -> list[Any]:
        """Return the values as Arrow takes them for the column's own type; or raise MisfitError."""
        if self.fit is not None:
            return [*map(self.fit, values)]
        types = {*map(type, values)} - {type(None)}
        if not types <= self.types or (self._lacks_zone and any(map(_has_zone, values))):
            raise MisfitError
        if types == {datetime} and not self._lacks_zone:
            return [*map(_in_utc, values)]  # Arrow would take the clock of the other zone
        return values

    def _text(self, value: Any) -> str | None:
        value = plain_value(value)
        if value is None:
            return None
        if self.fit is not None:
            return self._nested_text(value)
        if self.kind.is_json():
            return text(value) if isinstance(value, str) else document(value)
        if self.kind.is_string() and isinstance(value, bytes):
            return value.decode(errors="surrogateescape")
        if self.kind.is_binary() and not isinstance(value, bytes | str):
            return f"\\{text(value)}"  # which is read as no bytes, as `1` would be
        return number_text(value) if self.kind.is_numeric() else text(value)

    def _nested_text(self, value: Any) -> str:
        assert self.fit is not None
        if isinstance(value, str):
            return text(value)  # a document that is written already
        try:
            return document(as_duckdb_writes(self.fit(value)))
        except MisfitError:
            return document(value)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _has_zone(value: datetime | time | None) -> bool:
    return value is not None and value.tzinfo is not None


def _in_utc(value: datetime | None) -> datetime | None:
    return value if value is None or value.tzinfo is None else value.astimezone(UTC)


def _types(kind: dt.DataType) -> frozenset[type]:
    """Return the types of Python's values that Arrow takes for a declared type as they are."""
    by_type: list[tuple[bool, tuple[type, ...]]] = [
        (kind.is_integer(), (int,)),
        (kind.is_float64(), (float, int)),
        (kind.is_boolean(), (bool,)),
        (kind.is_binary(), (bytes,)),
        (kind.is_date(), (date,)),
        (kind.is_time(), (time,)),
        (kind.is_timestamp(), (datetime,)),
    ]
    return frozenset(next((types for is_it, types in by_type if is_it), (str,)))


def _staged(kind: dt.DataType) -> pa.DataType:
    """Return the Arrow type of values that are of a declared type."""
    import ibis
    import pyarrow as pa

    if kind.is_integer():
        return pa.int64()
    if kind.is_float64() or kind.is_boolean() or kind.is_binary() or kind.is_temporal():
        kind = stored(kind)
    elif not kind.is_nested():
        return pa.string()
    return arrow_schema(ibis.schema({"column": stored(kind)})).field(0).type
