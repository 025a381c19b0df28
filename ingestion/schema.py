"""Schemas of the raw tables; a row that breaks one goes to quarantine, with the reasons.

Codes, minutes and epoch milliseconds are whole numbers; measurements are doubles.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa
from pandera.api.ibis.types import IbisData

from lakehouse import OPTIONAL, ROUNDED

Instant = Annotated[dt.Timestamp, "UTC", 6, True]
"""Type of instants in UTC, in microseconds; the annotation needs all arguments of the type."""

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Earliest possible reading: before it there were no sensors, so the clock was not set."""
AHEAD = ibis.interval(days=1)
"""The time by which the clock of a phone may be ahead of ours, at most."""
HIGHEST = 2000
"""mg/dL that no sensor exceeds. Error codes (below 39) are accepted as rows here."""


class GlucoseEntries(pa.DataFrameModel):
    """`raw.glucose_entries`: Nightscout's entries of every type."""

    site: str
    entry_id: str = pa.Field(alias="_id")
    date: int = pa.Field(metadata=ROUNDED)
    date_string: str = pa.Field(nullable=True)
    sys_time: str = pa.Field(nullable=True)
    utc_offset: dt.Int32 = pa.Field(nullable=True, metadata=OPTIONAL)
    sgv: float = pa.Field(nullable=True, ge=0, le=HIGHEST)
    mbg: float = pa.Field(nullable=True, ge=0, le=HIGHEST)
    direction: str = pa.Field(nullable=True)
    trend: dt.Int32 = pa.Field(nullable=True, metadata=OPTIONAL)
    device: str = pa.Field(nullable=True)
    type: str
    noise: float = pa.Field(nullable=True, metadata=OPTIONAL)
    rssi: float = pa.Field(nullable=True, metadata=OPTIONAL)
    filtered: float = pa.Field(nullable=True, metadata=OPTIONAL)
    unfiltered: float = pa.Field(nullable=True, metadata=OPTIONAL)
    reading_timestamp: Instant
    payload: str

    @pa.dataframe_check(description="_id is empty")
    @classmethod
    def id_is_not_empty(cls, data: IbisData) -> ir.BooleanColumn:
        return data.table["_id"] != ""

    @pa.dataframe_check(description=f"reading_timestamp is before {EARLIEST.year}")
    @classmethod
    def reading_is_not_ancient(cls, data: IbisData) -> ir.BooleanColumn:
        return data.table["reading_timestamp"] >= EARLIEST

    @pa.dataframe_check(description="reading_timestamp is more than a day ahead")
    @classmethod
    def reading_is_not_ahead(cls, data: IbisData) -> ir.BooleanColumn:
        return data.table["reading_timestamp"] <= ibis.now().cast("timestamp('UTC', 6)") + AHEAD

    @pa.dataframe_check(description="an entry of type sgv has no sgv")
    @classmethod
    def sgv_is_there(cls, data: IbisData) -> ir.BooleanColumn:
        return (data.table["type"] != "sgv") | data.table["sgv"].notnull()

    @pa.dataframe_check(description="an entry of type mbg has no mbg")
    @classmethod
    def mbg_is_there(cls, data: IbisData) -> ir.BooleanColumn:
        return (data.table["type"] != "mbg") | data.table["mbg"].notnull()


class Sites(pa.DataFrameModel):
    """`raw.sites`: the people, each with an IANA time zone, units and a target range in mg/dL."""

    site: str
    timezone: str
    units: str = pa.Field(nullable=True)
    target_low: dt.Int32 = pa.Field(nullable=True)
    target_high: dt.Int32 = pa.Field(nullable=True)
