"""Files that DuckDB writes to a bucket that encrypts by S3's own keys: they pass through s3fs.

DuckDB asks a server for encryption by a key of KMS, and for no other. Files are written by a scheme
of our own, which s3fs serves; they are read like all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse import storage

if TYPE_CHECKING:
    import duckdb
    from fsspec import AbstractFileSystem

    from lakehouse.storage import Bucket

_S3, _THROUGH_S3FS = "s3", "through-s3fs"


def is_needed(bucket: Bucket | None) -> bool:
    """Return whether files have to be written so."""
    return bucket is not None and bucket.encryption is not None and not bucket.encryption.kms_key


def prepare(connection: duckdb.DuckDBPyConnection, bucket: Bucket) -> None:
    """Let a DuckDB write to what `written` returns."""
    connection.register_filesystem(_file_system(bucket))


def written(address: str) -> str:
    """Return the address by which a file is written that others read at `address`."""
    return address.replace(f"{_S3}://", f"{_THROUGH_S3FS}://", 1)


def read(address: str) -> str:
    """Return the address by which a file is read that was written at `address`."""
    return address.replace(f"{_THROUGH_S3FS}://", f"{_S3}://", 1)


def _file_system(bucket: Bucket) -> AbstractFileSystem:
    from s3fs import S3FileSystem

    class ThroughS3fs(S3FileSystem):  # type: ignore[misc]  # s3fs has no types
        protocol = _THROUGH_S3FS

    return ThroughS3fs(**storage.options(bucket.path(f"{_S3}://")))
