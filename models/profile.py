"""The ambulatory glucose profile: percentiles by the time of day, over any days."""

from __future__ import annotations

import ibis.expr.types as ir

from lakehouse.expressions import quantiles
from models.periods import PERCENTILES

MINUTES = 15
"""Minutes of the local clock that a row of a profile stands for."""


def of(readings: ir.Table) -> ir.Table:
    """Return one row per site and local quarter of an hour of these readings."""
    minute = readings.hour_of_day * 60 + readings.local_timestamp.minute().cast("int32")
    readings = readings.mutate(minute_of_day=(minute // MINUTES * MINUTES).cast("int32"))
    return quantiles(
        readings,
        by=["site", "minute_of_day"],
        value="glucose_mg_dl",
        at=PERCENTILES,
        beside=lambda rows: {"reading_count": rows.count()},
    )
