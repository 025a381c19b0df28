"""A PyIceberg catalog over the tables of one ref of Nessie, by its Iceberg REST API."""

from __future__ import annotations

from contextlib import suppress

from lakehouse.patches import pyiceberg_settings  # noqa: F401 - PyIceberg reads them at once

# isort: split

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import NoSuchViewError
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.view.metadata import SQLViewRepresentation, ViewVersion
from requests import Session

from lakehouse.catalogs import ViewText
from lakehouse.identity.access import Access
from lakehouse.patches.pyiceberg_avro import remember
from lakehouse.patches.pyiceberg_file_io import OneFileIO
from lakehouse.storage import Bucket
from lakehouse.table_names import schema_of


class NessieTables(OneFileIO, RestCatalog):
    """The tables of one ref; uses the bucket with the keys of our settings, not with Nessie's."""

    def __init__(
        self,
        ref: str,
        uri: str,
        bucket: Bucket,
        access: Access | None = None,
        warehouse: str | None = None,
    ) -> None:
        """`uri` is the URL of Nessie's Iceberg REST API for the ref.

        `warehouse` is the name of one in Nessie's configuration; None means its default one.
        """
        remember()
        self._io = PyArrowFileIO(_properties(bucket))
        self._access = access or Access()
        super().__init__(ref, uri=uri, **({"warehouse": warehouse} if warehouse else {}))

    def _create_session(self) -> Session:
        """Take the place of PyIceberg's method, which knows no token that is renewed for all."""
        session = self._access.session()
        self._config_headers(session)
        return session

    def _refresh_token(self) -> None:
        """Do nothing when Nessie refuses a token: tokens are renewed before they end."""

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
            current = self.load_view(view.name).current_version()
            if _meaning(current) == _meaning(wanted):
                return False
            self.drop_view(view.name)
        self.create_namespace_if_not_exists(namespace)
        self.create_view(view.name, view.schema, wanted)
        return True


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
