"""Examination of everything that a run needs, with advice about what is not in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lakehouse import postgres
from lakehouse.addresses.discretion import unexpected
from lakehouse.catalogs import MAIN
from lakehouse.doctor import damage, servers, through_trino
from lakehouse.errors import LakehouseError, StorageError
from lakehouse.publish import memory
from lakehouse.session import Session


@dataclass(frozen=True)
class Finding:
    """Result of examining one thing."""

    what: str
    healthy: bool
    detail: str
    cure: str = ""


Look = Callable[[], str]
"""Function that returns a line about a thing in order, or raises what is wrong with it."""


def examine(session: Session, *, deep: bool = False) -> list[Finding]:
    """Examine the settings, the project, servers, tables and the engine.

    Tables and the engine are examined only if all servers answer. `deep` reads every data file that
    main names.
    """
    settings = session.settings
    about = f"{settings.root}, profile {settings.profile}, engine {settings.engine}"
    findings = [Finding("settings", healthy=True, detail=about)]
    findings.append(_finding("project", lambda: _project(session)))
    answers = [_finding(*probe) for probe in servers.probes(settings).items()]
    looks = _looks(session, deep=deep) if all(answer.healthy for answer in answers) else {}
    return [*findings, *answers, *(_finding(*look) for look in looks.items())]


def _looks(session: Session, *, deep: bool) -> dict[str, Look]:
    """Return how to examine, by name, what a run needs besides the project and servers."""
    looks: dict[str, Look] = {
        "tables": lambda: _tables(session, deep=deep),
        "engine": lambda: _engine(session),
    }
    if session.settings.servers is None:
        looks = {"home": lambda: _home(session), **looks, "postgres": lambda: _postgres(session)}
    return looks | through_trino.looks(session)


def _finding(what: str, look: Look) -> Finding:
    try:
        return Finding(what, healthy=True, detail=look())
    except LakehouseError as error:
        return Finding(what, healthy=False, detail=error.message, cure=error.hint)
    except Exception as error:  # noqa: BLE001 - any error is a finding here
        return Finding(what, healthy=False, detail=unexpected(error))


def _project(session: Session) -> str:
    project = session.compiled.project
    return (
        f"{len(project.ingestions)} ingestions, {len(project.models)} models,"
        f" {len(project.checks)} checks"
        + (f", {len(project.copies)} seeds and tables of others" if project.copies else "")
    )


def _home(session: Session) -> str:
    places = session.catalog.places(MAIN)
    _require_all_commits(session)
    return f"{session.settings.home}, {len(places)} tables on main"


def _require_all_commits(session: Session) -> None:
    """Raise StorageError if the catalog does not know the commit that was published last."""
    published = memory.commit(session.settings)
    if published is not None and published not in {commit.id for commit in session.catalog.log()}:
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
    branches = len(session.catalog.branches())
    note = f"; branches of runs that did not reach main: {branches}" if branches else ""
    return f"{sum(table.rows for table in tables.values())} rows in {len(tables)} tables{note}"


def _engine(session: Session) -> str:
    session.duckdb.scalar("SELECT 1")
    return f"DuckDB with {', '.join(session.duckdb.extensions())}"


def _postgres(session: Session) -> str:
    from lakehouse.postgres import reading

    session.require_home()
    with postgres.serving(session.settings) as address:
        rows = reading.query(address, "SELECT current_setting('server_version') AS version")
        return f"{address.shown}, version {rows[0]['version']}"
