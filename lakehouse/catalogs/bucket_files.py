"""How PyIceberg reads and writes files in a bucket: by PyArrow, or by s3fs where it has to."""

from __future__ import annotations

from typing import Any

from lakehouse.patches import pyiceberg_settings  # noqa: F401 - PyIceberg reads them at once

# isort: split

from fsspec import AbstractFileSystem
from pyiceberg.io import FileIO
from pyiceberg.io.fsspec import FsspecFileIO
from pyiceberg.io.pyarrow import PyArrowFileIO

from lakehouse.storage import Bucket

_TO_REACH_S3 = "10"
"""Seconds that connecting to the S3 server may take, and that it may be silent, for PyArrow."""


def file_io(bucket: Bucket) -> FileIO:
    """Return what PyIceberg reads and writes the files of all tables by."""
    if bucket.encryption is None:
        return PyArrowFileIO(_properties(bucket))
    return _EncryptedFileIO(bucket)


class _EncryptedFileIO(FsspecFileIO):
    """Files by our own s3fs, which asks for encryption: PyArrow cannot."""

    def __init__(self, bucket: Bucket) -> None:
        super().__init__({})
        self._bucket = bucket

    def get_fs(self, scheme: str, hostname: str | None = None) -> AbstractFileSystem:  # noqa: ARG002
        path: Any = self._bucket.path(f"{scheme}://")
        return path.fs


def _properties(bucket: Bucket) -> dict[str, str]:
    properties = {
        "s3.region": bucket.region,
        "s3.connect-timeout": _TO_REACH_S3,
        "s3.request-timeout": _TO_REACH_S3,
        **bucket.keys.named("s3.access-key-id", "s3.secret-access-key", "s3.session-token"),
        "s3.force-virtual-addressing": str(not bucket.has_path_style).lower(),
    }
    if bucket.endpoint is not None:
        properties["s3.endpoint"] = bucket.endpoint
    return properties
