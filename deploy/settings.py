"""What the servers are told: the values that `compose.yaml` gives them, too."""

from __future__ import annotations

from dataclasses import dataclass

BUCKET = "lake"
WAREHOUSE = f"s3://{BUCKET}/warehouse"
REGION = "us-east-1"
USER = "lakehouse"


@dataclass(frozen=True)
class Ports:
    """Where the servers listen on loopback."""

    postgres: int = 5432
    s3: int = 7070
    nessie: int = 19120
    nessie_management: int = 19121
    trino: int = 8080
    trino_tls: int = 8443
    issuer: int = 9443
    nightscout: int = 1337
    superset: int = 8088

    @property
    def s3_url(self) -> str:
        """The address of the S3 server."""
        return f"http://127.0.0.1:{self.s3}"


def s3proxy(ports: Ports, secret: str, folder: str) -> dict[str, str]:
    """The properties of the S3 server: a bucket is a folder below `folder`."""
    return {
        "s3proxy.endpoint": ports.s3_url,
        "s3proxy.authorization": "aws-v2-or-v4",
        "s3proxy.identity": USER,
        "s3proxy.credential": secret,
        # Trino lists a new table's folder with headers that s3proxy does not know.
        "s3proxy.ignore-unknown-headers": "true",
        "jclouds.provider": "filesystem-nio2",
        "jclouds.filesystem.basedir": folder,
    }


def nessie(ports: Ports, secret: str, folder: str) -> dict[str, str]:
    """The properties of Nessie: its own store, its warehouse, and the S3 server of it."""
    options = "nessie.catalog.service.s3.default-options"
    return {
        "quarkus.http.host": "127.0.0.1",
        "quarkus.http.port": str(ports.nessie),
        "quarkus.management.host": "127.0.0.1",
        "quarkus.management.port": str(ports.nessie_management),
        "nessie.version.store.type": "ROCKSDB",
        "nessie.version.store.persist.rocks.database-path": folder,
        "nessie.catalog.default-warehouse": "warehouse",
        "nessie.catalog.warehouses.warehouse.location": WAREHOUSE,
        f"{options}.endpoint": ports.s3_url,
        f"{options}.region": REGION,
        f"{options}.path-style-access": "true",
        f"{options}.request-signing-enabled": "false",
        f"{options}.access-key": "urn:nessie-secret:quarkus:lakehouse.s3",
        "lakehouse.s3.name": USER,
        "lakehouse.s3.secret": secret,
    }


def trino(ports: Ports) -> dict[str, str]:
    """Trino's config.properties: one server, with a catalog for each branch of a run."""
    return {
        "coordinator": "true",
        "node-scheduler.include-coordinator": "true",
        "http-server.http.port": str(ports.trino),
        "discovery.uri": f"http://127.0.0.1:{ports.trino}",
        "catalog.management": "dynamic",
        # In files, beside this one: main's catalog is there again after a restart.
        "catalog.store": "file",
        "query.max-memory": "400MB",
        "query.max-memory-per-node": "400MB",
        "memory.heap-headroom-per-node": "300MB",
        # What ended is kept to be looked at: hundreds of plans would fill the memory.
        "query.max-history": "20",
        "query.min-expire-age": "1m",
        # So are tasks, two hundred for a day of a run; all are looked at five times a second.
        "task.info.max-age": "1m",
    }


def trino_node(folder: str) -> dict[str, str]:
    """Trino's node.properties."""
    return {
        "node.environment": "lakehouse",
        "node.id": "lakehouse",
        "node.data-dir": folder,
        "node.internal-address": "127.0.0.1",
        "node.bind-ip": "127.0.0.1",
    }


TRINO_JVM = (
    "-server",
    # A day of statements makes twenty gigabytes of short-lived objects: with a large young
    # generation, few of them are copied.
    "-Xms3G",
    "-Xmx3G",
    "-Xmn1500M",
    "-XX:+UseParallelGC",
    "-XX:MetaspaceSize=256M",
    "-XX:+ExitOnOutOfMemoryError",
    # Each time that a good part of a small room for code is full, the whole heap is collected.
    "-XX:ReservedCodeCacheSize=1G",
    # The compiler copies less of other methods into each: it has less to do, the planner no more.
    "-XX:MaxInlineLevel=8",
    "-XX:FreqInlineSize=150",
    "-XX:InlineSmallCode=1200",
    "-XX:+EnableDynamicAgentLoading",
    "-Djdk.attach.allowAttachSelf=true",
    "-Dfile.encoding=UTF-8",
    "-Duser.timezone=UTC",
    "--sun-misc-unsafe-memory-access=allow",
)
