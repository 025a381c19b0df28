"""Origins of copies, opened: which version an origin has, and its rows as relations of DuckDB."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from lakehouse.addresses.postgres import postgres_address
from lakehouse.addresses.variables import expanded
from lakehouse.declare.external import IcebergTable, NeighbourTable, ParquetFiles, PostgresTable
from lakehouse.declare.project_code import shown
from lakehouse.declare.seeds import SeedFile
from lakehouse.engines import duckdb_postgres_reading
from lakehouse.errors import LakehouseError, ProjectError, SourceError
from lakehouse.ingest import outside_files

if TYPE_CHECKING:
    from lakehouse.catalogs import Catalog
    from lakehouse.config import Settings
    from lakehouse.declare.copies import CopySpec
    from lakehouse.engines.duckdb import DuckDB

_LINE = "_lakehouse_line"
_SEED, _OUTSIDE = "seed_rows", "outside_rows"
MakeError: TypeAlias = Callable[[str, str, int | None], LakehouseError]
"""Makes the error of an origin from a message, a hint and the line, if it is known."""


@dataclass(frozen=True)
class Rows:
    """The rows of an origin, in one relation for each set of columns and types."""

    relations: tuple[str, ...]
    error: MakeError
    line: str = ""
    """SQL of the line that a row begins in; empty if rows are not in lines."""


def version(spec: CopySpec, settings: Settings, catalog: Catalog, ref: str) -> str:
    """Return a text that changes when the origin does; empty if only reading it tells.

    Tables of others that are in the `catalog` are looked up on `ref`. Raises SourceError if the
    origin cannot be reached.
    """
    match spec.origin:
        case SeedFile(path):
            return hashlib.sha256(path.read_bytes()).hexdigest()
        case ParquetFiles(path=place):
            stamps = outside_files.stamps(outside_files.parquet_files(settings, place))
            return hashlib.sha256(stamps.encode()).hexdigest()
        case IcebergTable(path=place):
            return outside_files.snapshot_of(outside_files.iceberg_metadata(settings, place))
        case NeighbourTable(table=table):
            metadata = outside_files.neighbour_metadata(settings, catalog, ref, table)
            return outside_files.snapshot_of(metadata)
    return ""


@contextmanager
def opened(
    spec: CopySpec, settings: Settings, engine: DuckDB, catalog: Catalog, ref: str
) -> Iterator[Rows]:
    """Yield the rows of an origin. Raises ProjectError for a seed, SourceError for another."""

    def error(message: str, hint: str, _: int | None) -> LakehouseError:
        return SourceError(f"{spec.table}, {spec.origin}: {message}", hint=hint)

    match spec.origin:
        case SeedFile():
            with _seed(spec.origin, engine) as rows:
                yield rows
        case ParquetFiles(path=place):
            files = outside_files.parquet_files(settings, place)
            yield Rows(outside_files.relations_of(engine, files), error)
        case IcebergTable(path=place):
            metadata = outside_files.iceberg_metadata(settings, place)
            yield Rows((outside_files.iceberg_relation(metadata),), error)
        case NeighbourTable(table=table):
            metadata = outside_files.neighbour_metadata(settings, catalog, ref, table)
            yield Rows((outside_files.iceberg_relation(metadata),), error)
        case PostgresTable():
            _read_postgres(spec, spec.origin, engine)
            yield Rows((_OUTSIDE,), error)


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


def _read_postgres(spec: CopySpec, origin: PostgresTable, engine: DuckDB) -> None:
    address = postgres_address(
        expanded(origin.address, os.environ, spec.place), f"{spec.place}: `postgres`"
    )
    duckdb_postgres_reading.read(engine.connection, address, origin.table, origin.types, _OUTSIDE)
