"""The tables of one ref for PyIceberg: Nessie's Iceberg REST catalog."""

from __future__ import annotations

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.typedef import EMPTY_DICT, Properties

from lakehouse.catalogs.avro import remember_readers
from lakehouse.storage import Bucket


class NessieTables(RestCatalog):
    """Reads and writes the bucket with our own keys, whatever Nessie says of it."""

    def __init__(self, ref: str, uri: str, bucket: Bucket) -> None:
        """`uri` is the address of Nessie's Iceberg catalog at the ref."""
        remember_readers()
        self._io = PyArrowFileIO(_properties(bucket))
        super().__init__(ref, uri=uri)

    def _load_file_io(
        self,
        properties: Properties = EMPTY_DICT,  # noqa: ARG002
        location: str | None = None,  # noqa: ARG002
    ) -> FileIO:
        return self._io


def _properties(bucket: Bucket) -> dict[str, str]:
    found = {
        "s3.region": bucket.region,
        "s3.access-key-id": bucket.access_key.get_secret_value(),
        "s3.secret-access-key": bucket.secret_key.get_secret_value(),
    }
    if bucket.endpoint is not None:
        found["s3.endpoint"] = bucket.endpoint
    return found
