"""Opening a DuckDB in memory: its settings, its extensions, and functions that it lacks."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lakehouse import storage
from lakehouse.engines import duckdb_encryption
from lakehouse.engines.sql import literal, path_literal
from lakehouse.storage import Bucket

if TYPE_CHECKING:
    import duckdb

EXTENSIONS = ("icu", "avro", "iceberg")
_MEMORY = 5 * 1024**3 // 2
"""Bytes of memory for DuckDB, at most; rows beyond that go to disk, so that any run fits."""
_PATIENCE = 20
"""Seconds that an S3 server may be silent in a request of DuckDB, which repeats it three times."""
_FUNCTIONS = """
CREATE MACRO IF NOT EXISTS at_timezone(instant, zone) AS
    CASE WHEN zone = 'UTC' THEN make_timestamp(epoch_us(instant)) ELSE timezone(zone, instant) END;
CREATE MACRO IF NOT EXISTS with_timezone(local, zone) AS timezone(zone, local);
"""
"""Functions of Trino that `lakehouse.expressions` calls, and that DuckDB lacks."""


def open_connection(
    spill: Path | None, extensions: Sequence[str], bucket: Bucket | None, only: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB in memory, set up to give the same rows as the other engines.

    `spill` is the folder for rows that do not fit into memory. With a `bucket`, it reads and writes
    s3:// addresses. With `only` it is locked: no statement reaches a file outside of that folder,
    another database, an extension or a setting.
    """
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        # The extensions come in wheels, whose hashes `pip` verifies and whose Python code we run
        # anyway. Verifying the signatures of their 120 MB takes 0.25 s at every start.
        "allow_unsigned_extensions": True,
        "preserve_insertion_order": False,
        "memory_limit": f"{most_memory()}B",
    }
    if spill is not None:
        storage.make_folder(spill)
        spill.chmod(0o700)  # DuckDB writes rows there in files that every user may read
        config["temp_directory"] = str(spill)
    connection = duckdb.connect(config=config)
    for name in extensions:
        load_extension(connection, name)
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    # No file is ever written twice, so cached metadata of a file stays valid.
    connection.execute("SET GLOBAL parquet_metadata_cache = true")
    connection.execute(_FUNCTIONS)
    if bucket is not None:
        _reach(connection, bucket)
        if duckdb_encryption.is_needed(bucket):
            duckdb_encryption.prepare(connection, bucket)
    if only is not None:
        _lock(connection, only)
    return connection


def _lock(connection: duckdb.DuckDBPyConnection, only: Path) -> None:
    # A path is looked at before `*?[` in it are expanded, and each file that is found then.
    allowed = ", ".join({literal(str(only)): None, path_literal(str(only)): None})
    connection.execute(f"SET GLOBAL allowed_directories = [{allowed}]")
    connection.execute("SET GLOBAL enable_external_access = false")
    connection.execute("SET GLOBAL python_enable_replacements = false")
    connection.execute("SET GLOBAL lock_configuration = true")


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension from its wheel, without a download or DuckDB's folder of extensions."""
    import duckdb

    package = importlib.import_module(f"duckdb_extension_{name}")
    folder = Path(next(iter(package.__path__))) / "extensions" / f"v{duckdb.__version__}"
    connection.execute(f"LOAD {literal(str(folder / f'{name}.duckdb_extension'))}")


def _reach(connection: duckdb.DuckDBPyConnection, bucket: Bucket) -> None:
    """Give DuckDB the keys of a bucket; they are kept in memory only."""
    load_extension(connection, "httpfs")
    endpoint = urlsplit(bucket.endpoint or "")
    options = {
        **{
            name: literal(text)
            for name, text in bucket.keys.named("KEY_ID", "SECRET", "SESSION_TOKEN").items()
        },
        "REGION": literal(bucket.region),
        "URL_STYLE": literal("path" if bucket.has_path_style else "vhost"),
    }
    if bucket.encryption is not None and bucket.encryption.kms_key is not None:
        options["KMS_KEY_ID"] = literal(bucket.encryption.kms_key)
    if bucket.endpoint is not None:
        options["ENDPOINT"] = literal(endpoint.netloc)
        options["USE_SSL"] = str(endpoint.scheme == "https").lower()
    listed = ", ".join(f"{name} {value}" for name, value in options.items())
    connection.execute(f"CREATE SECRET (TYPE s3, {listed})")
    connection.execute(f"SET GLOBAL http_timeout = {_PATIENCE}")
    # As with the cache of Parquet metadata above: no file is ever written twice.
    connection.execute("SET GLOBAL enable_http_metadata_cache = true")


def most_memory() -> int:
    """Return the bytes of memory that a DuckDB may use."""
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(_MEMORY, installed * 4 // 5)
