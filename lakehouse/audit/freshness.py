"""Freshness of tables: the age of the newest row of each key, compared with its declared limits.

A table is stale only if some run asked for recent days. The state of a home that was only ever
filled with old days is `history` instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import ibis

from lakehouse.audit.unread_keys import unread_keys
from lakehouse.build.builds import departed_keys, source
from lakehouse.catalogs import MAIN, StoredTable
from lakehouse.checks import FreshnessCheck
from lakehouse.compile.compiler import Statement
from lakehouse.engines import Source, python_rows
from lakehouse.engines.sql import covered, identifier
from lakehouse.plan import what_to_build
from lakehouse.plan.key_windows import Key, in_words, key_of, may_share_rows
from lakehouse.records import run_records
from lakehouse.session import Session
from lakehouse.system import clock
from lakehouse.windows import ALL_TIME, Window

_NEWEST = "newest"


class FreshnessState(StrEnum):
    """FreshnessState of a source."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    HISTORY = "history"
    """Older than its limits, but no run ever asked for recent days."""
    DEPARTED = "left"
    """The source no longer lists the key, so no new rows are expected."""


@dataclass(frozen=True)
class Freshness:
    """Age of the newest row of a table, or of one key in it."""

    table: str
    key: str
    """Such as 'site=anna'; empty: the table as a whole."""
    newest: datetime | None
    """None: there is no row."""
    age_hours: float | None
    limits: tuple[float, float | None]
    """Hours from which on it is a warning, and a failure; None: never a failure."""
    state: FreshnessState
    unread: str = ""
    """Why the source could not read the key when it was asked last; empty: it could."""

    @property
    def is_stale(self) -> bool:
        """Whether the newest reading is older than was promised."""
        return self.state in (FreshnessState.WARN, FreshnessState.FAIL)


@dataclass(frozen=True)
class _Promise:
    """Limits that a project declares for the newest rows of a table."""

    name: str
    time_column: str
    by: tuple[str, ...]
    limits: tuple[float, float | None]
    lists: tuple[str, ...] = ()
    """Other tables whose rows list the keys that are expected."""


class _PresentRuns:
    """Runs that asked for recent days; their records are read only when some table is old."""

    def __init__(self, session: Session) -> None:
        self._lags = _lags(session.settings.warehouse)
        self._least = timedelta.max

    def within(self, limit: timedelta) -> bool:
        """Return whether some run began less than `limit` after the days that it asked for."""
        while self._least >= limit and (lag := next(self._lags, None)) is not None:
            self._least = min(self._least, lag)
        return self._least < limit


def _lags(warehouse: Path) -> Iterator[timedelta]:
    """Yield how long before its start the days ended that a run asked for, newest run first."""
    for run in reversed(run_records.places(warehouse)):
        record = run_records.load(warehouse, run)
        if record is not None and record.get("window"):
            started = datetime.fromisoformat(record["started_at"])
            yield started - datetime.fromisoformat(record["window"][1])


def freshness(session: Session, now: datetime | None = None) -> list[Freshness]:
    """Return the freshness of each key of every `freshness_hours` and every `FreshnessCheck`.

    Rows with a time in the future, from a wrong clock, are ignored.
    """
    at = now or clock.now()
    present = _PresentRuns(session)
    results = []
    for promise in _promises(session):
        tables = session.catalog.tables(MAIN)
        departed = departed_keys(session.compiled, tables, promise.by)
        unread = _unread(session, promise, tables)
        rows = _newest(session, promise, tables, at)
        for row in [*rows, *_without_rows(promise, unread, rows)]:
            result = replace(
                _freshness_of(session, promise, row, at, present), unread=_why_unread(unread, row)
            )
            key = tuple(row[name] for name in promise.by)
            has_departed = departed is not None and key in departed.values
            results.append(
                replace(result, state=FreshnessState.DEPARTED) if has_departed else result
            )
    return results


