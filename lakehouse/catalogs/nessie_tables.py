"""A PyIceberg catalog over the tables of one ref of Nessie, by its Iceberg REST API."""

from __future__ import annotations

from contextlib import suppress

from lakehouse.patches import pyiceberg_settings  # noqa: F401 - PyIceberg reads them at once

# isort: split

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import NoSuchViewError
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.typedef import EMPTY_DICT, Identifier, Properties
from pyiceberg.view import View
from pyiceberg.view.metadata import SQLViewRepresentation, ViewVersion

from lakehouse.catalogs import ViewText
from lakehouse.catalogs.nessie_names import schema_location
from lakehouse.errors import StorageError
from lakehouse.patches.pyiceberg_avro import remember
from lakehouse.patches.pyiceberg_file_io import OneFileIO
from lakehouse.storage import Bucket
from lakehouse.table_names import schema_of

_OURS = {"lakehouse.view": "1"}
"""Properties of a view that this framework has made."""

_BY_NESSIE = "created-at"
"""Property that Nessie gives to every view."""


class NessieTables(OneFileIO, RestCatalog):
    """The tables of one ref; uses the bucket with the keys of our settings, not with Nessie's."""

    def __init__(self, ref: str, uri: str, bucket: Bucket, warehouse: str) -> None:
        """`uri` is the URL of Nessie's Iceberg REST API for the ref."""
        remember()
        self._warehouse = warehouse
        self._io = PyArrowFileIO(_properties(bucket))
        super().__init__(ref, uri=uri)

    def create_namespace_if_not_exists(
        self, namespace: str | Identifier, properties: Properties = EMPTY_DICT
    ) -> None:
        """Create a schema, in whose folder Nessie finds a place for tables that name none."""
        place = schema_location(self._warehouse, ".".join(self.identifier_to_tuple(namespace)))
        super().create_namespace_if_not_exists(namespace, {"location": place, **properties})

    def write_view(self, view: ViewText) -> bool:
        """Create or replace a view; return False, changing nothing, if it has this text already."""
        namespace = schema_of(view.name)
        text = SQLViewRepresentation(type="sql", sql=view.sql, dialect=view.dialect)
        wanted = ViewVersion.model_validate(
            {
                "schema-id": 0,
                "representations": [text],
                "default-catalog": view.catalog,
                "default-namespace": [namespace],
            }
        )
        with suppress(NoSuchViewError):
            existing = self.load_view(view.name)
            current = existing.current_version()
            _require_ours(view.name, existing, current)
            if _meaning(current) == _meaning(wanted):
                return False
            self.drop_view(view.name)
        self.create_namespace_if_not_exists(namespace)
        self.create_view(view.name, view.schema, wanted, properties=_OURS)
        return True


def _require_ours(name: str, view: View, version: ViewVersion) -> None:
    """Raise StorageError for a view that others have made."""
    made_here = _OURS.items() <= view.metadata.properties.items()
    # Older versions did not mark views; what Trino or Spark makes names its engine or an owner.
    others = view.metadata.properties.keys() - {_BY_NESSIE} or version.summary
    dialects = {text.root.dialect for text in version.representations}
    made_before = not others and dialects == {"trino"}
    if not (made_here or made_before):
        raise StorageError(
            f"the view {name} is on main already, and is not of this lakehouse",
            hint="nothing was changed: give the view another name here, or there",
        )


def _meaning(version: ViewVersion) -> tuple[object, ...]:
    return version.representations, version.default_catalog


def _properties(bucket: Bucket) -> dict[str, str]:
    properties = {
        "s3.region": bucket.region,
        "s3.access-key-id": bucket.access_key.get_secret_value(),
        "s3.secret-access-key": bucket.secret_key.get_secret_value(),
    }
    if bucket.endpoint is not None:
        properties["s3.endpoint"] = bucket.endpoint
    return properties
