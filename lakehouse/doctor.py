"""Examines everything a run needs, and says what to do about what is not in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lakehouse import postgres, probes
from lakehouse.catalogs import MAIN
from lakehouse.errors import LakehouseError
from lakehouse.session import Session


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    healthy: bool
    detail: str
    cure: str = ""


Look = Callable[[], str]
"""Gives a line about what is in order, or raises what is not."""


def examine(session: Session) -> list[Finding]:
    """Look at one thing after the other, at tables only if servers of theirs answer."""
    settings = session.settings
    about = f"{settings.root}, profile {settings.profile}, engine {settings.engine}"
    findings = [Finding("settings", healthy=True, detail=about)]
    findings.append(_finding("project", lambda: _project(session)))
    servers = [_finding(*each) for each in probes.probes(settings).items()]
    needs_them = _looks(session) if all(server.healthy for server in servers) else {}
    return [*findings, *servers, *(_finding(*each) for each in needs_them.items())]


def _looks(session: Session) -> dict[str, Look]:
    """What a run needs besides the project and servers."""
    looks: dict[str, Look] = {
        "tables": lambda: _tables(session),
        "engine": lambda: _engine(session),
    }
    if session.settings.servers is None:
        looks = {"home": lambda: _home(session), **looks, "postgres": lambda: _postgres(session)}
    return looks


def _finding(what: str, look: Look) -> Finding:
    try:
        return Finding(what, healthy=True, detail=look())
    except LakehouseError as error:
        return Finding(what, healthy=False, detail=error.message, cure=error.hint)
    except Exception as error:  # noqa: BLE001 - whatever is wrong is a finding here
        return Finding(what, healthy=False, detail=f"{type(error).__name__}: {error}")


def _project(session: Session) -> str:
    project = session.compiled.project
    return (
        f"{len(project.ingestions)} ingestions, {len(project.models)} models,"
        f" {len(project.checks)} checks"
    )


def _home(session: Session) -> str:
    return f"{session.settings.home}, {len(session.catalog.places(MAIN))} tables on main"


def _tables(session: Session) -> str:
    tables = session.catalog.tables(MAIN)
    failed = len(session.catalog.branches())
    left = f"; branches of runs that did not reach main: {failed}" if failed else ""
    return f"{sum(table.rows for table in tables.values())} rows in {len(tables)} tables{left}"


def _engine(session: Session) -> str:
    session.duckdb.scalar("SELECT 1")
    return f"DuckDB with {', '.join(session.duckdb.extensions())}"


def _postgres(session: Session) -> str:
    session.require_home()
    with postgres.serving(session.settings) as address:
        rows = postgres.query(address, "SELECT current_setting('server_version') AS version")
        return f"{postgres.shown(address)}, version {rows[0]['version']}"
