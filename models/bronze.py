"""Cleaned entries: sensor glucose only, in whole mg/dL, with the time zone where the person was."""

from __future__ import annotations

import ibis.expr.types as ir

from lakehouse import View, model
from lakehouse.expressions import iso_text
from models import stays

LOWEST = 39
"""mg/dL at which a sensor shows LOW; values below are error codes."""
HIGHEST = 600
"""mg/dL above which a sensor is broken; above 400 it shows HIGH."""


@model(kind=View(time_column="reading_timestamp", key="site"), group="glucose")
def stg_glucose_entries(glucose_entries: ir.Table, sites: ir.Table) -> ir.Table:
    """One row per entry of sensor glucose, rounded to whole mg/dL.

    Values are rounded before they are classified: 10.0 mmol/L is 180.16 mg/dL, and in range. What
    a Nightscout marks as deleted (`isValid: false`) is left out.
    """
    half = 0.5
    sensor = glucose_entries.filter(
        glucose_entries.type == "sgv",
        glucose_entries.is_valid.fill_null(True),
        glucose_entries.sgv >= LOWEST - half,
        glucose_entries.sgv < HIGHEST + half,
    )
    entries = stays.with_zones(sensor, sites, timezone="reading_timestamp")
    return entries.select(
        "site",
        entry_id=entries["_id"],
        reading_timestamp=entries.reading_timestamp,
        timestamp_iso=iso_text(entries.reading_timestamp),
        timezone=entries.timezone,
        glucose_mg_dl=entries.sgv.round().cast("int32"),
        direction=entries.direction,
        trend=entries.trend.cast("int32"),
        device=entries.device,
        reading_type=entries.type,
        utc_offset_minutes=entries.utc_offset.cast("int32"),
        ingested_at=entries["_ingested_at"],
    )
