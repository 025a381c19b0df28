"""What the columns of every table have to be, on every engine and in Postgres.

A mistake here would show late: in a file that one engine cannot read, or in Postgres once main has
moved. Therefore it is an error of the project, told before anything runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lakehouse.declare.column_types import require_storable
from lakehouse.declare.copies import CopySpec, stored_columns
from lakehouse.declare.project_code import place_of
from lakehouse.declare.raw_columns import BOOKKEEPING, MARKS, declared, file_column
from lakehouse.declare.soft_delete import SoftDelete
from lakehouse.errors import ProjectError, choices

if TYPE_CHECKING:
    import ibis
    import ibis.expr.datatypes as dt

    from lakehouse.declare.specs import IngestionSpec, ModelSpec

FILE_PART = "_part"
"""Column by which rows are divided into files while they are written; it is not stored."""
_OWN = (*BOOKKEEPING, *MARKS, "_fields", "reasons")
"""Columns that raw tables, their quarantine or their validation have beside the declared ones."""
_OWN_PREFIX = "_lakehouse_"
_RENAME = "give it another name"
_NOT_WRITTEN = re.compile(r'["\x00-\x1f\x7f]')


@contextmanager
def told_of(table: str, declared: Callable[..., Any]) -> Iterator[None]:
    """Put a table, and the place where a function or class is declared, before a ProjectError."""
    try:
        yield
    except ProjectError as error:
        if error.place or error.__cause__ is not None:
            raise
        message, place = f"{table}: {error.message}", place_of(declared)
        raise ProjectError(message, hint=error.hint, place=place) from None


def require_columns_of_ingestion(spec: IngestionSpec) -> None:
    """Raise ProjectError for a declared column that no raw table can have."""
    columns = declared(spec)
    for name in columns:
        if name in _OWN or name in file_column(spec):
            raise ProjectError(f"{name!r} is a column that lakehouse adds itself", hint=_RENAME)
        kind = columns[name]
        if kind.is_timestamp() and kind.timezone not in (None, "UTC"):
            raise ProjectError(
                f"{name!r} is an instant of the zone {kind.timezone}",
                hint="declare 'UTC', since tables keep no zones; keep the zone as a column of text",
            )
    _require_columns(columns)
    if spec.time_column is not None and spec.time_column in columns:
        _require_time(spec.time_column, columns[spec.time_column])
    if spec.cursor is not None and spec.cursor in columns:
        _require_cursor(spec, columns[spec.cursor])
    if isinstance(spec.deletes, SoftDelete) and spec.deletes.column in columns:
        _require_mark(spec.deletes.column, columns[spec.deletes.column])


def require_columns_of_model(spec: ModelSpec, columns: ibis.Schema) -> None:
    """Raise ProjectError for a column that the table of a model cannot have."""
    _require_columns(columns)
    for name in spec.columns:
        if name not in columns:
            raise ProjectError(
                f"`columns` describes {name!r}, which is not among its columns",
                hint=choices("columns", name, columns),
            )
    if spec.time_column is not None and spec.time_column in columns:
        _require_time(spec.time_column, columns[spec.time_column])


def columns_of_copy(spec: CopySpec) -> ibis.Schema:
    """Return the columns of a copy as tables store them. Raises ProjectError, with the place."""
    columns = stored_columns(spec)
    try:
        _require_columns(columns)
    except ProjectError as error:
        message = f"{spec.table}: {error.message}"
        raise ProjectError(message, hint=error.hint, place=spec.place) from None
    return columns


def _require_columns(columns: ibis.Schema) -> None:
    by_lower_case: dict[str, str] = {}
    for name in columns:
        if not name or _NOT_WRITTEN.search(name):
            raise ProjectError(
                f"{name!r} cannot be the name of a column",
                hint='a name has no quotation marks (") and no control characters',
            )
        if name == FILE_PART or name.startswith(_OWN_PREFIX):
            raise ProjectError(f"{name!r} is a name that lakehouse uses itself", hint=_RENAME)
        namesake = by_lower_case.setdefault(name.lower(), name)
        if namesake != name:
            raise ProjectError(
                f"{namesake!r} and {name!r} differ in capital letters alone",
                hint="rename one: to DuckDB and Trino they are the same column",
            )
    require_storable(columns)


def _require_time(name: str, kind: dt.DataType) -> None:
    if not (kind.is_timestamp() or kind.is_date()):
        raise ProjectError(
            f"{name!r}, its `time_column`, is of type {kind}",
            hint="it has to be a date or a timestamp, such as"
            " `Annotated[dt.Timestamp, 'UTC', 6, True]`",
        )


def _require_cursor(spec: IngestionSpec, kind: dt.DataType) -> None:
    is_time = kind.is_timestamp() or kind.is_date()
    if not (is_time or kind.is_integer() or kind.is_string()):
        raise ProjectError(
            f"{spec.cursor!r}, its `cursor`, is of type {kind}, which has no order to go by",
            hint="a cursor is an instant, a date, a whole number or a text that sorts",
        )
    if not is_time and spec.time_column is None and spec.freshness_hours is not None:
        raise ProjectError(
            f"{spec.cursor!r}, its `cursor`, is of type {kind}, and `freshness_hours` goes by an"
            " instant",
            hint="name one as `time_column`, or leave `freshness_hours` out",
        )
    if not spec.lag:
        return
    if isinstance(spec.lag, int):
        fits, length = kind.is_integer(), "a number such as `lag=100` fits whole numbers"
    else:
        is_whole = not spec.lag % timedelta(days=1)
        fits = kind.is_timestamp() or (kind.is_date() and is_whole)
        length = "a length of time such as `lag='1h'` fits instants, whole days fit dates"
    if not fits:
        raise ProjectError(
            f"{spec.cursor!r}, its `cursor`, is of type {kind}, which the `lag` {spec.lag} does"
            " not fit",
            hint=f"{length}; a text has none",
        )


def _require_mark(name: str, kind: dt.DataType) -> None:
    if not (kind.is_boolean() or kind.is_timestamp() or kind.is_date()):
        raise ProjectError(
            f"{name!r}, by which `deletes` goes, is of type {kind}",
            hint="SoftDelete goes by a boolean, which is true for a deleted row, or by the instant"
            " of its deletion",
        )


def require_key(spec: ModelSpec, schema: ibis.Schema) -> None:
    """Raise ProjectError unless the key of a model is among its columns, of a type for keys."""
    for name in spec.key:
        if name not in schema:
            raise ProjectError(
                f"{spec.table}: {name!r} of its key is not among its columns",
                hint=choices("columns", name, schema),
                place=place_of(spec.function),
            )
        if not (schema[name].is_string() or schema[name].is_integer()):
            raise ProjectError(
                f"{spec.table}: {name!r} of its key is a {schema[name]}",
                hint="a key is text or a whole number; windows of time go by `time_column`",
                place=place_of(spec.function),
            )
