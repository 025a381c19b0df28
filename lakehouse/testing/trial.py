"""Trial builds of a model from made-up parents: planned, cut and refreshed as in a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from lakehouse.build import builds
from lakehouse.catalogs import StoredTable
from lakehouse.compile.compiler import Compiled, CompiledModel
from lakehouse.declare.kinds import Incremental, Table
from lakehouse.declare.project import Project
from lakehouse.declare.specs import ModelSpec
from lakehouse.engines.sql import select, typed, where
from lakehouse.errors import QueryError
from lakehouse.keys import Keys
from lakehouse.plan.state import EVERYTHING, Change, Changed, TableState
from lakehouse.plan.what_to_build import decide
from lakehouse.testing.inputs import Revision
from lakehouse.testing.runner import RunModel
from lakehouse.testing.sandbox import Rows
from lakehouse.windows import ALL_TIME, Window, Windows, union

_EARLY, _LATE = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_BEFORE, _AFTER = "before", "after"
_NOTHING = Changed()


@dataclass(frozen=True)
class Outcome:
    """The rows of a model after its parents changed, built in two ways."""

    full: Rows
    """Rows of one full build."""
    refreshed: Rows
    """Rows of windows that were built before the change, and of those rebuilt after it."""
    rebuilt: Changed
    """The windows and keys that were rebuilt after the change."""


class Trial:
    """An incremental model that can be built from any rows."""

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
        """Build the windows before and after `cut`, change the parents, rebuild what depends on it.

        A model with a key is built for one key at a time.
        """
        has_time = self._spec.time_column is not None
        windows = (Window(_EARLY, cut), Window(cut, _LATE)) if has_time else (ALL_TIME,)
        rebuilt = self._dirty(revisions)
        before = {name: revision.before for name, revision in revisions.items()}
        self._fill(before)
        kept = [
            row
            for keys in self._each_key(before)
            for row in self._built(Changed(windows, keys), without=rebuilt)
        ]
        self._fill({name: revision.after for name, revision in revisions.items()})
        return Outcome(self._built(EVERYTHING), kept + self._built(rebuilt), rebuilt)

    def _fill(self, inputs: Mapping[str, Rows]) -> None:
        for name, rows in inputs.items():
            self._run_model.fill(name, rows)

    def _each_key(self, inputs: Mapping[str, Rows]) -> list[Keys | None]:
        """Return the keys of the inputs, each on its own; [None] for a model without a key."""
        if not self._spec.key:
            return [None]
        by_input = (self._keys(rows) for rows in inputs.values())
        values = {value for keys in by_input if keys for value in keys.values}
        return [Keys(self._spec.key, frozenset({value})) for value in sorted(values, key=repr)]

    def _keys(self, rows: Rows) -> Keys | None:
        """Return the values of the model's key in these rows; None if they lack its columns."""
        key = self._spec.key
        if not key or any(name not in row for row in rows for name in key):
            return None
        return Keys(key, frozenset(tuple(row[name] for name in key) for row in rows))

    def _dirty(self, revisions: Mapping[str, Revision]) -> Changed:
        """Return the windows and keys that a run would rebuild."""
        tables = self._compiled.project.tables
        parents = {
            name: _state(_changed(revision, tables[name].time_column), self._keys(_moved(revision)))
            for name, revision in revisions.items()
        }
        state = TableState(
            self._model.fingerprint,
            (Change(_BEFORE, (ALL_TIME,)),),
            dict.fromkeys(self._spec.inputs, _BEFORE),
        )
        return decide(self._compiled, self._model, state, parents).dirty

    def _built(self, dirty: Changed, *, without: Changed = _NOTHING) -> Rows:
        """Return the rows of `dirty`, built as in a run, except those in `without`."""
        tables = {
            spec.table: StoredTable(name, "", _state(()), 0, "")
            for name, spec in self._compiled.project.tables.items()
            if name != self._spec.name
        }
        build = builds.build(self._compiled, self._model, dirty, tables, _AFTER)
        schema, column, dialect = build.statement.schema, build.time_column, self._sandbox.dialect
        built: Rows = []
        for window, reach in build.spans:
            rows = select(build.statement, build.sources, self._scan, dialect, reach, build.keys)
            condition = where((window,), build.keys, column, schema, dialect)
            if without:
                anew = where(without.windows, without.keys, column, schema, dialect)
                condition += f" AND NOT coalesce({anew}, false)"
            typed_rows = typed(rows, schema, dialect)
            built += self._rows(f"SELECT * FROM ({typed_rows}) WHERE {condition}")
        return built

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
    """Return a project of only a model and its parents, all of them stored as tables."""
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
        copies={name: project.copies[name] for name in spec.inputs if name in project.copies},
    )


def _as_stored(spec: ModelSpec) -> ModelSpec:
    """Return a parent as a stored table even if it is a view, as its rows are made up."""
    column = spec.time_column
    return replace(spec, kind=Table() if column is None else Incremental(column))


def _state(windows: Windows, keys: Keys | None = None) -> TableState:
    """Return the state of a parent that was read, then changed in these windows for these keys."""
    state = TableState("", (Change(_BEFORE, (ALL_TIME,)),))
    return state.with_change(Change(_AFTER, windows, keys)) if windows else state


def _moved(revision: Revision) -> Rows:
    """Return the rows that changed, both before and after."""
    return [*revision.goes, *revision.comes]


def _changed(revision: Revision, column: str | None) -> Windows:
    """Return the times of a parent's changed rows, both before and after."""
    rows = _moved(revision)
    if column is None:
        return (ALL_TIME,) if rows else ()
    return union(_around_value(row[column]) for row in rows)


def _around_value(value: datetime | date) -> Window:
    """Return the shortest window around a value of a time column; that of a date is its day."""
    if isinstance(value, datetime):
        start = value if value.tzinfo else value.replace(tzinfo=UTC)
        return Window(start, start + timedelta(microseconds=1))
    start = datetime.combine(value, time(), UTC)
    return Window(start, start + timedelta(days=1))
