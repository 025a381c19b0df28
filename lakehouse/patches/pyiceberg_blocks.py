"""Avro files that may be damaged, read without PyIceberg.

PyIceberg reads Avro in C, which believes every length in a file: one that is too large ends the
process, as may DuckDB's reader. What is here is slow, and enough for lists of manifests, which say
which files a table consists of, and to see whether each block of a file ends where it should.

Gain: none in time. Without it one damaged byte ends every command. Seen with PyIceberg 0.12.0.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

_MAGIC = b"Obj\x01"
_MARKER = 16
"""The bytes that end the header and each block of a file, the same in all of it."""
_RAW = -15
"""Tells zlib that nothing comes before what is compressed."""
_UNPACKED: Mapping[str, Callable[[bytes], bytes]] = {
    "null": bytes,
    "deflate": lambda block: zlib.decompress(block, _RAW),
}


def records(raw: bytes) -> list[dict[str, Any]]:
    """The records of a file. Raises an error of any kind if it is damaged, or packed otherwise."""
    about, blocks = blocks_of(raw)
    schema, unpack = _schema(about["avro.schema"]), _UNPACKED[about["avro.codec"]]
    readers = [(count, _Bytes(unpack(block))) for count, block in blocks]
    return [_value(schema, reader) for count, reader in readers for _ in range(count)]


@cache
def _schema(text: str) -> Any:
    return json.loads(text)


def blocks_of(raw: bytes) -> tuple[dict[str, str], list[tuple[int, bytes]]]:
    """What a file says of itself, and its blocks with the number of records in each.

    Raises ValueError unless each block ends where it should, and the file with the last of them.
    """
    reader = _Bytes(raw)
    if reader.take(len(_MAGIC)) != _MAGIC:
        raise ValueError("no Avro file")
    about = {}
    for _ in reader.items():
        name = reader.text()
        about[name.decode()] = reader.text().decode()
    marker, blocks = reader.take(_MARKER), []
    while reader.place < len(raw):
        blocks.append((reader.number(), reader.text()))
        if reader.take(_MARKER) != marker:
            raise ValueError("a block does not end where it should")
    return about, blocks


@dataclass
class _Bytes:
    """Bytes that are read one after the other."""

    raw: bytes
    place: int = 0

    def take(self, count: int) -> bytes:
        taken = self.raw[self.place : self.place + count] if count >= 0 else b""
        if len(taken) != count:
            raise ValueError("the file ends too soon")
        self.place += count
        return taken

    def text(self) -> bytes:
        return self.take(self.number())

    def number(self) -> int:
        """A whole number: seven bits in each byte, the least first; odd ones are below zero."""
        found, shift = 0, 0
        while True:
            (byte,) = self.take(1)
            found |= (byte & 127) << shift
            shift += 7
            if byte < 128:  # noqa: PLR2004
                return (found >> 1) ^ -(found & 1)

    def items(self) -> Iterator[None]:
        """Once for each item of an array or a map; the caller reads it."""
        while count := self.number():
            if count < 0:
                self.number()  # then the size of all of them follows
            for _ in range(abs(count)):
                yield


def _value(schema: Any, reader: _Bytes) -> Any:
    """The next value, which has this schema. Raises KeyError for a kind that no list has."""
    if isinstance(schema, list):
        return _value(schema[reader.number()], reader)
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(kind, dict | list):
        return _value(kind, reader)
    if kind == "record":
        return {each["name"]: _value(each["type"], reader) for each in schema["fields"]}
    if kind == "array":
        return [_value(schema["items"], reader) for _ in reader.items()]
    return _PLAIN[kind](reader)


_PLAIN: Mapping[str, Callable[[_Bytes], Any]] = {
    "string": lambda reader: reader.text().decode(),
    "bytes": _Bytes.text,
    "int": _Bytes.number,
    "long": _Bytes.number,
    "boolean": lambda reader: reader.take(1) == b"\1",
    "null": lambda _: None,
}
