"""Examines everything a run needs, and says what to do about what is not in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lakehouse import damage, postgres, probes, publish
from lakehouse.catalogs import MAIN
from lakehouse.errors import LakehouseError, StorageError
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


def examine(session: Session, *, deep: bool = False) -> list[Finding]:
    """Look at one thing after the other, at tables only if servers of theirs answer.

    A `deep` look reads every file that main names.
    """
    settings = session.settings
    about = f"{settings.root}, profile {settings.profile}, engine {settings.engine}"
    findings = [Finding("settings", healthy=True, detail=about)]
    findings.append(_finding("project", lambda: _project(session)))
    servers = [_finding(*each) for each in probes.probes(settings).items()]
    needs_them = _looks(session, deep=deep) if all(server.healthy for server in servers) else {}
    return [*findings, *servers, *(_finding(*each) for each in needs_them.items())]


def _looks(session: Session, *, deep: bool) -> dict[str, Look]:
    """What a run needs besides the project and servers."""
    looks: dict[str, Look] = {
        "tables": lambda: _tables(session, deep=deep),
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
    places = session.catalog.places(MAIN)
    _require_all_commits(session)
    return f"{session.settings.home}, {len(places)} tables on main"


def _require_all_commits(session: Session) -> None:
    """Refuse a catalog that does not know the commit that was published last."""
    published = publish.remembered(session.settings)
    if published is not None and published not in {each.id for each in session.catalog.log()}:
        raise StorageError(
            f"the catalog does not know the commit {published}, which was published:"
            " its newest commits are lost",
            hint="put a copy of catalog.db and catalog.db-wal back if you have one; if not,"
            " `lakehouse backfill --missing` fetches the days since",
        )


def _tables(session: Session, *, deep: bool) -> str:
    if session.settings.servers is None:
        damage.require_sound(session, deep=deep)
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
        return f"{address.shown}, version {rows[0]['version']}"
