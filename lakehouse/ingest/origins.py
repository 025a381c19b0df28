"""Origins of copies, opened: which version an origin has, and its rows as relations of DuckDB."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from lakehouse.declare.project_code import shown
from lakehouse.declare.seeds import SeedFile
from lakehouse.errors import LakehouseError, ProjectError

if TYPE_CHECKING:
    from lakehouse.declare.copies import CopySpec
    from lakehouse.engines.duckdb import DuckDB

_LINE = "_lakehouse_line"
_SEED = "seed_rows"
MakeError: TypeAlias = Callable[[str, str, int | None], LakehouseError]
"""Makes the error of an origin from a message, a hint and the line, if it is known."""


@dataclass(frozen=True)
class Rows:
    """The rows of an origin, in one relation for each set of columns and types."""

    relations: tuple[str, ...]
    error: MakeError
    line: str = ""
    """SQL of the line that a row begins in; empty if rows are not in lines."""


def version(spec: CopySpec) -> str:
    """Return a text that changes when the origin does; empty if only reading it tells."""
    match spec.origin:
        case SeedFile(path):
            return hashlib.sha256(path.read_bytes()).hexdigest()
    return ""


@contextmanager
def opened(spec: CopySpec, engine: DuckDB) -> Iterator[Rows]:
    """Yield the rows of an origin. Raises ProjectError for a seed, SourceError for another."""
    match spec.origin:
        case SeedFile():
            with _seed(spec.origin, engine) as rows:
                yield rows


@contextmanager
def _seed(file: SeedFile, engine: DuckDB) -> Iterator[Rows]:
    import pyarrow as pa

    read = file.read()
    values = [*zip(*read.rows, strict=True)] or [()] * len(read.columns)
    texts = {
        name: pa.array(column, pa.string())
        for name, column in zip(read.columns, values, strict=True)
    }
    lines = pa.array(read.lines, pa.int64())
    engine.connection.register(_SEED, pa.table({**texts, _LINE: lines}))

    def error(message: str, hint: str, line: int | None) -> LakehouseError:
        place = shown(str(file.path)) + (f":{line}" if line else "")
        return ProjectError(message, hint=hint, place=place)

    try:
        yield Rows((_SEED,), error, _LINE)
    finally:
        engine.connection.unregister(_SEED)
