"""The catalogs of a lakehouse on a Trino server: one for main, and one for each other ref in use.

A statement of Trino cannot name a branch of Nessie, so each ref is a catalog. Main's stays, for all
users of Trino; the others belong to a process, which drops them at its end, and their names begin
with the name of main's. Other lakehouses on the same Trino have names of their own.

All who may list queries see the statements that create catalogs, so these hold no secrets: Trino
reads the bucket with its own credentials, and takes other secrets from where it keeps them.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta

from lakehouse.addresses import Address
from lakehouse.catalogs import MAIN, Catalog, StoredTable
from lakehouse.catalogs.nessie_names import Names, schema_location
from lakehouse.config import Servers
from lakehouse.engines import trino_postgres
from lakehouse.engines.sql import identifier, literal
from lakehouse.engines.trino_client import Client
from lakehouse.engines.trino_login import nessie_login, secret
from lakehouse.errors import QueryError
from lakehouse.plan.state import PROPERTY, TableState
from lakehouse.system import clock
from lakehouse.system.aws_requests import Encryption
from lakehouse.table_names import name_of, schema_of

PASSWORD = "LAKEHOUSE_POSTGRES_PASSWORD"  # noqa: S105 - a name
"""Name of a secret of Trino: the password of the marts' Postgres."""
_POSTGRES = "postgres"
_OWNED = r"_(\d{8}t\d{6})_[0-9a-f]{6}_(\w+)"
"""End of the name of a process' catalog: when the process began, and the ref or Postgres."""
_STAMP = "%Y%m%dt%H%M%S"
_LONGEST = timedelta(days=1)
"""Age after which a catalog is dropped: no process uses one for longer."""
_ATTEMPTS = 3
"""Times that main is compared with what its catalog shows: it may move in between."""
_IS_DATA = "table_schema NOT IN ('information_schema', 'system') AND table_type = 'BASE TABLE'"
"""Condition of the tables that are neither views nor Trino's own."""


