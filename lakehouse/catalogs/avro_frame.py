"""The frame of Avro files, which tells a whole one from one that is cut, or is something else."""

from __future__ import annotations

from dataclasses import dataclass

_MAGIC = b"Obj\x01"
_MARKER = 16
"""The bytes that end the header and each block of a file, the same in all of it."""


def require_whole(raw: bytes) -> None:
    """Raise an error unless this is all of an Avro file: on another, PyIceberg's reader may crash.

    What is checked is the frame: the header, and that each block ends where it says, to the end.
    """
    reader = _Frame(raw)
    if reader.take(len(_MAGIC)) != _MAGIC:
        raise ValueError("no Avro file")
    while entries := reader.number():
        if entries < 0:
            reader.number()  # a count below zero is followed by a size
        for _ in range(2 * abs(entries)):
            reader.take(reader.number())
    marker = reader.take(_MARKER)
    while reader.place < len(raw):
        reader.number()
        reader.take(reader.number())
        if reader.take(_MARKER) != marker:
            raise ValueError("a block does not end where it should")


@dataclass
class _Frame:
    """Bytes that are read one after the other."""

    raw: bytes
    place: int = 0

    def take(self, count: int) -> bytes:
        taken = self.raw[self.place : self.place + count] if count >= 0 else b""
        if len(taken) != count:
            raise ValueError("the file ends too soon")
        self.place += count
        return taken

    def number(self) -> int:
        """A whole number: seven bits in each byte, the least first; odd ones are below zero."""
        found, shift = 0, 0
        while True:
            (byte,) = self.take(1)
            found |= (byte & 127) << shift
            shift += 7
            if byte < 128:  # noqa: PLR2004
                return (found >> 1) ^ -(found & 1)
