"""Who may log in to the embedded Postgres: its owner, and one who reads the marts.

Both need a password, also on the socket: what `lakehouse postgres` passes on from a port arrives
there too, and Postgres cannot tell it from what comes from this machine's owner. The passwords are
random, and in a file of the home in the form that libpq reads, so that no address has to hold them.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

OWNER = "postgres"
"""Owns the marts and is a superuser."""
READER = "lakehouse_reader"
"""May read the marts, and nothing else."""
MARTS = "marts"
"""The schema that it reads."""
RULES = """\
# Written by lakehouse. Everybody needs a password; roles without one, and replication, are refused.
local all all scram-sha-256
"""
"""The server's pg_hba.conf."""
_BYTES = 24
"""Of chance in a password."""


def new_passwords() -> dict[str, str]:
    """Passwords of the roles."""
    return {role: secrets.token_urlsafe(_BYTES) for role in (OWNER, READER)}


def passfile(passwords: Mapping[str, str]) -> str:
    """The passwords as libpq's `passfile` has them."""
    return "".join(f"*:*:*:{role}:{password}\n" for role, password in passwords.items())


def password(passfile: Path, role: str) -> str:
    """The password of a role, as the file has it."""
    entries = (line.split(":") for line in passfile.read_text(encoding="utf-8").splitlines())
    return next(password for *_, known, password in entries if known == role)


def statements(passwords: Mapping[str, str]) -> str:
    """What makes the roles as they are to be, whatever they were; a statement a line.

    A reader could keep publications waiting by their lock, and fill the disk with large objects,
    by functions that PostgreSQL gives to everybody. To hash a password of 192 random bits more than
    once makes it no safer, and the owner connects several times a run; the reader may be a client
    that insists.
    """
    return f"""\
DO $$ BEGIN IF to_regrole('{READER}') IS NULL THEN CREATE ROLE {READER}; END IF; END $$
ALTER ROLE {READER} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
ALTER ROLE {READER} SET default_transaction_read_only = on
ALTER ROLE {READER} PASSWORD '{passwords[READER]}'
SET scram_iterations = 1
ALTER ROLE {OWNER} PASSWORD '{passwords[OWNER]}'
CREATE SCHEMA IF NOT EXISTS {MARTS}
GRANT USAGE ON SCHEMA {MARTS} TO {READER}
GRANT SELECT ON ALL TABLES IN SCHEMA {MARTS} TO {READER}
ALTER DEFAULT PRIVILEGES IN SCHEMA {MARTS} GRANT SELECT ON TABLES TO {READER}
REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC
DO $$ DECLARE each regprocedure; BEGIN FOR each IN {_FOR_EVERYBODY} LOOP {_REVOKE}; END LOOP; END $$
"""


_FOR_EVERYBODY = (
    "SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace"
    " AND proname ~ '^(pg_(try_)?advisory_|lo_(creat|create|from_bytea)$)'"
)
_REVOKE = "EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each)"
