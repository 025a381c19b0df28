"""Where a row comes from: the run that built it, its code, the rows it was made of, the checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from lakehouse import code, runs
from lakehouse.catalogs import MAIN, Commit, StoredTable
from lakehouse.declare import Incremental, IngestionSpec, ModelSpec, Table
from lakehouse.engines.sql import qualified, quoted, sql_type, text, where
from lakehouse.errors import UnknownNameError
from lakehouse.keys import Keys
from lakehouse.project import ordered
from lakehouse.raw import RUN_ID
from lakehouse.state import EVERYTHING, Changed, TableState, joined
from lakehouse.windows import ALL_TIME, Window

if TYPE_CHECKING:
    import ibis

    from lakehouse.compile import Compiled
    from lakehouse.session import Session

_SHOWN = 5
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Origin:
    """Rows of a table that the row was made of, or may have been."""

    table: str
    reach: str
    """The windows and keys that they lie in."""
    rows: int
    runs: Mapping[str, int | None]
    """The runs that wrote them, with how many; of a model, the last that built some of them."""


@dataclass(frozen=True)
class Why:
    """Where the rows of a table come from that a condition picks."""

    table: str
    rows: Sequence[Row]
    """The first of them."""
    count: int
    run: str | None
    """The run that last built or wrote them; None for a view, or if it is not remembered."""
    commit: Commit | None
    """What made that run's rows part of main."""
    fingerprint: str | None
    sql: str | None
    """What the model is built from."""
    checks: Sequence[Mapping[str, Any]]
    """What that run asked of the table."""
    origins: Sequence[Origin]


def why(session: Session, table: str, conditions: Mapping[str, str], ref: str = MAIN) -> Why:
    """Trace the rows that have these values, as text, in these columns.

    Raises UnknownNameError for a table, a column or a row that does not exist.
    """
    name = _bare(session, table)
    spec, stored = session.project.tables[name], session.catalog.tables(ref)
    picked = _condition(session, name, conditions)
    found = f"FROM {qualified(spec.table)} WHERE {picked}"
    rows = session.query(f"SELECT * {found} LIMIT {_SHOWN}", ref).to_pylist()
    if not rows:
        raise UnknownNameError(f"{spec.table} has no such row on {ref}", hint=f"query: {picked}")
    count = session.query(f"SELECT count(*) AS n {found}", ref).to_pylist()[0]["n"]
    own = joined(_place(spec, row) for row in rows) if count == len(rows) else EVERYTHING
    state = stored[spec.table].state if spec.table in stored else None
    run = _written_by(spec, rows[0], state)
    model = session.compiled.models.get(name)
    fingerprint = None
    if model is not None:
        fingerprint = state.fingerprint if state else model.fingerprint
    record = runs.load(session.settings.warehouse, run) if run else None
    return Why(
        table=spec.table,
        rows=rows,
        count=count,
        run=run,
        commit=session.catalog.made_by(run) if run else None,
        fingerprint=fingerprint,
        sql=code.sql(session.settings.warehouse, fingerprint or "", session.engine_dialect),
        checks=[each for each in (record or {}).get("checks", ()) if each["table"] == spec.table],
        origins=list(_origins(session, name, own, stored, ref)),
    )


def _bare(session: Session, table: str) -> str:
    """The bare name of a table, which may be given with its schema."""
    for name, spec in session.project.tables.items():
        if table in {name, spec.table}:
            return name
    raise UnknownNameError(f"there is no table {table!r}", hint="`dag` lists the tables")


def _condition(session: Session, name: str, conditions: Mapping[str, str]) -> str:
    schema, dialect = session.compiled.schemas[name], session.engine_dialect
    for column in conditions:
        if column not in schema:
            raise UnknownNameError(
                f"{name} has no column {column!r}", hint=f"columns: {', '.join(schema)}"
            )
    same = (
        f"{quoted(column)} = CAST({text(value)} AS {sql_type(schema[column], dialect)})"
        for column, value in conditions.items()
    )
    return " AND ".join(same) or "1 = 1"


def _place(spec: IngestionSpec | ModelSpec, row: Row) -> Changed:
    """Where a row lies: its moment, and the values that its table is built by."""
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


def _written_by(spec: IngestionSpec | ModelSpec, row: Row, state: TableState | None) -> str | None:
    """The run that wrote a row of a raw table, or that last built one of a model."""
    if state is None:
        return None
    if isinstance(spec, IngestionSpec):
        return str(row[RUN_ID])
    return _last(state, _place(spec, row))


def _last(state: TableState, place: Changed) -> str | None:
    """The last remembered change that touched a place."""
    for change in reversed(state.changes):
        near = (window.snap("day") for window in change.windows)
        if any(each.overlaps(window) for each in near for window in place.windows):
            keys, own = change.keys, place.keys
            if keys is None or own is None or _share(keys, own):
                return change.version
    return None


def _share(keys: Keys, own: Keys) -> bool:
    """Whether two sets of keys may mean a row in common."""
    both = tuple(column for column in keys.columns if column in own.columns)
    one, other = keys.by(both), own.by(both)
    return one is None or other is None or bool(one.values & other.values)


def _origins(
    session: Session, name: str, own: Changed, stored: Mapping[str, StoredTable], ref: str
) -> Iterator[Origin]:
    compiled = session.compiled
    reaches = _reaches(compiled, name, own)
    for parent, reach in reaches.items():
        spec = compiled.project.tables[parent]
        if parent == name or spec.table not in stored:
            continue
        condition = _within(spec, reach, compiled.schemas[parent], session.engine_dialect)
        found = f"FROM {qualified(spec.table)} WHERE {condition}"
        wrote: dict[str, int | None] = {}
        if isinstance(spec, IngestionSpec):
            sql = f"SELECT {RUN_ID} AS run, count(*) AS n {found} GROUP BY 1 ORDER BY 1"
            wrote = {row["run"]: row["n"] for row in session.query(sql, ref).to_pylist()}
            rows = sum(count or 0 for count in wrote.values())
        else:
            rows = session.query(f"SELECT count(*) AS n {found}", ref).to_pylist()[0]["n"]
            last = _last(stored[spec.table].state, reach)
            wrote = {last: None} if last else {}
        yield Origin(spec.table, str(reach), rows, wrote)


def _within(
    spec: IngestionSpec | ModelSpec, reach: Changed, schema: ibis.Schema, dialect: str
) -> str:
    column = None if ALL_TIME in reach.windows else spec.time_column
    return where(reach.windows, reach.keys, column, schema, dialect)


def _reaches(compiled: Compiled, name: str, own: Changed) -> dict[str, Changed]:
    """How far a place of a table reaches into each table that it is built from."""
    found = {name: own}
    for model in reversed(list(ordered(compiled.project))):
        if model.name in found:
            for parent in model.inputs:
                reach = _read(compiled, model, found[model.name], parent)
                found[parent] = joined([found.get(parent, Changed()), reach])
    return found


def _read(compiled: Compiled, model: ModelSpec, place: Changed, parent: str) -> Changed:
    """The rows of a parent that a place of a model may depend on."""
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
