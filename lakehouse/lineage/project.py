"""The lineage of a compiled project, from the expressions of its models and its raw columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ibis

from lakehouse.compile import cache
from lakehouse.declare.project import ordered
from lakehouse.declare.raw_columns import BOOKKEEPING
from lakehouse.lineage.graph import Lineage
from lakehouse.lineage.parents import ROWS, Column, Columns, Parents, TableParents
from lakehouse.lineage.relations import table_parents

if TYPE_CHECKING:
    from lakehouse.compile.compiler import Compiled
    from lakehouse.config import Settings


def of(compiled: Compiled) -> Lineage:
    """Return the lineage of a project, from the fields of its sources to its marts."""
    project = compiled.project
    tables = {}
    for name, ingestion in project.ingestions.items():
        tables[ingestion.table] = _read(f"source of {ingestion.table}", compiled.schemas[name])
    for name, copy in project.copies.items():
        tables[copy.table] = _read(str(copy.origin), compiled.schemas[name])
    for model in ordered(project):
        inputs = {
            name: ibis.table(compiled.schemas[name], name=project.qualified(name))
            for name in model.inputs
        }
        tables[model.table] = table_parents(model.function(**inputs))
    return Lineage(tables)


def kept(settings: Settings, compiled: Callable[[], Compiled]) -> Lineage:
    """Return the lineage of a project that is kept beside the compiled one, or make and keep it."""

    def make() -> tuple[dict[str, Any], dict[str, str]]:
        made = compiled()
        return to_json(of(made)), made.files

    return from_json(cache.kept(settings, "lineage", make))


def to_json(lineage: Lineage) -> dict[str, Any]:
    """Return a lineage as a JSON object."""
    return {
        name: {
            "rows": sorted(table.rows),
            "columns": {
                column: [sorted(parents.value), sorted(parents.influence)]
                for column, parents in table.columns.items()
            },
        }
        for name, table in lineage.tables.items()
    }


def from_json(document: dict[str, Any]) -> Lineage:
    """Return the lineage that `to_json` has written."""
    return Lineage(
        {
            name: TableParents(
                {
                    column: Parents(_columns(value), _columns(influence))
                    for column, (value, influence) in table["columns"].items()
                },
                _columns(table["rows"]),
            )
            for name, table in document.items()
        }
    )


def _columns(pairs: list[list[str]]) -> Columns:
    return frozenset(Column(*pair) for pair in pairs)


def _read(source: str, columns: ibis.Schema) -> TableParents:
    """Return a table with the rows of a source: a field for each column, but for our own ones."""
    fields = {
        name: Parents(frozenset() if name in BOOKKEEPING else frozenset({Column(source, name)}))
        for name in columns
    }
    return TableParents(fields, frozenset({Column(source, ROWS)}))
