"""The ways in which a small file may be damaged."""

import gzip


def foreign(place):
    """Something else than what belongs there, as it would be kept."""
    place.write_bytes(gzip.compress(b'[{"a": 5}]') if place.suffix == ".gz" else b'[{"a": 5}]')


def folder(place):
    place.unlink()
    place.mkdir()


KINDS = {
    "empty": lambda place: place.write_bytes(b""),
    "cut": lambda place: place.write_bytes(place.read_bytes()[: place.stat().st_size // 2]),
    "zeros": lambda place: place.write_bytes(bytes(place.stat().st_size)),
    "garbage": lambda place: place.write_bytes(b"\xff\xfe{\x00\x80" * 9),
    "foreign": foreign,
    "folder": folder,
}
