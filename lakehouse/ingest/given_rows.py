"""Whatever an ingestion gives back, as Arrow tables of bounded size.

Tables, batches and readers of Arrow, data frames, dicts, resources of dlt, and lists and generators
of any of these; an ingestion may yield them or return them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lakehouse.declare.unread import Unread
from lakehouse.errors import ProjectError
from lakehouse.ingest import dlt_rows
from lakehouse.ingest.column_names import renamed
from lakehouse.ingest.dict_pages import ROWS, DictPages

if TYPE_CHECKING:
    import pyarrow as pa

    from lakehouse.declare.specs import IngestionSpec

_KINDS = (
    "tables of pyarrow, data frames, dicts, resources of dlt, or lists of these,"
    " and Unread for a key that it cannot read"
)
_UNNAMED_INDEX = re.compile(r"__index_level_\d+__")
"""Columns that pandas makes of an index without a name."""


def pages(given: Any, spec: IngestionSpec) -> Iterator[pa.Table | Unread]:
    """Yield what an ingestion gave back as tables, in order; dicts are collected to pages.

    Raises ProjectError, which names the table, for what holds no rows.
    """
    if given is None:
        raise ProjectError(
            f"{spec.table} gave back None",
            hint=f"`yield` or `return` rows: {_KINDS}; without new rows, an empty list",
        )
    rows = DictPages(spec)
    for part in _parts(given, spec):
        if isinstance(part, Mapping):
            rows.add(part)
            if len(rows) == ROWS:
                yield rows.page()
            continue
        if len(rows):
            yield rows.page()
        yield part if isinstance(part, Unread) else _named(part, spec)
    if len(rows):
        yield rows.page()


def _parts(given: Any, spec: IngestionSpec) -> Iterator[Any]:
    """Yield tables, Unread and mappings; an empty table for what is empty."""
    import pyarrow as pa

    if isinstance(given, Unread | Mapping | pa.Table):
        yield given
    elif dlt_rows.is_of_dlt(given):
        yield pa.table({})  # an answer, even if it is empty
        yield from _inner(dlt_rows.items([given], spec), spec)
    elif isinstance(given, pa.RecordBatchReader):
        yield from _tables(given)
    elif hasattr(given, "__arrow_c_stream__") or hasattr(given, "__arrow_c_array__"):
        yield from _of_frame(given, spec)
    elif hasattr(given, "model_dump"):  # a document of pydantic
        yield given.model_dump()
    elif isinstance(given, list | tuple) and given and all(map(dlt_rows.is_of_dlt, given)):
        yield pa.table({})
        yield from _inner(dlt_rows.items(given, spec), spec)
    elif isinstance(given, Iterable) and not isinstance(given, str | bytes | bytearray):
        yield from _inner(given, spec)
    else:
        raise _no_rows(given, spec)


def _inner(several: Iterable[Any], spec: IngestionSpec) -> Iterator[Any]:
    import pyarrow as pa

    is_empty = True
    for each in several:
        is_empty = False
        if type(each) is dict:
            yield each
        else:
            yield from _parts(each, spec)
    if is_empty and not isinstance(several, Iterator):
        yield pa.table({})


def _of_frame(frame: Any, spec: IngestionSpec) -> Iterator[pa.Table]:
    """Yield tables of what has Arrow's PyCapsule interface, such as a frame of pandas or polars."""
    import pyarrow as pa

    try:
        if hasattr(frame, "__arrow_c_stream__"):
            reader = pa.RecordBatchReader.from_stream(frame)
        else:
            batch = pa.record_batch(frame)
            reader = pa.RecordBatchReader.from_batches(batch.schema, [batch])
    except (pa.ArrowException, TypeError, ValueError):
        if not hasattr(frame, "to_dict"):
            raise _no_rows(frame, spec) from None
        yield from _of_mixed(frame, spec)
        return
    yield from map(_without_index, _tables(reader))


def _of_mixed(frame: Any, spec: IngestionSpec) -> Iterator[Any]:
    """Yield the rows of a frame of pandas that has values of several types in one column."""
    try:
        whole = frame.astype(object)
        rows = whole.where(frame.notna(), None).to_dict("records")
    except (TypeError, ValueError, AttributeError):
        raise _no_rows(frame, spec) from None
    yield from rows


def _tables(reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
    import pyarrow as pa

    is_empty = True
    for batch in reader:
        is_empty = False
        yield pa.Table.from_batches([batch])
    if is_empty:
        yield reader.schema.empty_table()


def _without_index(table: pa.Table) -> pa.Table:
    index = [name for name in table.column_names if _UNNAMED_INDEX.fullmatch(name)]
    return table.drop_columns(index) if index else table


def _named(table: pa.Table, spec: IngestionSpec) -> pa.Table:
    return table.rename_columns(renamed(table.column_names, spec)) if spec.naming else table


def _no_rows(given: Any, spec: IngestionSpec) -> ProjectError:
    return ProjectError(
        f"{spec.table} yielded {type(given).__name__}, which holds no rows",
        hint=f"an ingestion yields or returns {_KINDS}",
    )
