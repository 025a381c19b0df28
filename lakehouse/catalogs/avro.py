"""Manifests are Avro files; how to read one is worked out once, not for every file.

PyIceberg derives a tree of readers from the schema in each file's header. There are two kinds of
files, lists and manifests, and a commit opens six of them: that was a quarter of a run's time.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from pyiceberg.avro import file as avro
from pyiceberg.avro.resolver import resolve_reader
from pyiceberg.utils.schema_conversion import AvroSchemaConversion

if TYPE_CHECKING:
    from pyiceberg.schema import Schema


@cache
def _schema(text: str) -> Schema:
    return AvroSchemaConversion().avro_to_iceberg(json.loads(text))


def _schema_of(header: avro.AvroFileHeader) -> Schema:
    return _schema(header.meta["avro.schema"])


class _Readers:
    """The readers by the schemas they go between; a schema that is kept is the same object."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[Any, Schema, Schema]] = {}

    def __call__(self, file_schema: Schema, read_schema: Schema, *types: Any) -> Any:
        key = id(file_schema), id(read_schema)
        if key not in self._known:
            reader = resolve_reader(file_schema, read_schema, *types)
            self._known[key] = reader, file_schema, read_schema
        return self._known[key][0]


def remember_readers() -> None:
    """Let PyIceberg use what it derived before; calling it again does nothing."""
    if avro.AvroFileHeader.get_schema is not _schema_of:
        avro.AvroFileHeader.get_schema = _schema_of  # type: ignore[method-assign,assignment]
        avro.resolve_reader = _Readers()  # type: ignore[attr-defined,assignment]
