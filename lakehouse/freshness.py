"""How fresh things are: the newest reading of each source and key, against what was promised.

Only a lakehouse that follows the present can be stale: one that was only ever asked for old days
has a history, and is left in peace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import ibis

from lakehouse import clock, plan, runs
from lakehouse.catalogs import MAIN, StoredTable
from lakehouse.checks import FreshnessCheck
from lakehouse.compile import Statement
from lakehouse.engines import Source
from lakehouse.engines.sql import covered, quoted
from lakehouse.materialize import left, source
from lakehouse.session import Session
from lakehouse.windows import ALL_TIME, Window

_NEWEST = "newest"


class State(StrEnum):
    """How a source is doing."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    HISTORY = "history"
    """Old, and nobody ever asked for the present."""
    LEFT = "left"
    """The source of its key lists it no more: nothing new is expected."""


@dataclass(frozen=True)
class Freshness:
    """The newest reading of a table, or of one key in it."""

    table: str
    key: str
    """Such as 'site=anna'; empty: of the table as a whole."""
    newest: datetime | None
    """None: there never was one."""
    age_hours: float | None
    limits: tuple[float, float | None]
    """Hours after which it is a warning, and a failure; None: never one."""
    state: State


@dataclass(frozen=True)
class _Promise:
    """What somebody declared of a table."""

    name: str
    time_column: str
    by: tuple[str, ...]
    limits: tuple[float, float | None]
    lists: tuple[str, ...] = ()
    """Other tables whose rows are the keys that there should be."""


class _Follows:
    """Whether some run asked for the present, which is looked up when something is old."""

    def __init__(self, session: Session) -> None:
        self._lags = _lags(session.settings.warehouse)
        self._least = timedelta.max

    def within(self, limit: timedelta) -> bool:
        """Whether the days that a run asked for ended less than this before it began."""
        while self._least >= limit and (lag := next(self._lags, None)) is not None:
            self._least = min(self._least, lag)
        return self._least < limit


def _lags(warehouse: Path) -> Iterator[timedelta]:
    """How long before each run the days ended that it asked for; the newest first."""
    for run in reversed(runs.places(warehouse)):
        record = runs.load(warehouse, run)
        if record is not None and record.get("window"):
            started = datetime.fromisoformat(record["started_at"])
            yield started - datetime.fromisoformat(record["window"][1])


def freshness(session: Session, now: datetime | None = None) -> list[Freshness]:
    """Every ingestion with `freshness_hours` and every `FreshnessCheck`, key by key.

    What lies in the future, by a wrong clock, does not count.
    """
    at = now or clock.now()
    follows = _Follows(session)
    found = []
    for promise in _promises(session):
        tables = session.catalog.tables(MAIN)
        gone = left(session.compiled, tables, promise.by)
        for row in _newest(session, promise, tables, at):
            judged = _judged(session, promise, row, at, follows)
            key = tuple(row[name] for name in promise.by)
            has_left = gone is not None and key in gone.values
            found.append(replace(judged, state=State.LEFT) if has_left else judged)
    return found


def _promises(session: Session) -> Iterator[_Promise]:
    project = session.project
    for spec in project.ingestions.values():
        if spec.freshness_hours is not None and spec.time_column is not None:
            by = plan.key_columns(project, spec)
            yield _Promise(
                spec.name,
                spec.time_column,
                by,
                spec.freshness_hours,
                lists=tuple(
                    each.name
                    for each in project.ingestions.values()
                    if each.unique_key == by and each is not spec
                ),
            )
    for quality in project.checks.values():
        for rule in quality.checks:
            if isinstance(rule, FreshnessCheck):
                limits = (rule.max_age_hours, rule.max_age_hours if quality.blocking else None)
                yield _Promise(quality.inputs[0], rule.column, tuple(rule.by), limits)


def _newest(
    session: Session, promise: _Promise, tables: Mapping[str, StoredTable], now: datetime
) -> list[dict[str, Any]]:
    """The newest reading of each key, in the order of the keys."""
    own, *lists = [
        source(session.compiled, name, tables) for name in (promise.name, *promise.lists)
    ]
    statement = _statement(promise, own, session.engine.dialect, now)
    return list(session.engine.rows(statement, [own, *lists]).to_pylist())


def _statement(promise: _Promise, own: Source, dialect: str, now: datetime) -> Statement:
    keys, column = list(map(quoted, promise.by)), quoted(promise.time_column)
    until = Window(ALL_TIME.start, now + timedelta(microseconds=1))
    past = covered((until,), promise.time_column, own.schema, dialect)
    parts = [_columns([*keys, f"{column} AS {_NEWEST}"], f"{quoted(own.name)} WHERE {past}")]
    parts += [_columns([*keys, f"NULL AS {_NEWEST}"], quoted(name)) for name in promise.lists]
    sql = _columns([*keys, f"max({_NEWEST}) AS {_NEWEST}"], f"({' UNION ALL '.join(parts)}) AS r")
    if keys:
        sql += f" GROUP BY {', '.join(keys)} ORDER BY {', '.join(keys)}"
    kinds = {name: own.schema[name] for name in promise.by}
    return Statement(sql, ibis.schema({**kinds, _NEWEST: "timestamp('UTC', 6)"}))


def _columns(names: Sequence[str], origin: str) -> str:
    return f"SELECT {', '.join(names)} FROM {origin}"


def _judged(
    session: Session,
    promise: _Promise,
    row: Mapping[str, Any],
    now: datetime,
    follows: _Follows,
) -> Freshness:
    (warn, fail), newest = promise.limits, row[_NEWEST]
    key = ", ".join(f"{name}={row[name]}" for name in promise.by)
    age = None if newest is None else (now - newest).total_seconds() / 3600
    state = State.OK
    if age is None or age > warn:
        failed = fail is not None and (age is None or age > fail)
        late = State.FAIL if failed else State.WARN
        state = late if follows.within(timedelta(hours=fail or warn)) else State.HISTORY
    table = session.project.tables[promise.name].table
    return Freshness(table, key, newest, age, promise.limits, state)