class Catalogs:
    """Creates catalogs at their first use, and drops them."""

    def __init__(self, client: Client, servers: Servers, catalog: Callable[[], Catalog]) -> None:
        """`catalog` returns the one that knows main, which Trino is to show."""
        self._client, self._servers, self._catalog = client, servers, catalog
        self.main = servers.trino_catalog
        self._names = Names(servers.nessie_branch)
        self._owner = f"{clock.now():{_STAMP}}_{secrets.token_hex(3)}"
        self._made: set[str] = set()
        self._lock = threading.Lock()

    def of(self, ref: str) -> str:
        """Create the catalog of a ref, unless it exists; return its name.

        `ref` is written as in Nessie's URLs.
        """
        if ref != MAIN:
            return self._make(self._name(ref), "iceberg", self._lake(ref))
        if self.main not in self._made:
            self._make_main(self._listed())
        return self.main

    def make_schema(self, branch: str, schema: str) -> None:
        """Create a schema on a branch, unless it exists."""
        name = f"{identifier(self.of(branch))}.{identifier(schema)}"
        # Nessie places tables in it; other lakehouses have other folders.
        place = literal(schema_location(self._servers.warehouse, schema))
        with self._lock:  # the statement fails if another thread creates it meanwhile
            self._client.run(f"CREATE SCHEMA IF NOT EXISTS {name} WITH (location = {place})")

    def of_postgres(self, address: Address) -> str:
        """Create the catalog of the Postgres at an address, unless it exists; return its name.

        If settings name one that Trino has, it is taken as it is.
        """
        if self._servers.trino_postgres_catalog is not None:
            return self._servers.trino_postgres_catalog
        password = secret(self._servers.trino_secrets, PASSWORD)
        properties = trino_postgres.properties(address, password)
        return self._make(self._name(_POSTGRES), "postgresql", properties)

    def release(self) -> None:
        """Drop all catalogs that this process created, except main's."""
        for name in self._made - {self.main}:
            self._drop(name)

    def sweep(self, branches: Callable[[], Collection[str]]) -> None:
        """Drop catalogs of dead processes: those of branches that do not exist, and other old ones.

        Main's is created if it does not exist. Branches are listed after the catalogs: a run may
        begin meanwhile, and makes its branch before the catalog of it.
        """
        listed = self._listed()
        if self.main not in self._made:
            self._make_main(listed)
        live = {*map(_plain, branches())}
        owned = re.compile(re.escape(self.main) + _OWNED)
        for name in listed:
            if parts := owned.fullmatch(name):
                began = datetime.strptime(parts[1], _STAMP).replace(tzinfo=UTC)
                is_old = clock.now() - began > _LONGEST
                # The catalog of a branch is kept as long as the branch, whatever the clock says.
                if parts[2] not in live if parts[2].startswith("run_") else is_old:
                    self._drop(name)

    def _name(self, ref: str) -> str:
        return f"{self.main}_{self._owner}_{_plain(ref)}"

    def _listed(self) -> list[str]:
        """Return the names of all catalogs of Trino."""
        return [name for (name,) in self._client.run("SHOW CATALOGS").rows]

    def _make_main(self, listed: Collection[str]) -> None:
        """Create main's catalog, or require that the one which is `listed` is ours."""
        self._make(self.main, "iceberg", self._lake(MAIN))
        if self.main in listed:
            self._require_main()

    def _require_main(self) -> None:
        """Raise QueryError unless main's catalog, which was there already, shows our main."""
        for _ in range(_ATTEMPTS):
            if self._shows(self._catalog().tables(MAIN)):
                return
        self._made.discard(self.main)
        raise QueryError(
            f"the catalog {self.main!r} of Trino shows another lakehouse, not the branch"
            f" {self._names.main!r} of Nessie at {self._servers.nessie_url}",
            hint="give this one a name of its own: LAKEHOUSE_TRINO_CATALOG, or `trino_catalog`"
            f" in [production]; if it is a left-over, DROP CATALOG {self.main}",
        )

    def _shows(self, tables: Mapping[str, StoredTable]) -> bool:
        """Return whether main's catalog shows these tables, going by the one that moved last."""
        here = identifier(self.main)
        try:
            if not tables:
                listed = f"SELECT table_schema, table_name FROM {here}.information_schema.tables"
                found = self._client.run(f"{listed} WHERE {_IS_DATA}").rows
                others = {name.lower() for name in self._catalog().strangers(MAIN)}
                return all(f"{schema}.{name}" in others for schema, name in found)
            table = max(tables.values(), key=lambda table: table.state.version)
            properties = f"{here}.{identifier(schema_of(table.name))}"
            properties += f".{identifier(f'{name_of(table.name)}$properties')}"
            state = f"SELECT value FROM {properties} WHERE key = {literal(PROPERTY)}"
            found = self._client.run(state).rows
            return [TableState.from_property(text) for (text,) in found] == [table.state]
        except QueryError as error:
            if "does not answer" in error.message:
                raise
            return False

    def _make(self, name: str, connector: str, properties: Mapping[str, str]) -> str:
        if name in self._made:  # without waiting for another one to be made
            return name
        listed = ", ".join(
            f"{identifier(key)} = {literal(value)}" for key, value in properties.items()
        )
        with self._lock:
            if name not in self._made:
                create = f"CREATE CATALOG IF NOT EXISTS {identifier(name)} USING {connector}"
                self._client.run(f"{create} WITH ({listed})")
                self._made.add(name)
        return name

    def _drop(self, name: str) -> None:
        self._client.run(f"DROP CATALOG IF EXISTS {identifier(name)}")
        self._made.discard(name)

    def _lake(self, ref: str) -> dict[str, str]:
        """Properties of the catalog of a ref: Nessie's address and the bucket."""
        servers = self._servers
        properties = {
            "iceberg.catalog.type": "rest",
            "iceberg.rest-catalog.uri": f"{servers.nessie_url}/iceberg/{self._names.in_url(ref)}",
            "iceberg.allowed-extra-properties": PROPERTY,
            # Statistics of all columns at every write would take longer than the models themselves.
            "iceberg.extended-statistics.collect-on-write": "false",
            "fs.native-s3.enabled": "true",
            "s3.region": servers.bucket.region,
            **nessie_login(servers.nessie_identity, servers.trino_secrets),
        }
        if ref != MAIN:  # statements of a run hold the code of views: it need not be asked for
            properties["iceberg.rest-catalog.view-endpoints-enabled"] = "false"
        if servers.nessie_warehouse is not None:
            properties["iceberg.rest-catalog.warehouse"] = servers.nessie_warehouse
        if servers.bucket.endpoint is not None:
            properties["s3.endpoint"] = servers.bucket.endpoint
        if servers.bucket.has_path_style:
            properties["s3.path-style-access"] = "true"
        return properties | _encryption(servers.bucket.encryption)


def _encryption(asked: Encryption | None) -> dict[str, str]:
    """What Trino is to ask of the S3 server with each file; the name of a key is no secret."""
    if asked is None:
        return {}
    if asked.kms_key is None:
        return {"s3.sse.type": "S3"}
    return {"s3.sse.type": "KMS", "s3.sse.kms-key-id": asked.kms_key}


def _plain(ref: str) -> str:
    """A ref as a part of a name in Trino, whose names are in lower case."""
    return re.sub(r"[^a-z0-9_]", "_", ref.lower())
