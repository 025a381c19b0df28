"""Asks each server of the production profile whether it answers and does what is needed of it.

When a run fails over one of them, the libraries in between say so in many ways, and seldom which
server it was. So the servers are asked then, too: the one that does not answer is the reason.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urlsplit

from lakehouse import disk, postgres
from lakehouse.addresses import Address
from lakehouse.config import Servers, Settings
from lakehouse.errors import (
    CheckFailedError,
    LakehouseError,
    MergeConflictError,
    QueryError,
    StorageError,
)

_PATIENCE = 5
"""Seconds."""
_OF_DUCKDB = {"duckdb", "_duckdb"}
"""Modules of its errors, told by name as DuckDB is slow to load."""
_NOT_OVER_A_SERVER = (CheckFailedError, MergeConflictError)


class ServerError(StorageError):
    """A server does not answer, or refuses what is needed of it."""


def probes(settings: Settings) -> dict[str, Callable[[], str]]:
    """By server, what asks it: gives what answered in a line, or raises LakehouseError."""
    servers = settings.servers
    if servers is None:
        return {}
    found = {"nessie": lambda: _nessie(servers), "s3": lambda: _s3(servers)}
    if settings.engine == "trino":
        found["trino"] = lambda: _trino(servers)
    if settings.postgres_url is not None:
        address = settings.postgres_url
        found["postgres"] = lambda: _postgres(address)
    return found


def explained(settings: Settings, error: Exception) -> Exception:
    """The reason of an error: a full disk, or a server that does not answer; else the error.

    What DuckDB cannot read is told in a line.
    """
    if isinstance(error, (ServerError, *_NOT_OVER_A_SERVER)):
        return error
    if full := disk.explained(settings, error):
        return full
    for probe in probes(settings).values():
        try:
            probe()
        except LakehouseError as reason:
            found = ServerError(reason.message, hint=reason.hint)
            for note in getattr(error, "__notes__", ()):
                found.add_note(note)
            return found
    if type(error).__module__ in _OF_DUCKDB:  # raised while rows were fetched
        from lakehouse.engines import duckdb

        return duckdb.refusal(error)
    return error


def _nessie(servers: Servers) -> str:
    from lakehouse.catalogs.nessie_api import Nessie

    with closing(Nessie(servers.nessie_url, patience=_PATIENCE)) as nessie:
        known = nessie.get("config")
    return f"{servers.nessie_url}, specification {known.get('specVersion', 'unknown')}"


def _s3(servers: Servers) -> str:
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, place = servers.bucket, urlsplit(servers.warehouse)
    at = bucket.endpoint or "Amazon"
    once = {"total_max_attempts": 1}
    client = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=bucket.endpoint,
        region_name=bucket.region,
        aws_access_key_id=bucket.access_key.get_secret_value(),
        aws_secret_access_key=bucket.secret_key.get_secret_value(),
        config=Config(connect_timeout=_PATIENCE, read_timeout=_PATIENCE, retries=once),
    )
    probe = {"Bucket": place.netloc, "Key": f"{place.path.strip('/')}/.probe"}
    try:
        with closing(client):
            client.put_object(**probe, Body=b"")
            client.delete_object(**probe)
    except ClientError as error:
        reason = error.response["Error"]
        raise ServerError(
            f"S3 at {at} refuses to write to {servers.warehouse}: {reason['Code']}",
            hint=_CURES.get(reason["Code"], "may this key write to the bucket?"),
        ) from None
    except BotoCoreError as error:
        raise ServerError(
            f"S3 at {at} does not answer ({type(error).__name__})",
            hint="is it running, and is LAKEHOUSE_S3_ENDPOINT right?",
        ) from None
    return f"{at}, {servers.warehouse} can be written to"


_CURES = {
    "NoSuchBucket": "make the bucket, or set LAKEHOUSE_WAREHOUSE to another",
    "InvalidAccessKeyId": "set AWS_ACCESS_KEY_ID to a key that the server knows",
    "SignatureDoesNotMatch": "set AWS_SECRET_ACCESS_KEY to the secret of AWS_ACCESS_KEY_ID",
}


def _trino(servers: Servers) -> str:
    from lakehouse.engines.trino_client import Client

    client, name = Client(servers.trino_url or ""), f"lakehouse_probe_{secrets.token_hex(4)}"
    try:
        ((version,),) = client.run("SELECT node_version FROM system.runtime.nodes LIMIT 1").rows
        client.run(f"CREATE CATALOG {name} USING memory")
        client.run(f"DROP CATALOG {name}")
    except QueryError as error:
        where = "" if client.place in error.message else f"{client.place}: "
        raise ServerError(where + error.message, hint=error.hint) from None
    return f"{client.place}, version {version}, makes catalogs"


def _postgres(address: Address) -> str:
    asked = (
        "SELECT current_setting('server_version') AS version, session_user AS name,"
        " current_database() AS database,"
        " has_database_privilege(session_user, current_database(), 'CREATE') AS may_create"
    )
    (found,) = postgres.query(address, asked)
    if not found["may_create"]:
        user, database = found["name"], found["database"]
        raise ServerError(
            f"Postgres at {address.shown}: the user {user} may not create schemas",
            hint=f'GRANT CREATE ON DATABASE "{database}" TO "{user}"',
        )
    return f"{address.shown}, version {found['version']}"
