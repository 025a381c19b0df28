"""Origin of a row: the run that built it, its code, its checks, and the rows it was made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from lakehouse.catalogs import MAIN, Commit, StoredTable
from lakehouse.declare.kinds import Incremental, Table
from lakehouse.declare.project import ordered
from lakehouse.declare.raw_columns import GONE_AT, RUN_ID
from lakehouse.declare.specs import IngestionSpec, ModelSpec
from lakehouse.engines.sql import identifier, literal, qualified, sql_type, where
from lakehouse.errors import UnknownNameError
from lakehouse.keys import Keys
from lakehouse.plan.selectors import TableSpec
from lakehouse.plan.state import EVERYTHING, Changed, TableState, joined
from lakehouse.records import code_history, run_records
from lakehouse.windows import ALL_TIME, Window

if TYPE_CHECKING:
    import ibis

    from lakehouse.compile.compiler import Compiled
    from lakehouse.session import Session

_SHOWN = 5
"""Number of rows that are returned of those that fit the condition."""
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Origin:
    """Rows of one table that the traced row may depend on."""

    table: str
    reach: str
    """The windows and keys of these rows."""
    rows: int
    runs: Mapping[str, int | None]
    """Number of rows by the run that wrote them.

    For a model, the last run that built any of them, with None as number.
    """


@dataclass(frozen=True)
class Why:
    """Origin of the rows of a table that fit a condition."""

    table: str
    rows: Sequence[Row]
    """The first rows that fit; run, commit, code and checks are those of the first row."""
    count: int
    """The number of all rows that fit."""
    run: str | None
    """The run that last built or wrote the row; None for a view, or if it is not remembered."""
    commit: Commit | None
    """The commit that brought that run's rows to main."""
    fingerprint: str | None
    """Fingerprint of the model's code; None for a raw table."""
    sql: str | None
    """The SQL that the model was built from; None if it is not kept."""
    checks: Sequence[Mapping[str, Any]]
    """The results of the checks of the table in that run."""
    origins: Sequence[Origin]


def why(session: Session, table: str, conditions: Mapping[str, str], ref: str = MAIN) -> Why:
    """Trace the rows of a table whose columns have the values (as text) of `conditions`.

    Raises UnknownNameError for a table, a column or a row that does not exist.
    """
    name = _bare(session, table)
    spec, stored = session.project.tables[name], session.catalog.tables(ref)
    picked = _condition(session, name, conditions)
    source = f"FROM {qualified(spec.table)} WHERE {picked}"
    rows = session.query(f"SELECT * {source} LIMIT {_SHOWN}", ref).to_pylist()
    if not rows:
        raise UnknownNameError(f"{spec.table} has no such row on {ref}", hint=f"query: {picked}")
    count = session.query(f"SELECT count(*) AS n {source}", ref).to_pylist()[0]["n"]
    place = joined(_place(spec, row) for row in rows) if count == len(rows) else EVERYTHING
    state = stored[spec.table].state if spec.table in stored else None
    run = _written_by(spec, rows[0], state)
    model = session.compiled.models.get(name)
    fingerprint = None
    if model is not None:
        fingerprint = state.fingerprint if state else model.fingerprint
    record = run_records.load(session.settings.warehouse, run) if run else None
    return Why(
        table=spec.table,
        rows=rows,
        count=count,
        run=run,
        commit=session.catalog.made_by(run) if run else None,
        fingerprint=fingerprint,
        sql=code_history.sql(session.settings.warehouse, fingerprint or "", session.engine_dialect),
        checks=[
            check for check in (record or {}).get("checks", ()) if check["table"] == spec.table
        ],
        origins=list(_origins(session, name, place, stored, ref)),
    )


def _bare(session: Session, table: str) -> str:
    """Return the bare name of a table that is named with or without its schema."""
    for name, spec in session.project.tables.items():
        if table in {name, spec.table}:
            return name
    raise UnknownNameError(f"there is no table {table!r}", hint="`dag` lists the tables")


def _condition(session: Session, name: str, conditions: Mapping[str, str]) -> str:
    """Return the SQL condition that the columns of a table have these values."""
    schema, dialect = session.compiled.schemas[name], session.engine_dialect
    for column in conditions:
        if column not in schema:
            raise UnknownNameError(
                f"{name} has no column {column!r}", hint=f"columns: {', '.join(schema)}"
            )
    same = (
        f"{identifier(column)} = CAST({literal(value)} AS {sql_type(schema[column], dialect)})"
        for column, value in conditions.items()
    )
    return " AND ".join(same) or "1 = 1"


