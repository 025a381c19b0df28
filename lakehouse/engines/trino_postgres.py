"""The Postgres of the marts as a catalog of Trino, whose driver takes an address in other words.

What the address leaves out is taken from our environment, as libpq does (PGHOST, PGSSLMODE, …).
Files that it names, such as `sslrootcert`, are read by Trino, on its own machine.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote, urlencode

from lakehouse.addresses import Address
from lakehouse.addresses.postgres import host_in_url, parse, places
from lakehouse.errors import PublishError

_BATCH = 10_000
"""Rows that Trino sends to Postgres at a time."""
_TO_CONNECT = "10"
"""Seconds that connecting to one host may take."""
_SESSIONS = {
    "read-write": "primary",
    "primary": "primary",
    "read-only": "secondary",
    "standby": "secondary",
    "prefer-standby": "preferSecondary",
}
"""The driver's words for `target_session_attrs`."""
_OF_JAVA = "org.postgresql.ssl.DefaultJavaSSLFactory"
"""Factory of the driver that trusts whom Java trusts: our `sslrootcert=system`."""
_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}


def properties(address: Address, password: str) -> dict[str, str]:
    """Return the properties of a catalog for a Postgres. Raises PublishError for a Unix socket.

    `password` tells Trino where it has the password, if one is needed.
    """
    ours = {
        keyword: os.environ[name] for keyword, name in _VARIABLES.items() if os.environ.get(name)
    }
    parts = ours | parse(address.reveal())
    user = parts.get("user", "")
    database = quote(parts.get("dbname", user))
    found = {
        "connection-url": f"jdbc:postgresql://{_places(parts)}/{database}?{_options(parts)}",
        "connection-user": user,
        "write.batch-size": str(_BATCH),
        # Without a transaction, a failure leaves a staging table half written, which nobody reads.
        "insert.non-transactional-insert.enabled": "true",
    }
    if parts.get("password") or _has_passfile(parts):
        found["connection-password"] = password
    return found


def _places(parts: dict[str, str]) -> str:
    found = places(parts.get("host") or parts.get("hostaddr", ""), parts.get("port", ""))
    if any(host.startswith("/") for host, _ in found):
        raise PublishError(
            "Trino cannot publish to a Postgres that listens on a Unix socket alone",
            hint="set LAKEHOUSE_POSTGRES_URL to an address with a host and a port",
        )
    return ",".join(f"{host_in_url(host)}:{port or 5432}" for host, port in found)


def _options(parts: dict[str, str]) -> str:
    options = {
        "connectTimeout": parts.get("connect_timeout", _TO_CONNECT),
        "tcpKeepAlive": "true",
    }
    if "sslmode" in parts:
        options["sslmode"] = parts["sslmode"]
    if parts.get("sslrootcert") == "system":
        options |= {"sslmode": "verify-full", "sslfactory": _OF_JAVA}
    elif "sslrootcert" in parts:
        options["sslrootcert"] = parts["sslrootcert"]
    if (kind := _SESSIONS.get(parts.get("target_session_attrs", ""))) is not None:
        options["targetServerType"] = kind
    return urlencode(options, quote_via=quote)


def _has_passfile(parts: dict[str, str]) -> bool:
    """Return whether libpq finds passwords in a file, hence Trino needs one, too."""
    named = parts.get("passfile")
    try:
        return (Path(named) if named else Path.home() / ".pgpass").is_file()
    except RuntimeError:  # the user has no home
        return False
