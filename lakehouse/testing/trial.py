"""Builds one model from made-up parents as runs would: planned, cut and refreshed the same way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from lakehouse import materialize
from lakehouse.catalogs import StoredTable
from lakehouse.compile import Compiled, CompiledModel
from lakehouse.declare import Incremental, ModelSpec, Table
from lakehouse.engines.sql import select, typed, where
from lakehouse.errors import QueryError
from lakehouse.keys import Keys
from lakehouse.plan import decide
from lakehouse.project import Project
from lakehouse.state import EVERYTHING, Change, Changed, TableState
from lakehouse.testing.inputs import Revision
from lakehouse.testing.runner import RunModel
from lakehouse.testing.sandbox import Rows
from lakehouse.windows import ALL_TIME, Window, Windows, union

_EARLY, _LATE = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_BEFORE, _AFTER = "before", "after"
_NOTHING = Changed()


@dataclass(frozen=True)
class Outcome:
    """The rows of a model after its parents changed."""

    full: Rows
    """From one full build."""
    refreshed: Rows
    """From windows that were built before the change, and those rebuilt after it."""
    rebuilt: Changed


class Trial:
    """One incremental model, ready to be built from any rows."""

    def __init__(self, run_model: RunModel, spec: ModelSpec) -> None:
        self._run_model, self._spec = run_model, spec
        self._sandbox = run_model.sandbox()
        self._model = CompiledModel(spec, run_model.statement(spec.function), "the same")
        self._compiled = Compiled(
            _around(run_model.project(), spec),
            {name: run_model.schema(name) for name in spec.inputs},
            {spec.name: self._model},
        )

    def outcome(self, revisions: Mapping[str, Revision], cut: datetime) -> Outcome:
        """Build what is before and after `cut`, then what depends on a change of the parents."""
        has_time = self._spec.time_column is not None
        windows = (Window(_EARLY, cut), Window(cut, _LATE)) if has_time else (ALL_TIME,)
        rebuilt = self._dirty(revisions)
        before = {name: each.before for name, each in revisions.items()}
        self._fill(before)
        kept = [
            row
            for keys in self._each_key(before)
            for row in self._built(Changed(windows, keys), without=rebuilt)
        ]
        self._fill({name: each.after for name, each in revisions.items()})
        return Outcome(self._built(EVERYTHING), kept + self._built(rebuilt), rebuilt)

    def _fill(self, inputs: Mapping[str, Rows]) -> None:
        for name, rows in inputs.items():
            self._run_model.fill(name, rows)

    def _each_key(self, inputs: Mapping[str, Rows]) -> list[Keys | None]:
        """The keys of the inputs, one at a time; None for a model without a key."""
        if not self._spec.key:
            return [None]
        found = (self._keys(rows) for rows in inputs.values())
        values = {value for keys in found if keys for value in keys.values}
        return [Keys(self._spec.key, frozenset({value})) for value in sorted(values, key=repr)]

    def _keys(self, rows: Rows) -> Keys | None:
        """The model's keys of these rows; None where rows do not have them."""
        key = self._spec.key
        if not key or any(name not in row for row in rows for name in key):
            return None
        return Keys(key, frozenset(tuple(row[name] for name in key) for row in rows))

    def _dirty(self, revisions: Mapping[str, Revision]) -> Changed:
        """What a run would rebuild."""
        tables = self._compiled.project.tables
        parents = {
            name: _state(_changed(each, tables[name].time_column), self._keys(_moved(each)))
            for name, each in revisions.items()
        }
        own = TableState(
            self._model.fingerprint,
            (Change(_BEFORE, (ALL_TIME,)),),
            dict.fromkeys(self._spec.inputs, _BEFORE),
        )
        return decide(self._compiled, self._model, own, parents).dirty

    def _built(self, dirty: Changed, *, without: Changed = _NOTHING) -> Rows:
        """Some rows, from inputs cut as runs cut them, less those that are built anew."""
        tables = {
            spec.table: StoredTable(name, "", _state(()), 0, "")
            for name, spec in self._compiled.project.tables.items()
            if name != self._spec.name
        }
        build = materialize.build(self._compiled, self._model, dirty, tables, _AFTER)
        schema, column, dialect = build.statement.schema, build.time_column, self._sandbox.dialect
        found: Rows = []
        for window, reach in build.spans:
            rows = select(build.statement, build.sources, self._scan, dialect, reach, build.keys)
            condition = where((window,), build.keys, column, schema, dialect)
            if without:
                anew = where(without.windows, without.keys, column, schema, dialect)
                condition += f" AND NOT coalesce({anew}, false)"
            typed_rows = typed(rows, schema, dialect)
            found += self._rows(f"SELECT * FROM ({typed_rows}) WHERE {condition}")
        return found

    def _rows(self, sql: str) -> Rows:
        try:
            return self._sandbox.rows(sql)
        except QueryError as error:
            raise QueryError(
                f"{self._spec.table} cannot be built from rows that were made up: {error.message}",
                hint="say what to put into a column: columns={'zone': st.sampled_from(['UTC'])}",
            ) from None

    def _scan(self, table: StoredTable, _schema: Any) -> str:
        return self._sandbox.relation(table.name)


def _around(project: Project, spec: ModelSpec) -> Project:
    """The part of a project that a model sees: itself and its parents, all of them stored."""
    return Project(
        {name: project.ingestions[name] for name in spec.inputs if name in project.ingestions},
        {
            **{
                name: _as_stored(project.models[name])
                for name in spec.inputs
                if name in project.models
            },
            spec.name: spec,
        },
    )


def _as_stored(spec: ModelSpec) -> ModelSpec:
    """A parent as a table, also where it is a view: its rows are given, whatever it reads."""
    column = spec.time_column
    return replace(spec, kind=Table() if column is None else Incremental(column))


def _state(windows: Windows, keys: Keys | None = None) -> TableState:
    """A parent that was read, and then changed in these windows, for these keys."""
    state = TableState("", (Change(_BEFORE, (ALL_TIME,)),))
    return state.after(Change(_AFTER, windows, keys)) if windows else state


def _moved(revision: Revision) -> Rows:
    """The rows that changed, as they were and as they are."""
    return [*revision.goes, *revision.comes]


def _changed(revision: Revision, column: str | None) -> Windows:
    """The moments of a parent at which rows changed, where they were and where they are."""
    rows = _moved(revision)
    if column is None:
        return (ALL_TIME,) if rows else ()
    return union(_around_value(row[column]) for row in rows)


def _around_value(value: datetime | date) -> Window:
    """The shortest window around the value of a time column; a date stands for its day."""
    if isinstance(value, datetime):
        start = value if value.tzinfo else value.replace(tzinfo=UTC)
        return Window(start, start + timedelta(microseconds=1))
    start = datetime.combine(value, time(), UTC)
    return Window(start, start + timedelta(days=1))
