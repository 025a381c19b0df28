"""Manifests are Avro files; how to read and write one is worked out once, not for every file.

PyIceberg derives a tree of readers from the schema in each file's header, and one of writers from
the schema that it writes. There are two kinds of files, lists and manifests, and a commit opens six
of them: that was a quarter of a run's time. A newer PyIceberg has to be tried first.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from pyiceberg import manifest
from pyiceberg.avro import file as avro
from pyiceberg.avro.resolver import construct_writer, resolve_reader, resolve_writer
from pyiceberg.schema import Schema
from pyiceberg.types import IcebergType
from pyiceberg.utils.schema_conversion import AvroSchemaConversion

if TYPE_CHECKING:
    from pyiceberg.typedef import TableVersion
    from pyiceberg.types import StructType

_TOLD_BY = (Schema, IcebergType, str)
"""The arguments that tell what a function gives."""


class _Remembered:
    """A function of schemas that does nothing twice; a schema that is kept is the same object.

    PyIceberg gives its functions the same of everything else, and all of it in the same order.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._known: dict[tuple[int | str, ...], tuple[Any, list[Any]]] = {}

    def __call__(self, *given: Any, **named: Any) -> Any:
        told = [each for each in (*given, *named.values()) if isinstance(each, _TOLD_BY)]
        key = tuple(each if isinstance(each, str) else id(each) for each in told)
        if key not in self._known:
            self._known[key] = self._function(*given, **named), told
        return self._known[key][0]


_written = _Remembered(AvroSchemaConversion().iceberg_to_avro)


@cache
def _schema(text: str) -> Schema:
    return AvroSchemaConversion().avro_to_iceberg(json.loads(text))


def _schema_of(header: avro.AvroFileHeader) -> Schema:
    return _schema(header.meta["avro.schema"])


def _as_avro(_: AvroSchemaConversion, schema: Schema, schema_name: str | None = None) -> Any:
    return _written(schema, schema_name)


@cache
def _entry(version: TableVersion, partition: StructType) -> Schema:
    file = manifest.data_file_with_partition(partition, version)
    return manifest.manifest_entry_schema_with_data_file(version, file)


def _entry_of(writer: manifest.ManifestWriter, version: TableVersion) -> Schema:
    return _entry(version, writer._spec.partition_type(writer._schema))  # noqa: SLF001


def remember() -> None:
    """Let PyIceberg use what it derived before; calling it again does nothing."""
    if avro.AvroFileHeader.get_schema is _schema_of:
        return
    avro.AvroFileHeader.get_schema = _schema_of  # type: ignore[method-assign,assignment]
    avro.resolve_reader = _Remembered(resolve_reader)  # type: ignore[attr-defined]
    avro.resolve_writer = _Remembered(resolve_writer)  # type: ignore[attr-defined]
    avro.construct_writer = _Remembered(construct_writer)  # type: ignore[attr-defined]
    AvroSchemaConversion.iceberg_to_avro = _as_avro  # type: ignore[method-assign,assignment]
    manifest.ManifestWriter._with_partition = _entry_of  # type: ignore[method-assign,assignment] # noqa: SLF001
