"""The files of the cache: JSON after a digest, which shows a damaged one; the oldest ones go."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lakehouse import small_files, storage
from lakehouse.errors import StorageError

FRAMEWORK = Path(__file__).parents[1]
"""The folder of the framework's code."""
_KEPT = 8
"""Files that are kept of a kind: tests and scripts import other modules than the command."""
_COMPILERS = ("ibis-framework", "sqlglot", "pandera")
_DIGEST = hashlib.sha256().digest_size * 2
"""Length in bytes of the digest that precedes the JSON in a file."""


@cache
def digest_of(path: Path) -> str:
    """SHA-256 of a file when this process first asked for it: about when it loaded the code."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def framework_files() -> Iterator[Path]:
    """Yield all modules of the framework.

    Also those that this command did not import, so that every command has the same keys.
    """
    yield from FRAMEWORK.rglob("*.py")


@cache
def versions() -> bytes:
    """Return what names the Python and the libraries that compile."""
    return repr((sys.version, *map(version, _COMPILERS))).encode()


def file(root: Path, kind: str, key: str) -> Path:
    """The path of a file of the cache of the project at `root`."""
    return root / "__pycache__" / f"lakehouse-{kind}-{key[:16]}.json"


def write(path: Path, document: dict[str, Any]) -> None:
    """Write a file, if the folder can be written to; delete the oldest of its kind."""
    with suppress(OSError, StorageError):
        raw = json.dumps(document).encode()
        storage.write(path, _digest(raw) + raw, lasting=False)
        entries = path.parent.glob(f"{path.name.rpartition('-')[0]}-*.json")
        others = [entry for entry in entries if entry != path]  # the new one stays at any clock
        for old in sorted(others, key=_modified)[: 1 - _KEPT]:
            old.unlink(missing_ok=True)


def read(path: Path) -> dict[str, Any] | None:
    """Return the document of a file; None if it is missing, or damaged, which causes a warning."""
    return small_files.read(path, parse)


def parse(raw: bytes) -> dict[str, Any]:
    """Return the document of a file. Raises ValueError if it is damaged."""
    content = raw[_DIGEST:]
    if raw[:_DIGEST] != _digest(content):
        raise ValueError
    document: dict[str, Any] = json.loads(content)
    return document


def _digest(raw: bytes) -> bytes:
    return hashlib.sha256(raw).hexdigest().encode()


def _modified(path: Path) -> float:
    return path.stat().st_mtime
