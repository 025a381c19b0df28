"""The bundle that Superset imports: documents for the database, its tables, charts and dashboards.

Each has a fixed uuid, made of its name, so that importing a bundle again changes what is there. It
names no type, so both importers of Superset take it: `import-dashboards`, which brings what is new,
and that of assets, which replaces all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from lakehouse.compile.postgres_types import postgres_type
from lakehouse.superset.charts import Document, drawn, params, query_context
from lakehouse.superset.declarations import Chart, Dashboard, Metric, widths
from lakehouse.table_names import name_of, schema_of

if TYPE_CHECKING:
    import ibis

    from lakehouse.declare.specs import ModelSpec

_VERSION = "1.0.0"
"""Version of the format."""
_NAMESPACE = UUID("9b5f0c9e-4e0c-4e7e-8f5c-6d2b6c1d7a11")
_TIMESTAMP = "2024-01-01T00:00:00+00:00"
"""The format asks for one; a bundle does not depend on when it was made."""
DATABASE = "lakehouse"


@dataclass(frozen=True)
class Published:
    """A table of Postgres: its model, with the columns that are published."""

    spec: ModelSpec
    schema: ibis.Schema
    metrics: tuple[Metric, ...] = ()

    @property
    def table(self) -> str:
        """Its qualified name in Postgres."""
        return self.spec.table


def documents(
    name: str, uri: str, tables: Iterable[Published], dashboards: Iterable[Dashboard]
) -> dict[str, Document]:
    """Return the documents of a bundle by path. `uri` is Postgres', without a password."""
    by_name = {table.spec.name: table for table in tables}
    database = f"{DATABASE}_{name}"
    made: dict[str, Document] = {
        "metadata.yaml": {"version": _VERSION, "timestamp": _TIMESTAMP},
        f"databases/{database}.yaml": _database(database, uri),
    }
    for table in by_name.values():
        made[f"datasets/{database}/{table.table}.yaml"] = _dataset(table, database)
    for dashboard in dashboards:
        slug = slug_of(dashboard.title)
        made[f"dashboards/{slug}.yaml"] = _dashboard(dashboard, by_name, database)
        for chart in dashboard.charts:
            path = f"charts/{slug}_{slug_of(chart.title)}.yaml"
            made[path] = _chart(chart, dashboard, by_name[chart.table], database)
    return made


def slug_of(title: str) -> str:
    """Return a title as part of a path or an address."""
    words = "".join(each if each.isalnum() else " " for each in title.casefold()).split()
    return "_".join(words)


def _uuid(*names: str) -> str:
    return str(uuid5(_NAMESPACE, "\0".join(names)))


def _database(database: str, uri: str) -> Document:
    return {
        "database_name": database,
        "sqlalchemy_uri": uri,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "extra": {},
        "uuid": _uuid("database", database),
        "version": _VERSION,
    }


def _dataset(table: Published, database: str) -> Document:
    spec = table.spec
    days = [name for name, kind in table.schema.items() if kind.is_date()]
    instants = [name for name, kind in table.schema.items() if kind.is_timestamp()]
    main = spec.time_column if spec.time_column in table.schema else None
    return {
        "table_name": name_of(table.table),
        "schema": schema_of(table.table),
        "main_dttm_col": main or next(iter([*days, *instants]), None),
        "description": spec.description,
        "normalize_columns": False,
        "always_filter_main_dttm": False,
        "filter_select_enabled": True,
        "columns": [
            {
                "column_name": name,
                "type": str(postgres_type(kind)).upper(),
                "is_dttm": kind.is_date() or kind.is_timestamp(),
                "is_active": True,
                "groupby": True,
                "filterable": True,
                "description": spec.columns.get(name),
            }
            for name, kind in table.schema.items()
        ],
        "metrics": [
            {
                "metric_name": metric.name,
                "expression": metric.sql,
                "d3format": metric.format,
                "verbose_name": metric.name,
            }
            for metric in table.metrics
        ],
        "uuid": _uuid("dataset", database, table.table),
        "database_uuid": _uuid("database", database),
        "version": _VERSION,
    }


def _chart(chart: Chart, dashboard: Dashboard, table: Published, database: str) -> Document:
    from json import dumps

    return {
        "slice_name": chart.title,
        "description": chart.description or None,
        "viz_type": drawn(chart).viz_type,
        "params": params(chart),
        "query_context": dumps(query_context(chart)),
        "uuid": _uuid("chart", database, dashboard.title, chart.title),
        "dataset_uuid": _uuid("dataset", database, table.table),
        "version": _VERSION,
    }


def _dashboard(dashboard: Dashboard, tables: Mapping[str, Published], database: str) -> Document:
    return {
        "dashboard_title": dashboard.title,
        "slug": slug_of(dashboard.title),
        "published": True,
        "position": _position(dashboard, database),
        "metadata": {
            "label_colors": {
                metric.name: metric.color
                for chart in dashboard.charts
                for metric in metrics_of(chart)
                if metric.color
            },
            "native_filter_configuration": [
                _filter(column, label, dashboard, tables, database)
                for column, label in dashboard.filters.items()
            ],
            "cross_filters_enabled": False,
        },
        "uuid": _uuid("dashboard", database, dashboard.title),
        "version": _VERSION,
    }


def _position(dashboard: Dashboard, database: str) -> Document:
    """Return the grid of the charts."""
    rows = [f"ROW-{number}" for number, _ in enumerate(dashboard.rows)]
    grid: Document = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": rows, "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": dashboard.title}},
    }
    for name, row in zip(rows, dashboard.rows, strict=True):
        height = max(drawn(chart).height for chart in row)
        keys = [f"CHART-{name}-{number}" for number, _ in enumerate(row)]
        grid[name] = {
            "type": "ROW",
            "id": name,
            "children": keys,
            "parents": ["ROOT_ID", "GRID_ID"],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for key, chart, width in zip(keys, row, widths(row), strict=True):
            grid[key] = {
                "type": "CHART",
                "id": key,
                "children": [],
                "parents": ["ROOT_ID", "GRID_ID", name],
                "meta": {
                    "uuid": _uuid("chart", database, dashboard.title, chart.title),
                    "chartId": 0,
                    "sliceName": chart.title,
                    "width": width,
                    "height": height,
                },
            }
    return grid


def _filter(
    column: str,
    label: str,
    dashboard: Dashboard,
    tables: Mapping[str, Published],
    database: str,
) -> Document:
    """Return a filter of the dashboard; its values are those of the first table that has any."""
    table = next(
        tables[chart.table] for chart in dashboard.charts if column in tables[chart.table].schema
    )
    return {
        "id": f"NATIVE_FILTER-{_uuid('filter', dashboard.title, column)}",
        "type": "NATIVE_FILTER",
        "filterType": "filter_select",
        "name": label,
        "description": "",
        "targets": [
            {
                "column": {"name": column},
                "datasetUuid": _uuid("dataset", database, table.table),
            }
        ],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": []},
        "cascadeParentIds": [],
        "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
        "controlValues": {
            "defaultToFirstItem": True,
            "enableEmptyFilter": True,
            "inverseSelection": False,
            "multiSelect": False,
            "searchAllOptions": False,
        },
    }


def metrics_of(chart: Chart) -> tuple[Metric, ...]:
    """Return the figures that a chart shows."""
    values: Any = (getattr(chart, "metrics", ()), [getattr(chart, "metric", None)])
    return tuple(metric for metric in chain(*values) if metric is not None)
