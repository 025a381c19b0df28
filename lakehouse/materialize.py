"""Building models: what is stored becomes sources, a decision becomes a build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lakehouse import layout
from lakehouse.catalogs import StoredTable
from lakehouse.compile import Compiled, CompiledModel
from lakehouse.declare import Incremental, View
from lakehouse.engines import Build, Source
from lakehouse.keys import Keys
from lakehouse.plan import stored_parents
from lakehouse.state import EVERYTHING, Change, Changed, TableState
from lakehouse.windows import Windows, union


def source(compiled: Compiled, name: str, tables: Mapping[str, StoredTable]) -> Source:
    """A table as a statement's input; `tables` are the stored ones, by qualified name."""
    spec = compiled.project.tables[name]
    model = compiled.models.get(name)
    if model is not None and isinstance(model.spec.kind, View):
        return Source(
            name,
            compiled.schemas[name],
            view=model.statement,
            sources=sources(compiled, model, tables),
            time_column=spec.time_column,
        )
    return Source(
        name,
        compiled.schemas[name],
        stored=tables.get(spec.table),
        time_column=spec.time_column,
    )


def sources(
    compiled: Compiled, model: CompiledModel, tables: Mapping[str, StoredTable]
) -> tuple[Source, ...]:
    """The inputs of a model."""
    return tuple(source(compiled, name, tables) for name in model.spec.inputs)


def build(
    compiled: Compiled,
    model: CompiledModel,
    dirty: Changed,
    tables: Mapping[str, StoredTable],
    version: str,
) -> Build:
    """What an engine must do to bring the dirty rows of a model up to date."""
    inputs, ingested = sources(compiled, model, tables), covered(compiled, tables)
    most = max((each.most_rows for each in inputs), default=0)
    existing = tables.get(model.spec.table)
    span = layout.file_span(existing.rows if existing else most, ingested)
    kind, pieces = model.spec.kind, dirty.windows
    spans = tuple((window, window) for window in pieces)
    if isinstance(kind, Incremental) and kind.time_column is not None:
        reach = kind.before + kind.after
        pieces = layout.pieces(dirty.windows, most, ingested, kind.grain, reach=reach, span=span)
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
    """The windows that were ingested so far."""
    ingested = (tables.get(spec.table) for spec in compiled.project.ingestions.values())
    return union(window for table in ingested if table for window in table.state.covered)


def left(compiled: Compiled, tables: Mapping[str, StoredTable], by: Sequence[str]) -> Keys | None:
    """The keys that the ingestion which lists them had once, and has no more."""
    for spec in compiled.project.ingestions.values():
        gone = tables[spec.table].state.left if spec.table in tables else None
        if gone is not None and spec.unique_key == tuple(by):
            return gone.by(by)
    return None


def _state(
    compiled: Compiled,
    model: CompiledModel,
    dirty: Changed,
    tables: Mapping[str, StoredTable],
    version: str,
) -> TableState:
    """The state that says: built from this code and these versions of the parents."""
    names = stored_parents(compiled.project, model.spec.name)
    parents = {
        name: tables[table].state.version
        for name in names
        if (table := compiled.project.tables[name].table) in tables
    }
    existing = tables.get(model.spec.table)
    earlier = existing.state.changes if existing and dirty != EVERYTHING else ()
    change = Change(version, dirty.windows, dirty.keys)
    return TableState(model.fingerprint, earlier, parents).after(change)
