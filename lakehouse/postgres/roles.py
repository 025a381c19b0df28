"""Roles that may log in to the embedded Postgres: its owner, and a reader of the marts.

Both need a password, also on the socket: connections that `lakehouse postgres` forwards from a port
arrive there too, and Postgres cannot tell them from those of the home's owner. The passwords are
random. They are kept in a file of the home that libpq reads, so that no address has to hold them.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from lakehouse.declare.specs import MARTS

OWNER = "postgres"
"""The role that owns the marts; it is a superuser."""
READER = "lakehouse_reader"
"""The role that may read what is published, and nothing else."""
RULES = """\
# Written by lakehouse. Everybody needs a password; roles without one, and replication, are refused.
local all all scram-sha-256
"""
"""Content of the server's pg_hba.conf."""
_BYTES = 24
"""Random bytes in a password."""


def new_passwords() -> dict[str, str]:
    """Return new random passwords by role."""
    return {role: secrets.token_urlsafe(_BYTES) for role in (OWNER, READER)}


def passfile(passwords: Mapping[str, str]) -> str:
    """Return the passwords as text of a `passfile` of libpq."""
    return "".join(f"*:*:*:{role}:{password}\n" for role, password in passwords.items())


def password(passfile: Path, role: str) -> str:
    """Return the password of a role from the password file."""
    entries = (line.split(":") for line in passfile.read_text(encoding="utf-8").splitlines())
    return next(password for *_, name, password in entries if name == role)


def reading(schema: str) -> list[str]:
    """Return the statements that let the reader read all tables of a schema."""
    return [
        f"GRANT USAGE ON SCHEMA {schema} TO {READER}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {READER}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {READER}",
    ]


def statements(passwords: Mapping[str, str]) -> str:
    """Return the SQL that sets the roles up, whatever state they are in; a statement a line.

    PostgreSQL gives everybody functions with which a reader could hold the lock of publications or
    fill the disk with large objects: those are revoked. The owner's password is hashed once, as the
    owner connects several times a run and hashing 192 random bits more often makes them no safer;
    the reader's has the usual iterations, on which some clients insist.
    """
    return f"""\
DO $$ BEGIN IF to_regrole('{READER}') IS NULL THEN CREATE ROLE {READER}; END IF; END $$
ALTER ROLE {READER} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
ALTER ROLE {READER} SET default_transaction_read_only = on
ALTER ROLE {READER} PASSWORD '{passwords[READER]}'
SET scram_iterations = 1
ALTER ROLE {OWNER} PASSWORD '{passwords[OWNER]}'
CREATE SCHEMA IF NOT EXISTS {MARTS}
{_READING}
REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC
DO $$ DECLARE each regprocedure; BEGIN FOR each IN {_FOR_EVERYBODY} LOOP {_REVOKE}; END LOOP; END $$
"""


_READING = "\n".join(reading(MARTS))
_FOR_EVERYBODY = (
    "SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace"
    " AND proname ~ '^(pg_(try_)?advisory_|lo_(creat|create|from_bytea)$)'"
)
_REVOKE = "EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each)"
