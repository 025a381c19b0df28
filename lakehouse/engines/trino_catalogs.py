"""The catalogs that a Trino server has of a lakehouse: one for main, and one for each other ref.

Trino names no branch of Nessie in a statement: a ref is a catalog. The one of main stays, for
everyone who asks Trino; the others belong to a process, and are dropped when it is done. Statements
that make a catalog are seen by everyone who may list queries, so that secrets are not in them:
Trino reads the bucket with its own credentials, and the password of Postgres from its environment.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from lakehouse import clock
from lakehouse.addresses import Address
from lakehouse.addresses.postgres import parse
from lakehouse.catalogs import MAIN
from lakehouse.config import Servers
from lakehouse.engines.sql import quoted, text
from lakehouse.engines.trino_client import Client
from lakehouse.errors import PublishError
from lakehouse.state import PROPERTY

MAIN_CATALOG = "lakehouse"
"""What main is called in Trino."""
PASSWORD = "LAKEHOUSE_POSTGRES_PASSWORD"  # noqa: S105 - the name of a variable
"""Where Trino finds the password of the marts' Postgres, in its environment."""
_POSTGRES = "postgres"
_OWNED = re.compile(rf"{MAIN_CATALOG}_(\d{{8}}t\d{{6}})_[0-9a-f]{{6}}_(\w+)")
"""When the process began that a catalog belongs to, and what the catalog is of."""
_STAMP = "%Y%m%dt%H%M%S"
_LONGEST = timedelta(days=1)
"""No process needs its catalogs for longer."""
_BATCH = 10_000


class Catalogs:
    """Makes catalogs when they are first used."""

    def __init__(self, client: Client, servers: Servers) -> None:
        self._client, self._servers = client, servers
        self._owner = f"{clock.now():{_STAMP}}_{secrets.token_hex(3)}"
        self._made: set[str] = set()
        self._lock = threading.Lock()

    def of(self, ref: str) -> str:
        """The name of the catalog of a ref, as Nessie writes it in addresses."""
        name = MAIN_CATALOG if ref == MAIN else self._name(ref)
        self._make(name, "iceberg", self._lake(ref))
        return name

    def make_schema(self, branch: str, schema: str) -> None:
        """Make a schema of a branch, unless it is there."""
        name = f"{quoted(self.of(branch))}.{quoted(schema)}"
        with self._lock:  # the statement fails if another one makes it meanwhile
            self._client.run(f"CREATE SCHEMA IF NOT EXISTS {name}")

    def of_postgres(self, address: Address) -> str:
        """The name of the catalog of the Postgres at an address."""
        name = self._name(_POSTGRES)
        self._make(name, "postgresql", _postgres(address))
        return name

    def release(self) -> None:
        """Drop all that were made, except that of main."""
        for name in self._made - {MAIN_CATALOG}:
            self._drop(name)

    def sweep(self, branches: Collection[str]) -> None:
        """Drop what dead processes left: catalogs of branches that are no more, and other old ones.

        That of main is made, if it is not there.
        """
        self.of(MAIN)
        live = {*map(_plain, branches)}
        for (name,) in self._client.run("SHOW CATALOGS").rows:
            if found := _OWNED.fullmatch(name):
                began = datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC)
                is_old = clock.now() - began > _LONGEST
                # Whoever works on a branch keeps it, whatever the clock says meanwhile.
                if found[2] not in live if found[2].startswith("run_") else is_old:
                    self._drop(name)

    def _name(self, what: str) -> str:
        return f"{MAIN_CATALOG}_{self._owner}_{_plain(what)}"

    def _make(self, name: str, connector: str, properties: Mapping[str, str]) -> None:
        listed = ", ".join(f"{quoted(key)} = {text(value)}" for key, value in properties.items())
        with self._lock:
            if name not in self._made:
                self._client.run(
                    f"CREATE CATALOG IF NOT EXISTS {quoted(name)} USING {connector} WITH ({listed})"
                )
                self._made.add(name)

    def _drop(self, name: str) -> None:
        self._client.run(f"DROP CATALOG IF EXISTS {quoted(name)}")
        self._made.discard(name)

    def _lake(self, ref: str) -> dict[str, str]:
        """Where the tables of a ref are."""
        servers = self._servers
        properties = {
            "iceberg.catalog.type": "rest",
            "iceberg.rest-catalog.uri": f"{servers.nessie_url}/iceberg/{ref}",
            "iceberg.allowed-extra-properties": PROPERTY,
            # Sketches of every column at every write take longer than what the models compute.
            "iceberg.extended-statistics.collect-on-write": "false",
            "fs.native-s3.enabled": "true",
            "s3.region": servers.bucket.region,
        }
        if servers.bucket.endpoint is not None:
            properties["s3.endpoint"] = servers.bucket.endpoint
            properties["s3.path-style-access"] = "true"
        return properties


def _plain(ref: str) -> str:
    """A ref in a name of Trino, which knows small letters alone."""
    return re.sub(r"[^a-z0-9_]", "_", ref.lower())


def _postgres(address: Address) -> dict[str, str]:
    parts = parse(address.reveal())
    host = parts.get("host", "localhost")
    if host.startswith("/"):
        raise PublishError(
            "Trino cannot publish to a Postgres that listens on a Unix socket alone",
            hint="set LAKEHOUSE_POSTGRES_URL to an address with a host and a port",
        )
    encrypted = f"?sslmode={quote(parts['sslmode'])}" if "sslmode" in parts else ""
    place = f"{host}:{parts.get('port', 5432)}/{quote(parts.get('dbname', ''))}"
    properties = {
        "connection-url": f"jdbc:postgresql://{place}{encrypted}",
        "connection-user": parts.get("user", ""),
        "write.batch-size": str(_BATCH),
        # What is half written is a staging table that nobody reads.
        "insert.non-transactional-insert.enabled": "true",
    }
    if parts.get("password"):
        properties["connection-password"] = f"${{ENV:{PASSWORD}}}"
    return properties
