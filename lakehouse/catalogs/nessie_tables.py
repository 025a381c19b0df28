"""A PyIceberg catalog over the tables of one ref of Nessie, by its Iceberg REST API."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from lakehouse.patches import pyiceberg_settings  # noqa: F401 - PyIceberg reads them at once

# isort: split

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import NoSuchViewError
from pyiceberg.typedef import EMPTY_DICT, Identifier, Properties
from pyiceberg.view import View
from pyiceberg.view.metadata import SQLViewRepresentation, ViewVersion
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter

from lakehouse.catalogs import ViewText
from lakehouse.catalogs.bucket_files import file_io
from lakehouse.catalogs.nessie_names import schema_location
from lakehouse.errors import StorageError
from lakehouse.identity.access import Access
from lakehouse.patches.pyiceberg_avro import remember
from lakehouse.patches.pyiceberg_file_io import OneFileIO
from lakehouse.storage import Bucket
from lakehouse.table_names import schema_of

_OURS = {"lakehouse.view": "1"}
"""Properties of a view that this framework has made."""

_BY_NESSIE = "created-at"
"""Property that Nessie gives to every view."""
_TO_CONNECT, _PATIENCE = 10.0, 60.0
"""Seconds that connecting to Nessie may take, and that an answer of it may take."""


class _Limited(HTTPAdapter):
    """Sends requests that wait for a limited time, unless they say for how long."""

    def send(self, request: PreparedRequest, *arguments: Any, **options: Any) -> Response:
        options["timeout"] = options.get("timeout") or (_TO_CONNECT, _PATIENCE)
        return super().send(request, *arguments, **options)


class NessieTables(OneFileIO, RestCatalog):
    """The tables of one ref; uses the bucket with the keys of our settings, not with Nessie's."""

    def __init__(
        self,
        ref: str,
        uri: str,
        bucket: Bucket,
        warehouse: str,
        *,
        access: Access | None = None,
        name: str | None = None,
    ) -> None:
        """`uri` is the URL of Nessie's Iceberg REST API for the ref, `warehouse` our folder.

        `name` is that of a warehouse in Nessie's configuration; None means its default one.
        """
        remember()
        self._warehouse = warehouse
        self._io = file_io(bucket)
        self._access = access or Access()
        super().__init__(ref, uri=uri, **({"warehouse": name} if name else {}))

    def _create_session(self) -> Session:
        """Take the place of PyIceberg's, which renews no token for all, and waits for ever."""
        session = self._access.session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Limited())
        self._config_headers(session)
        return session

    def _refresh_token(self) -> None:
        """Do nothing when Nessie refuses a token: tokens are renewed before they end."""

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
