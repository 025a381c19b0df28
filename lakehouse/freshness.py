"""How fresh things are: the newest reading of each source and key, against what was promised.

Only a lakehouse that follows the present can be stale: one that was only ever asked for old days
has a history, and is left in peace.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import ibis

from lakehouse import plan, records
from lakehouse.catalogs import MAIN
from lakehouse.checks import FreshnessCheck
from lakehouse.compile import Statement
from lakehouse.engines import Source
from lakehouse.engines.sql import covered, quoted
from lakehouse.materialize import source
from lakehouse.session import Session
from lakehouse.windows import ALL_TIME, Window

_NEWEST = "newest"
_FOLLOWS = f"""
SELECT max(epoch(window_end) - epoch(started_at)) AS seconds FROM {records.SCHEMA}.runs
"""


class State(StrEnum):
    """How a source is doing."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    HISTORY = "history"
    """Old, and nobody ever asked for the present."""


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


def freshness(session: Session, now: datetime | None = None) -> list[Freshness]:
    """Every ingestion with `freshness_hours` and every `FreshnessCheck`, key by key.

    What lies in the future, by a wrong clock, does not count.
    """
    at = now or datetime.now(UTC)
    asked = session.duckdb.query(_FOLLOWS, records.tables(session.settings.warehouse))
    ahead = asked["seconds"][0].as_py()
    found = []
    for promise in _promises(session):
        follows = ahead is not None and -ahead < 3600 * (promise.limits[1] or promise.limits[0])
        found += [
            _judged(session, promise, key, newest, at, follows=follows)
            for key, newest in _newest(session, promise, at)
        ]
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
    session: Session, promise: _Promise, now: datetime
) -> list[tuple[str, datetime | None]]:
    """The newest reading of each key, in the order of the keys."""
    tables = session.catalog.tables(MAIN)
    own, *lists = [
        source(session.compiled, name, tables) for name in (promise.name, *promise.lists)
    ]
    statement = _statement(promise, own, session.engine.dialect, now)
    rows = session.engine.rows(statement, [own, *lists]).to_pylist()
    return [(", ".join(f"{name}={row[name]}" for name in promise.by), row[_NEWEST]) for row in rows]


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
    key: str,
    newest: datetime | None,
    now: datetime,
    *,
    follows: bool,
) -> Freshness:
    warn, fail = promise.limits
    age = None if newest is None else (now - newest).total_seconds() / 3600
    state = State.OK
    if age is None or age > warn:
        failed = fail is not None and (age is None or age > fail)
        state = State.HISTORY if not follows else State.FAIL if failed else State.WARN
    table = session.project.tables[promise.name].table
    return Freshness(table, key, newest, age, promise.limits, state)
