"""What a home holds, so that two of them can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakehouse.session import Session

_OWN = {"_run_id", "_ingested_at", "ingested_at", "_gone_run"}
"""Columns that tell which run wrote a row, and when: they differ from one history to another."""
_MARK = "_gone_at"
"""Column that tells whether a row is gone, and when that was found."""


@dataclass(frozen=True)
class State:
    """What main and Postgres hold, each table as a digest of its rows."""

    main: dict[str, str]
    postgres: dict[str, str]


@dataclass(frozen=True)
class Rest:
    """What a home holds beside its tables."""

    branches: tuple[str, ...]
    staging: tuple[str, ...]
    """Staging tables of Postgres."""


def look(session: Session, address: str) -> tuple[State, Rest]:
    """What is there now; nothing is changed."""
    branches = tuple(branch.name for branch in session.catalog.branches())
    published, staging = _published(address)
    return State(dict(main_rows(session)), published), Rest(branches, staging)


def main_rows(session: Session) -> Iterator[tuple[str, str]]:
    """The tables of main, each with a digest of its rows and what was read of its source."""
    for name, stored in session.catalog.tables("main").items():
        rows = session.query(f"SELECT * FROM {name}").to_pylist()
        files = {name: seen.digest for name, seen in stored.state.files.items()}
        yield name, f"{_digest(rows)} {stored.state.covered} {stored.state.cursor} {files}"


def _published(address: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """The marts as one transaction sees them, and the staging tables."""
    import psycopg
    from psycopg import sql
    from psycopg.rows import dict_row

    names = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
    with psycopg.connect(address) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        staging = connection.execute(names, ("lakehouse_staging",)).fetchall()
        marts = {}
        for (name,) in connection.execute(names, ("marts",)).fetchall():
            if name != "publication":
                every = sql.SQL("SELECT * FROM {}").format(sql.Identifier("marts", name))
                marts[name] = _digest(connection.cursor(row_factory=dict_row).execute(every))
    return marts, tuple(name for (name,) in staging)


def _digest(rows: Iterable[Mapping[str, Any]]) -> str:
    """A fingerprint of rows in any order; of floats, what does not depend on an order of sums."""
    lines = sorted(
        repr([_exact(name, value) for name, value in row.items() if name not in _OWN])
        for row in rows
    )
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return f"{len(lines)} {digest[:16]}"


def _exact(name: str, value: Any) -> Any:
    if name == _MARK:
        return value is None
    return f"{value:.9g}" if isinstance(value, float) else value
