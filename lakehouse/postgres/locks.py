"""Locks of others that we wait for: how long, and who holds them."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lakehouse.addresses import Address
from lakehouse.errors import PublishError
from lakehouse.postgres import connected

if TYPE_CHECKING:
    import psycopg

NOT_AVAILABLE = "55P03"
"""SQLSTATE of a wait for a lock that took too long."""
_LONGEST = 60_000
"""Milliseconds that each lock is waited for."""
_LIMIT = """
SELECT set_config('lock_timeout', coalesce(nullif(reset_val, '0'), %s), true)
FROM pg_settings WHERE name = 'lock_timeout'
"""
_MODES = [
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
]
"""Modes of locks, the one that leaves others the least last."""
_HOLDERS = """
SELECT pid, usename, application_name, to_char(xact_start AT TIME ZONE 'UTC', 'HH24:MI:SS'), state,
    coalesce(nspname || '.' || relname, 'the lock of publications')
FROM pg_locks
JOIN pg_stat_activity USING (pid)
LEFT JOIN pg_class ON pg_class.oid = relation
LEFT JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE granted AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (nspname = ANY (%(schemas)s)
        OR locktype = 'advisory' AND (classid::bigint << 32) + objid::bigint = %(key)s)
ORDER BY array_position(%(modes)s, mode) DESC NULLS LAST, xact_start
LIMIT 1
"""


def limit_waits(connection: psycopg.Connection[Any], longest: int = _LONGEST) -> None:
    """Let no lock be waited for longer than so many milliseconds in this transaction.

    A limit that the address, the environment, the role or the database sets goes before.
    """
    connection.execute(_LIMIT, (str(longest),))


def holder(address: Address, schemas: Collection[str], key: int = 0) -> str:
    """Return who holds the strongest lock on relations of some schemas, or the lock of a key.

    It is empty where nobody does, any more. Postgres keeps to itself since when others are at it,
    unless our role may see that.
    """
    import psycopg

    with suppress(PublishError, psycopg.Error), connected(address) as connection:
        wanted = {"schemas": [*schemas], "key": key, "modes": _MODES}
        if row := connection.execute(_HOLDERS, wanted).fetchone():
            pid, user, program, since, state, what = row
            about = [
                f"user {user}",
                program and f"program {program}",
                state,
                since and f"since {since} UTC",
            ]
            return f"process {pid} ({', '.join(filter(None, about))}) holds {what}"
    return ""