def _promises(session: Session) -> Iterator[_Promise]:
    project = session.project
    for spec in project.ingestions.values():
        column = spec.time_column or spec.cursor
        if spec.freshness_hours is not None and column is not None:
            by = what_to_build.key_columns(project, spec)
            yield _Promise(
                spec.name,
                column,
                by,
                spec.freshness_hours,
                lists=tuple(
                    other.name
                    for other in project.ingestions.values()
                    if other.unique_key == by and other is not spec
                ),
            )
    for quality in project.checks.values():
        for rule in quality.checks:
            if isinstance(rule, FreshnessCheck):
                limits = (rule.max_age_hours, rule.max_age_hours if quality.blocking else None)
                yield _Promise(quality.inputs[0], rule.column, rule.keys, limits)


def _newest(
    session: Session, promise: _Promise, tables: Mapping[str, StoredTable], now: datetime
) -> list[dict[str, Any]]:
    """Return the keys, sorted, with the time of the newest row of each."""
    table, *lists = [
        source(session.compiled, name, tables) for name in (promise.name, *promise.lists)
    ]
    statement = _statement(promise, table, session.engine.dialect, now)
    return python_rows.of_arrow(session.engine.rows(statement, [table, *lists]))


def _unread(
    session: Session, promise: _Promise, tables: Mapping[str, StoredTable]
) -> dict[Key, str]:
    """Return the keys of an ingestion that could not be read last, with the reasons."""
    spec = session.project.ingestions.get(promise.name)
    table = tables.get(spec.table) if spec else None
    return unread_keys(session.settings.warehouse, table) if table else {}


def _without_rows(
    promise: _Promise, unread: Mapping[Key, str], rows: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Yield a row for each key that could not be read, and of which there never was any."""
    known = {key_of({name: row[name] for name in promise.by}) for row in rows}
    for key in unread:
        if key not in known and {name for name, _ in key} == set(promise.by):
            yield {**dict(key), _NEWEST: None}


def _why_unread(unread: Mapping[Key, str], row: Mapping[str, Any]) -> str:
    """Return why the key of a row could not be read; empty if it could."""
    return "; ".join(
        reason if dict(key).keys() <= row.keys() else f"{in_words(key)}: {reason}"
        for key, reason in unread.items()
        if may_share_rows(key, tuple(row.items()))
    )


def _statement(promise: _Promise, table: Source, dialect: str, now: datetime) -> Statement:
    keys, column = list(map(identifier, promise.by)), identifier(promise.time_column)
    until = Window(ALL_TIME.start, now + timedelta(microseconds=1))
    past = covered((until,), promise.time_column, table.schema, dialect)
    parts = [_columns([*keys, f"{column} AS {_NEWEST}"], f"{identifier(table.name)} WHERE {past}")]
    parts += [_columns([*keys, f"NULL AS {_NEWEST}"], identifier(name)) for name in promise.lists]
    sql = _columns([*keys, f"max({_NEWEST}) AS {_NEWEST}"], f"({' UNION ALL '.join(parts)}) AS r")
    if keys:
        sql += f" GROUP BY {', '.join(keys)} ORDER BY {', '.join(keys)}"
    kinds = {name: table.schema[name] for name in promise.by}
    return Statement(sql, ibis.schema({**kinds, _NEWEST: "timestamp('UTC', 6)"}))


def _columns(names: Sequence[str], origin: str) -> str:
    return f"SELECT {', '.join(names)} FROM {origin}"


def _freshness_of(
    session: Session,
    promise: _Promise,
    row: Mapping[str, Any],
    now: datetime,
    present: _PresentRuns,
) -> Freshness:
    (warn, fail), newest = promise.limits, row[_NEWEST]
    key = ", ".join(f"{name}={row[name]}" for name in promise.by)
    age = None if newest is None else (now - newest).total_seconds() / 3600
    state = FreshnessState.OK
    if age is None or age > warn:
        failed = fail is not None and (age is None or age > fail)
        late = FreshnessState.FAIL if failed else FreshnessState.WARN
        state = late if present.within(timedelta(hours=fail or warn)) else FreshnessState.HISTORY
    table = session.project.tables[promise.name].table
    return Freshness(table, key, newest, age, promise.limits, state)
