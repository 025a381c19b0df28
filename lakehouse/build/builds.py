"""Builds of models, each a statement with its sources and windows, from a decision of `plan`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lakehouse.catalogs import StoredTable
from lakehouse.compile.compiler import Compiled, CompiledModel
from lakehouse.declare.kinds import Incremental
from lakehouse.declare.raw_columns import GONE_AT
from lakehouse.engines import Build, Source
from lakehouse.keys import Keys
from lakehouse.plan import file_spans
from lakehouse.plan.state import EVERYTHING, Change, Changed, TableState
from lakehouse.plan.what_to_build import stored_parents
from lakehouse.windows import Windows, union


def source(compiled: Compiled, name: str, tables: Mapping[str, StoredTable]) -> Source:
    """Return a table as an input of a statement.

    `tables` are the stored ones of a ref, by qualified name; a view is read through its parents.
    Of a raw table, rows that are gone from the source are left out.
    """
    spec = compiled.project.tables[name]
    model = compiled.models.get(name)
    if model is not None and model.spec.is_view:
        return Source(
            name,
            compiled.schemas[name],
            view=model.statement,
            sources=sources(compiled, model, tables),
            time_column=spec.time_column,
        )
    stored = tables.get(spec.table)
    return Source(
        name,
        compiled.schemas[name],
        stored=stored,
        time_column=spec.time_column,
        hides_gone=model is None and stored is not None and GONE_AT in stored.columns,
    )


def sources(
    compiled: Compiled, model: CompiledModel, tables: Mapping[str, StoredTable]
) -> tuple[Source, ...]:
    """Return the inputs of a model."""
    return tuple(source(compiled, name, tables) for name in model.spec.inputs)


def build(
    compiled: Compiled,
    model: CompiledModel,
    dirty: Changed,
    tables: Mapping[str, StoredTable],
    version: str,
) -> Build:
    """Return the build that brings the dirty rows of a model up to date.

    `version` is the table's version after the build.
    """
    inputs, ingested = sources(compiled, model, tables), covered(compiled, tables)
    most_rows = max((table.most_rows for table in inputs), default=0)
    existing = tables.get(model.spec.table)
    span = file_spans.file_span(existing.rows if existing else most_rows, ingested)
    kind, pieces = model.spec.kind, dirty.windows
    spans = tuple((window, window) for window in pieces)
    if isinstance(kind, Incremental) and kind.time_column is not None:
        reach = kind.before + kind.after
        pieces = file_spans.pieces(
            dirty.windows, most_rows, ingested, kind.grain, reach=reach, span=span
        )
        spans = tuple((window, window.widen(kind.before, kind.after)) for window in pieces)
    return Build(
        table=model.spec.table,
        statement=model.statement,
        sources=inputs,
        spans=spans,
        apart=pieces != dirty.windows,
        keys=dirty.keys,
        time_column=model.spec.time_column,
        existing=existing,
        file_span=span,
        covered=ingested,
        state=_state(compiled, model, dirty, tables, version),
    )


def covered(compiled: Compiled, tables: Mapping[str, StoredTable]) -> Windows:
    """Return the windows that any ingestion has fetched."""
    ingested = (tables.get(spec.table) for spec in compiled.project.ingestions.values())
    return union(window for table in ingested if table for window in table.state.covered)


def departed_keys(
    compiled: Compiled, tables: Mapping[str, StoredTable], by: Sequence[str]
) -> Keys | None:
    """Return the keys that the source once listed and lists no longer.

    `by` are the key columns; None if no ingestion lists such keys.
    """
    for spec in compiled.project.ingestions.values():
        departed = tables[spec.table].state.departed_keys if spec.table in tables else None
        if departed is not None and spec.unique_key == tuple(by):
            return departed.by(by)
    return None


def _state(
    compiled: Compiled,
    model: CompiledModel,
    dirty: Changed,
    tables: Mapping[str, StoredTable],
    version: str,
) -> TableState:
    """Return the state to store: the code that built the model, parents' versions, changes."""
    names = stored_parents(compiled.project, model.spec.name)
    parents = {
        name: tables[table].state.version
        for name in names
        if (table := compiled.project.tables[name].table) in tables
    }
    existing = tables.get(model.spec.table)
    earlier = existing.state.changes if existing and dirty != EVERYTHING else ()
    change = Change(version, dirty.windows, dirty.keys)
    state = TableState(model.fingerprint, earlier, parents, declared=model.spec.declared)
    return state.with_change(change)
