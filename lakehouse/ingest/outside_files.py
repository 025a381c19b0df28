"""Files that others write: Parquet files by a pattern, and the newest state of an Iceberg table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.engines.duckdb_relations import parquet
from lakehouse.engines.sql import literal, path_literal
from lakehouse.errors import SourceError

if TYPE_CHECKING:
    from lakehouse.catalogs import Catalog
    from lakehouse.config import Settings
    from lakehouse.engines.duckdb import DuckDB

_PATTERN = re.compile(r"[*?\[]")
_PARQUET, _METADATA = "*.parquet", "*.metadata.json"
_NUMBER = re.compile(r"\d+")


def parquet_files(settings: Settings, path: str) -> list[Path]:
    """Return the Parquet files that a path means. Raises SourceError if there are none.

    Files and folders whose names begin with `_` or `.` are those that others are writing.
    """
    folder, pattern = _divided(_place(settings, path))
    with _reached(path):
        if not pattern and folder.is_file():
            return [folder]
        found = folder.glob(pattern or f"**/{_PARQUET}")
        below = len(folder.parts)
        files = [file for file in found if not _is_unfinished(file, below) and file.is_file()]
    if not files:
        raise SourceError(
            f"there are no Parquet files at {path}",
            hint="name a file, a folder or a pattern such as sales/*.parquet; a relative path"
            " begins at lakehouse.toml",
        )
    return sorted(files, key=str)


def stamps(files: list[Path]) -> str:
    """Return a text that changes when a file is added, removed, or written again."""
    status = ((file, file.stat()) for file in files)
    return "\n".join(
        f"{file} {s.st_size} {getattr(s, 'st_mtime_ns', s.st_mtime)}" for file, s in status
    )


def relations_of(engine: DuckDB, files: list[Path]) -> tuple[str, ...]:
    """Return a relation for each set of files with the same columns and types.

    Read together, columns of different types would be cast to a common one first.
    """
    listed = ", ".join(path_literal(str(file)) for file in files)
    shapes = engine.execute(
        "SELECT list(file_name ORDER BY file_name) FROM (SELECT file_name,"
        " string_agg(concat_ws(' ', name, type, logical_type, converted_type, num_children), ','"
        " ORDER BY column_id) AS shape FROM (SELECT *, row_number() OVER () AS column_id"
        f" FROM parquet_schema([{listed}])) GROUP BY file_name) GROUP BY shape ORDER BY 1"
    ).fetchall()
    return tuple(parquet(paths) for (paths,) in shapes)


def iceberg_metadata(settings: Settings, path: str) -> Path:
    """Return the newest metadata file of an Iceberg table. Raises SourceError without one."""
    place = _place(settings, path)
    with _reached(path):
        if place.name.endswith(_METADATA[1:]):
            files = [place] if place.exists() else []
        else:
            files = sorted((place / "metadata").glob(_METADATA), key=_age)
    if not files:
        raise SourceError(
            f"there is no Iceberg table at {path}",
            hint="name the folder that holds the folder `metadata`, or one of its"
            " .metadata.json files",
        )
    return files[-1]


def neighbour_metadata(settings: Settings, catalog: Catalog, ref: str, table: str) -> Path:
    """Return the metadata file of an Iceberg table that others keep on a ref of the catalog.

    Raises SourceError without one.
    """
    others = catalog.strangers(ref)
    if settings.servers is None or not others.get(table):
        listed = ", ".join(sorted(name for name, metadata in others.items() if metadata))
        raise SourceError(
            f"there is no Iceberg table {table!r} of others on main",
            hint=f"there is {listed}"
            if listed
            else "others have none there; give `path`,"
            " `iceberg` or `postgres` for a table at another place",
        )
    return settings.servers.bucket.path(others[table])


def snapshot_of(metadata: Path) -> str:
    """Return the snapshot and the schema that a metadata file names as the present ones."""
    try:
        document = json.loads(metadata.read_bytes())
        return f"{document['table-uuid']} {document.get('current-snapshot-id')}"
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SourceError(
            f"{metadata} cannot be read: {type(error).__name__}",
            hint="is it the metadata of an Iceberg table?",
        ) from None


def iceberg_relation(metadata: Path) -> str:
    """Return the rows of an Iceberg table as a relation."""
    return f"iceberg_scan({literal(str(metadata))})"


@contextmanager
def _reached(path: str) -> Iterator[None]:
    """Turn an error of a disk or a bucket into a SourceError."""
    try:
        yield
    except Exception as error:
        raise SourceError(
            f"{path} cannot be reached: {type(error).__name__}",
            hint="does it exist, and may this user read it?",
        ) from error


def _place(settings: Settings, path: str) -> Path:
    if "://" not in path:
        return settings.root / Path(path).expanduser()
    if settings.servers is None or not path.startswith("s3://"):
        raise SourceError(
            f"the {settings.profile} profile cannot read {path.partition('://')[0]}:// addresses",
            hint="name a folder; the production profile reads s3:// with the keys of its bucket",
        )
    return settings.servers.bucket.path(path)


def _divided(place: Path) -> tuple[Path, str]:
    """Return the folder above the first part that is a pattern, and the rest."""
    for folder in reversed((place, *place.parents)):
        if _PATTERN.search(folder.name):
            return folder.parent, "/".join(place.parts[len(folder.parent.parts) :])
    return place, ""


def _is_unfinished(file: Path, below: int) -> bool:
    return any(part.startswith(("_", ".")) for part in file.parts[below:])


def _age(metadata: Path) -> tuple[int, float]:
    """Return what metadata files are sorted by: their number, then when they were written."""
    number = _NUMBER.search(metadata.name)
    return int(number[0]) if number else -1, metadata.stat().st_mtime
