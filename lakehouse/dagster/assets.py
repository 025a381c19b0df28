"""What Dagster is told of tables and checks: keys, parents, descriptions, columns, freshness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

import dagster as dg

from lakehouse.compile.compiler import Compiled
from lakehouse.declare.copies import CopySpec
from lakehouse.declare.project import Project
from lakehouse.declare.specs import IngestionSpec, ModelSpec
from lakehouse.lineage import VALUE, Lineage
from lakehouse.table_names import name_of, schema_of

Table = IngestionSpec | CopySpec | ModelSpec
_MOST_KINDS = 3
"""Kinds that Dagster allows of an asset."""


def key_of(table: str) -> dg.AssetKey:
    """Return the key of a table: its schema, and its name."""
    return dg.AssetKey([schema_of(table), name_of(table)])


def table_of(key: dg.AssetKey) -> str:
    """Return the qualified name of the table of a key."""
    return ".".join(key.path)


def asset_specs(compiled: Compiled, lineage: Lineage, dialect: str) -> Iterator[dg.AssetSpec]:
    """Yield what Dagster is told of each table, in the order of the project."""
    project = compiled.project
    for spec in project.tables.values():
        yield dg.AssetSpec(
            key_of(spec.table),
            deps=[key_of(project.tables[parent].table) for parent in _parents(spec)],
            description=spec.description,
            metadata={
                "dagster/table_name": spec.table,
                "dagster/column_schema": _columns(spec, compiled),
                "dagster/column_lineage": _column_lineage(lineage, spec.table),
            },
            group_name=getattr(spec, "group", None) or spec.schema,
            kinds={*_kinds(spec, dialect)[:_MOST_KINDS]},
            tags=dict.fromkeys(getattr(spec, "tags", ()), ""),
            freshness_policy=_freshness(spec),
        )


def check_specs(project: Project) -> Iterator[dg.AssetCheckSpec]:
    """Yield the checks, each of which is a `@quality` of one table."""
    for check in project.checks.values():
        labels = [rule.label for rule in check.checks]
        yield dg.AssetCheckSpec(
            check.name,
            asset=key_of(check.table),
            description="\n\n".join(filter(None, [check.function.__doc__, ", ".join(labels)])),
            blocking=check.blocking,
        )


def _parents(spec: Table) -> tuple[str, ...]:
    return spec.inputs if isinstance(spec, ModelSpec) else ()


def _kinds(spec: Table, dialect: str) -> list[str]:
    if not isinstance(spec, ModelSpec):
        return ["iceberg", "python" if isinstance(spec, IngestionSpec) else "file"]
    stored = "view" if spec.is_view else "iceberg"
    return [stored, dialect, *(["postgres"] if spec.is_published else [])]


def _columns(spec: Table, compiled: Compiled) -> dg.TableSchema:
    described: Mapping[str, str] = getattr(spec, "columns", {})
    if not isinstance(spec, ModelSpec):
        described = {}
    return dg.TableSchema(
        [
            dg.TableColumn(
                column,
                str(kind.copy(nullable=True)),
                described.get(column),
                dg.TableColumnConstraints(nullable=kind.nullable),
            )
            for column, kind in compiled.schemas[spec.name].items()
        ]
    )


def _column_lineage(lineage: Lineage, table: str) -> dg.TableColumnLineage:
    """Return the columns of tables that give each column of a table its value."""
    return dg.TableColumnLineage(
        {
            column.name: [
                dg.TableColumnDep(key_of(edge.parent.table), edge.parent.name)
                for edge in lineage.parents(*column)
                if edge.kind == VALUE and edge.parent.table in lineage.tables
            ]
            for column in lineage.columns_of(table)
        }
    )


def _freshness(spec: Table) -> dg.FreshnessPolicy | None:
    """Return how old an ingestion may be, by its `freshness_hours`."""
    hours = getattr(spec, "freshness_hours", None)
    if hours is None:
        return None
    warn, fail = (timedelta(hours=each) for each in hours)
    return dg.FreshnessPolicy.time_window(
        fail_window=fail, warn_window=warn if warn < fail else None
    )
