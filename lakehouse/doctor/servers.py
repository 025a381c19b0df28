"""Probes of the production profile's servers: each must answer, and allow what a run needs.

When a run fails because of a server, the libraries in between report it in many ways, and seldom
name the server. So the probes are repeated after an error: a server that fails its probe is the
reason.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urlsplit

from lakehouse.addresses import Address
from lakehouse.config import Servers, Settings
from lakehouse.doctor import full_disk_errors, tested
from lakehouse.errors import (
    CheckFailedError,
    LakehouseError,
    MergeConflictError,
    QueryError,
    ServerError,
)
from lakehouse.system.aws_requests import with_files

_PATIENCE = 5
"""Seconds that a server has to answer."""
_OF_DUCKDB = {"duckdb", "_duckdb"}
"""Modules of DuckDB's errors, known by name because DuckDB is slow to load."""
_NOT_OVER_A_SERVER = (CheckFailedError, MergeConflictError)
"""Errors that no server causes."""


def probes(settings: Settings) -> dict[str, Callable[[], str]]:
    """Return the probe of each server, which returns a line about it or raises LakehouseError."""
    servers = settings.servers
    if servers is None:
        return {}
    by_server = {"nessie": lambda: _nessie(servers), "s3": lambda: _s3(servers)}
    if settings.engine == "trino":
        by_server["trino"] = lambda: _trino(servers)
    if settings.postgres_url is not None:
        address = settings.postgres_url
        by_server["postgres"] = lambda: _postgres(address)
    return by_server


def explained(settings: Settings, error: Exception) -> Exception:
    """Return the reason of an error: a full disk or a server that does not answer; else the error.

    An error of DuckDB becomes a QueryError of one line.
    """
    if isinstance(error, (ServerError, *_NOT_OVER_A_SERVER)):
        return error
    if full := full_disk_errors.explained(settings, error):
        return full
    for probe in probes(settings).values():
        try:
            probe()
        except LakehouseError as reason:
            failure = ServerError(reason.message, hint=reason.hint)
            for note in getattr(error, "__notes__", ()):
                failure.add_note(note)
            return failure
    if type(error).__module__ in _OF_DUCKDB:  # raised while rows were fetched
        from lakehouse.engines import duckdb_connections

        return duckdb_connections.refusal(error)
    return error


def _nessie(servers: Servers) -> str:
    from lakehouse.catalogs.nessie_http import Nessie
    from lakehouse.identity.access import Access

    access = Access(servers.nessie_identity)
    with closing(Nessie(servers.nessie_url, access, patience=_PATIENCE)) as nessie:
        settings = nessie.get("config")
    found = f"specification {settings.get('specVersion', 'unknown')}"
    return f"{servers.nessie_url}, {found} (tested: Nessie {tested.NESSIE})"


def _s3(servers: Servers) -> str:
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, SSLError

    bucket, place = servers.bucket, urlsplit(servers.warehouse)
    at = bucket.endpoint or "Amazon"
    once = {"total_max_attempts": 1}
    client = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=bucket.endpoint,
        region_name=bucket.region,
        **bucket.keys.named("aws_access_key_id", "aws_secret_access_key", "aws_session_token"),
        config=Config(
            **{
                **bucket.manners,
                "connect_timeout": _PATIENCE,
                "read_timeout": _PATIENCE,
                "retries": once,
            }
        ),
    )
    probe = {"Bucket": place.netloc, "Key": f"{place.path.strip('/')}/.probe"}
    try:
        with closing(client):
            client.put_object(**probe, Body=b"", **with_files(bucket.encryption))
            client.delete_object(**probe)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        is_broken = status >= _BROKEN
        raise ServerError(
            f"S3 at {at} {'fails' if is_broken else 'refuses'} to write to {servers.warehouse}:"
            f" {code if str(status) in code else f'{code}, HTTP {status}'}",
            hint=_CURES.get(code, _LOGS if is_broken else "may this key write to the bucket?"),
        ) from None
    except SSLError:
        raise ServerError(
            f"S3 at {at} has a certificate that is not trusted",
            hint="name the file of its authority in AWS_CA_BUNDLE",
        ) from None
    except BotoCoreError as error:
        raise ServerError(
            f"S3 at {at} does not answer ({type(error).__name__})",
            hint="is it running, and is LAKEHOUSE_S3_ENDPOINT right?",
        ) from None
    return f"{at} (tested: {tested.S3}), {servers.warehouse} can be written to"


_BROKEN = 500
"""The first HTTP status of those that say that the server itself fails."""
_LOGS = "the server, or what stands before it, is in trouble: its log says why"
_CURES = {
    "NotImplemented": "does it encrypt? Unset LAKEHOUSE_S3_ENCRYPTION, and let the bucket do that",
    "NoSuchBucket": "make the bucket, or set LAKEHOUSE_WAREHOUSE to another",
    "InvalidAccessKeyId": "set AWS_ACCESS_KEY_ID to a key that the server knows",
    "SignatureDoesNotMatch": "set AWS_SECRET_ACCESS_KEY to the secret of AWS_ACCESS_KEY_ID",
}


def _trino(servers: Servers) -> str:
    from lakehouse.engines.trino_client import Client

    client = Client(servers.trino_url or "", servers.trino_identity, patience=_PATIENCE)
    name = f"lakehouse_probe_{secrets.token_hex(4)}"
    try:
        ((version,),) = client.run("SELECT node_version FROM system.runtime.nodes LIMIT 1").rows
        client.run(f"CREATE CATALOG {name} USING memory")
        client.run(f"DROP CATALOG {name}")
    except QueryError as error:
        where = "" if client.place in error.message else f"{client.place}: "
        raise ServerError(where + error.message, hint=error.hint) from None
    return f"{client.place}, version {version} (tested: {tested.TRINO}), makes catalogs"


def _postgres(address: Address) -> str:
    from lakehouse.postgres import reading

    sql = (
        "SELECT current_setting('server_version') AS version, session_user AS name,"
        " current_database() AS database,"
        " has_database_privilege(session_user, current_database(), 'CREATE') AS may_create"
    )
    (answer,) = reading.query(address, sql)
    if not answer["may_create"]:
        user, database = answer["name"], answer["database"]
        raise ServerError(
            f"Postgres at {address.shown}: the user {user} may not create schemas",
            hint=f'GRANT CREATE ON DATABASE "{database}" TO "{user}"',
        )
    return f"{address.shown}, version {answer['version']} (tested: {tested.POSTGRES})"