def _place(spec: TableSpec, row: Row) -> Changed:
    """Return the place of a row: its moment, and the values of its table's key."""
    windows = (ALL_TIME,)
    if spec.time_column is not None and row[spec.time_column] is not None:
        at = row[spec.time_column]
        if not isinstance(at, datetime):
            at = datetime.combine(at, time())
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        windows = (Window(at, at + datetime.resolution),)
    columns = spec.unique_key if isinstance(spec, IngestionSpec) else spec.key
    if not columns:
        return Changed(windows)
    return Changed(windows, Keys(columns, frozenset([tuple(row[name] for name in columns)])))


def _written_by(spec: TableSpec, row: Row, state: TableState | None) -> str | None:
    """Return the run that wrote a row of a raw table, or that last built a row of a model."""
    if state is None:
        return None
    if isinstance(spec, IngestionSpec):
        return str(row[RUN_ID])
    return _last(state, _place(spec, row))


def _last(state: TableState, place: Changed) -> str | None:
    """Return the run of the last remembered change that touched a place."""
    for change in reversed(state.changes):
        days = (window.snap("day") for window in change.windows)
        if any(day.overlaps(window) for day in days for window in place.windows):
            keys, others = change.keys, place.keys
            if keys is None or others is None or _share(keys, others):
                return change.version
    return None


def _share(keys: Keys, others: Keys) -> bool:
    """Return whether a row may have keys of both sets."""
    both = tuple(column for column in keys.columns if column in others.columns)
    one, other = keys.by(both), others.by(both)
    return one is None or other is None or bool(one.values & other.values)


def _origins(
    session: Session, name: str, place: Changed, stored: Mapping[str, StoredTable], ref: str
) -> Iterator[Origin]:
    """Yield, for each table upstream, the stored rows that a place of a table may depend on."""
    compiled = session.compiled
    reaches = _reaches(compiled, name, place)
    for parent, reach in reaches.items():
        spec = compiled.project.tables[parent]
        if parent == name or spec.table not in stored:
            continue
        condition = _within(spec, reach, compiled.schemas[parent], session.engine_dialect)
        if isinstance(spec, IngestionSpec) and GONE_AT in stored[spec.table].columns:
            condition = f"({condition}) AND {GONE_AT} IS NULL"  # no model reads the others
        source = f"FROM {qualified(spec.table)} WHERE {condition}"
        runs: dict[str, int | None] = {}
        if isinstance(spec, IngestionSpec):
            sql = f"SELECT {RUN_ID} AS run, count(*) AS n {source} GROUP BY 1 ORDER BY 1"
            runs = {row["run"]: row["n"] for row in session.query(sql, ref).to_pylist()}
            rows = sum(count or 0 for count in runs.values())
        else:
            rows = session.query(f"SELECT count(*) AS n {source}", ref).to_pylist()[0]["n"]
            last = _last(stored[spec.table].state, reach)
            runs = {last: None} if last else {}
        yield Origin(spec.table, str(reach), rows, runs)


def _within(spec: TableSpec, reach: Changed, schema: ibis.Schema, dialect: str) -> str:
    """Return the SQL condition that a row of a table lies within the reach."""
    column = None if ALL_TIME in reach.windows else spec.time_column
    return where(reach.windows, reach.keys, column, schema, dialect)


def _reaches(compiled: Compiled, name: str, place: Changed) -> dict[str, Changed]:
    """Return, by table upstream, the windows and keys of rows that a place may depend on."""
    reaches = {name: place}
    for model in reversed(list(ordered(compiled.project))):
        if model.name in reaches:
            for parent in model.inputs:
                reach = _read(compiled, model, reaches[model.name], parent)
                reaches[parent] = joined([reaches.get(parent, Changed()), reach])
    return reaches


def _read(compiled: Compiled, model: ModelSpec, place: Changed, parent: str) -> Changed:
    """Return the rows of a parent that a place of a model may depend on."""
    if isinstance(model.kind, Table):
        return EVERYTHING
    windows = place.windows
    if isinstance(model.kind, Incremental):
        kind = model.kind
        windows = tuple(w.snap(kind.grain).widen(kind.before, kind.after) for w in windows)
    has_time = compiled.project.tables[parent].time_column is not None
    by_time = has_time and model.time_column is not None
    shared = [column for column in model.key if column in compiled.schemas[parent]]
    keys = place.keys.by(shared) if place.keys else None
    return Changed(windows if by_time else (ALL_TIME,), keys)
