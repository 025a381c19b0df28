"""Answers of Trino as Arrow tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lakehouse.declare.column_types import arrow_schema
from lakehouse.engines.trino_client import Answer

if TYPE_CHECKING:
    import ibis
    import pyarrow as pa


def as_arrow(answer: Answer, schema: ibis.Schema | None = None) -> pa.Table:
    """Return the rows of an answer; without a schema, of the types that they seem to have."""
    import pyarrow as pa

    columns = zip(*answer.rows, strict=True) if answer.rows else ((),) * len(answer.names)
    if schema is not None:
        types = arrow_schema(schema)
        fields = zip(columns, types, strict=True)
        arrays = [pa.array(values, field.type) for values, field in fields]
        return pa.table(arrays, schema=types)
    arrays = [_inferred(values, kind) for values, kind in zip(columns, answer.types, strict=True)]
    return pa.table(arrays, names=answer.names)


def _inferred(values: Sequence[Any], kind: str) -> pa.Array:
    """The values as Arrow, of the type that they seem to have; entries of a map do not tell."""
    import ibis
    import pyarrow as pa
    from ibis.backends.sql.datatypes import TrinoType

    if not kind.startswith("map("):
        return pa.array(values)
    columns = ibis.schema({"map": TrinoType.from_string(kind)})
    return pa.array(values, arrow_schema(columns).field(0).type)
