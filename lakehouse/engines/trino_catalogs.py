"""The catalogs of a lakehouse on a Trino server: one for main, and one for each other ref in use.

A statement of Trino cannot name a branch of Nessie, so each ref is a catalog. Main's stays, for all
users of Trino; the others belong to a process, which drops them at its end. All who may list
queries see the statements that create catalogs, so these hold no secrets: Trino reads the bucket
with its own credentials, and takes other secrets from its environment, or from where it keeps them.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from lakehouse.addresses import Address
from lakehouse.catalogs import MAIN
from lakehouse.config import Servers
from lakehouse.engines import trino_postgres
from lakehouse.engines.sql import identifier, literal
from lakehouse.engines.trino_client import Client
from lakehouse.engines.trino_login import nessie_login, secret
from lakehouse.plan.state import PROPERTY
from lakehouse.system import clock

MAIN_CATALOG = "lakehouse"
"""Name of main's catalog in Trino."""
PASSWORD = "LAKEHOUSE_POSTGRES_PASSWORD"  # noqa: S105 - a name
"""Name of a secret of Trino: the password of the marts' Postgres."""
_POSTGRES = "postgres"
_OWNED = re.compile(rf"{MAIN_CATALOG}_(\d{{8}}t\d{{6}})_[0-9a-f]{{6}}_(\w+)")
"""Name of a process' catalog: when the process began, and the ref (or Postgres) it is for."""
_STAMP = "%Y%m%dt%H%M%S"
_LONGEST = timedelta(days=1)
"""Age after which a catalog is dropped: no process uses one for longer."""


class Catalogs:
    """Creates catalogs at their first use, and drops them."""

    def __init__(self, client: Client, servers: Servers) -> None:
        self._client, self._servers = client, servers
        self._owner = f"{clock.now():{_STAMP}}_{secrets.token_hex(3)}"
        self._made: set[str] = set()
        self._lock = threading.Lock()

    def of(self, ref: str) -> str:
        """Create the catalog of a ref, unless it exists; return its name.

        `ref` is written as in Nessie's URLs.
        """
        name = MAIN_CATALOG if ref == MAIN else self._name(ref)
        self._make(name, "iceberg", self._lake(ref))
        return name

    def make_schema(self, branch: str, schema: str) -> None:
        """Create a schema on a branch, unless it exists."""
        name = f"{identifier(self.of(branch))}.{identifier(schema)}"
        with self._lock:  # the statement fails if another thread creates it meanwhile
            self._client.run(f"CREATE SCHEMA IF NOT EXISTS {name}")

    def of_postgres(self, address: Address) -> str:
        """Create the catalog of the Postgres at an address, unless it exists; return its name.

        If settings name one that Trino has, it is taken as it is.
        """
        if self._servers.trino_postgres_catalog is not None:
            return self._servers.trino_postgres_catalog
        name = self._name(_POSTGRES)
        password = secret(self._servers.trino_secrets, PASSWORD)
        self._make(name, "postgresql", trino_postgres.properties(address, password))
        return name

    def release(self) -> None:
        """Drop all catalogs that this process created, except main's."""
        for name in self._made - {MAIN_CATALOG}:
            self._drop(name)

    def sweep(self, branches: Collection[str]) -> None:
        """Drop catalogs of dead processes: those of branches that do not exist, and other old ones.

        Main's is created if it does not exist.
        """
        self.of(MAIN)
        live = {*map(_plain, branches)}
        for (name,) in self._client.run("SHOW CATALOGS").rows:
            if parts := _OWNED.fullmatch(name):
                began = datetime.strptime(parts[1], _STAMP).replace(tzinfo=UTC)
                is_old = clock.now() - began > _LONGEST
                # The catalog of a branch is kept as long as the branch, whatever the clock says.
                if parts[2] not in live if parts[2].startswith("run_") else is_old:
                    self._drop(name)

    def _name(self, ref: str) -> str:
        return f"{MAIN_CATALOG}_{self._owner}_{_plain(ref)}"

    def _make(self, name: str, connector: str, properties: Mapping[str, str]) -> None:
        listed = ", ".join(
            f"{identifier(key)} = {literal(value)}" for key, value in properties.items()
        )
        with self._lock:
            if name not in self._made:
                create = f"CREATE CATALOG IF NOT EXISTS {identifier(name)} USING {connector}"
                self._client.run(f"{create} WITH ({listed})")
                self._made.add(name)

    def _drop(self, name: str) -> None:
        self._client.run(f"DROP CATALOG IF EXISTS {identifier(name)}")
        self._made.discard(name)

    def _lake(self, ref: str) -> dict[str, str]:
        """Properties of the catalog of a ref: Nessie's address and the bucket."""
        servers = self._servers
        properties = {
            "iceberg.catalog.type": "rest",
            "iceberg.rest-catalog.uri": f"{servers.nessie_url}/iceberg/{ref}",
            "iceberg.allowed-extra-properties": PROPERTY,
            # Statistics of all columns at every write would take longer than the models themselves.
            "iceberg.extended-statistics.collect-on-write": "false",
            "fs.native-s3.enabled": "true",
            "s3.region": servers.bucket.region,
            **nessie_login(servers.nessie_identity, servers.trino_secrets),
        }
        if servers.nessie_warehouse is not None:
            properties["iceberg.rest-catalog.warehouse"] = servers.nessie_warehouse
        if servers.bucket.endpoint is not None:
            properties["s3.endpoint"] = servers.bucket.endpoint
        if servers.bucket.has_path_style:
            properties["s3.path-style-access"] = "true"
        return properties


def _plain(ref: str) -> str:
    """A ref as a part of a name in Trino, whose names are in lower case."""
    return re.sub(r"[^a-z0-9_]", "_", ref.lower())
