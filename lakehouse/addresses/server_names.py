"""Names that a lakehouse has on servers that it shares with others."""

from __future__ import annotations

import re

from lakehouse.errors import ConfigError

NESSIE_BRANCH, TRINO_CATALOG = "main", "lakehouse"
"""The names of a lakehouse that shares nothing."""
_BRANCH = re.compile(r"(?!run-)[A-Za-z][\w-]*([./][\w-]+)*", re.ASCII)
_CATALOG = re.compile(r"[a-z][a-z0-9_]*")


def nessie_branch(text: str | None) -> str:
    """Return the name of main's branch in Nessie. Raises ConfigError."""
    name = text or NESSIE_BRANCH
    if not _BRANCH.fullmatch(name):
        raise ConfigError(
            "LAKEHOUSE_NESSIE_BRANCH is no name of a main branch",
            hint="use one such as team_a; those that begin with run- are branches of runs",
        )
    return name


def trino_catalog(text: str | None) -> str:
    """Return the name of main's catalog in Trino. Raises ConfigError."""
    name = text or TRINO_CATALOG
    if not _CATALOG.fullmatch(name):
        raise ConfigError(
            "LAKEHOUSE_TRINO_CATALOG is no name of a catalog",
            hint="use small letters, digits and _, such as lakehouse_of_team_a",
        )
    return name
