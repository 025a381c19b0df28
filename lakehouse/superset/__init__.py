"""Dashboards of Superset: how a project declares them, and the bundle that Superset imports.

A project declares its dashboards as values, in modules of its package `pages`. What they show are
published tables; nothing here connects to Superset or to Postgres.
"""

from lakehouse.superset.declarations import (
    Bars,
    BigNumber,
    Chart,
    Dashboard,
    HeatMap,
    Limit,
    Lines,
    Metric,
    Rows,
)

__all__ = [
    "Bars",
    "BigNumber",
    "Chart",
    "Dashboard",
    "HeatMap",
    "Limit",
    "Lines",
    "Metric",
    "Rows",
]
