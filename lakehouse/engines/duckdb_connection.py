"""A connection to a DuckDB in memory: its settings, its extensions, and functions it lacks."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lakehouse import storage
from lakehouse.engines.sql import text
from lakehouse.storage import Bucket

if TYPE_CHECKING:
    import duckdb

EXTENSIONS = ("icu", "avro", "iceberg")
_MEMORY = 5 * 1024**3 // 2
"""Bytes that DuckDB may use; what needs more goes to disk, so that runs of any size fit."""
_FUNCTIONS = """
CREATE MACRO IF NOT EXISTS at_timezone(instant, zone) AS
    CASE WHEN zone = 'UTC' THEN make_timestamp(epoch_us(instant)) ELSE timezone(zone, instant) END;
CREATE MACRO IF NOT EXISTS with_timezone(local, zone) AS timezone(zone, local);
"""


def open_connection(
    spill: Path | None, extensions: Sequence[str], bucket: Bucket | None, only: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """A DuckDB that agrees with the other engines; `spill` is for what outgrows its memory.

    With a `bucket` it reads and writes s3:// addresses. With `only` it is locked: whatever it is
    asked, it reaches no file elsewhere and no other database, extension or setting.
    """
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        # Ours come in wheels whose hashes `pip` verifies, and whose Python runs in any case: to
        # verify the signatures of 120 MB at every start takes a quarter of a second.
        "allow_unsigned_extensions": True,
        "preserve_insertion_order": False,
        "memory_limit": f"{min(_MEMORY, _installed_memory() * 4 // 5)}B",
    }
    if spill is not None:
        storage.make_folder(spill)
        spill.chmod(0o700)  # DuckDB lets everybody read the rows that it writes there
        config["temp_directory"] = str(spill)
    connection = duckdb.connect(config=config)
    for name in extensions:
        load_extension(connection, name)
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    # No file is ever written twice, so what is known of one stays right.
    connection.execute("SET GLOBAL parquet_metadata_cache = true")
    connection.execute(_FUNCTIONS)
    if bucket is not None:
        _reach(connection, bucket)
    if only is not None:
        _lock(connection, only)
    return connection


def _lock(connection: duckdb.DuckDBPyConnection, only: Path) -> None:
    connection.execute(f"SET GLOBAL allowed_directories = [{text(str(only))}]")
    connection.execute("SET GLOBAL enable_external_access = false")
    connection.execute("SET GLOBAL python_enable_replacements = false")
    connection.execute("SET GLOBAL lock_configuration = true")


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension from its wheel; nothing is downloaded and no folder outside is used."""
    import duckdb

    package = importlib.import_module(f"duckdb_extension_{name}")
    folder = Path(next(iter(package.__path__))) / "extensions" / f"v{duckdb.__version__}"
    connection.execute(f"LOAD {text(str(folder / f'{name}.duckdb_extension'))}")


def _reach(connection: duckdb.DuckDBPyConnection, bucket: Bucket) -> None:
    """Let DuckDB use a bucket; what it knows of it is lost when it ends."""
    load_extension(connection, "httpfs")
    where = urlsplit(bucket.endpoint or "")
    options = {
        "KEY_ID": text(bucket.access_key.get_secret_value()),
        "SECRET": text(bucket.secret_key.get_secret_value()),
        "REGION": text(bucket.region),
    }
    if bucket.endpoint is not None:
        options["ENDPOINT"] = text(where.netloc)
        options["URL_STYLE"] = text("path")
        options["USE_SSL"] = str(where.scheme == "https").lower()
    listed = ", ".join(f"{name} {value}" for name, value in options.items())
    connection.execute(f"CREATE SECRET (TYPE s3, {listed})")
    # As with footers of Parquet: no file is ever written twice.
    connection.execute("SET GLOBAL enable_http_metadata_cache = true")


def _installed_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
