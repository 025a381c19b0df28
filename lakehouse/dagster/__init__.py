"""A project as definitions of Dagster: assets, checks, partitions, schedules and a sensor.

Dagster decides when something runs; what runs is `Lakehouse.run` and `backfill`. Nothing else of
lakehouse imports it, as Dagster is an extra.
"""

from lakehouse.dagster.definitions import build_definitions

__all__ = ["build_definitions"]
