"""Schemas of the raw tables; a row that breaks one goes to quarantine, with the reasons.

Codes, minutes and epoch milliseconds are whole numbers; measurements are doubles.
"""

from __future__ import annotations

from collections.abc import Callable
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

TRAVELS = dt.Array(
    dt.Struct({"since": dt.date, "timezone": dt.string, "starts_at": dt.Timestamp("UTC", scale=6)})
)
"""Type of the changes of a person's time zone, in order of time, as `ingestion.travel` has them."""

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Earliest possible reading: before it there were no sensors, so the clock was not set."""
AHEAD = ibis.interval(days=1)
"""The time by which the clock of a phone may be ahead of ours, at most."""
HIGHEST = 700
"""mg/dL that no sensor and no meter exceeds, and the lowest reading times 18.

Error codes (whole numbers below 39) are accepted as rows here.
"""
HIGHEST_MMOL = 33.4
"""mmol/L that no sensor exceeds."""
FIRST_SECOND, LAST_SECOND = 946_684_800, 9_999_999_999
"""Seconds since 1970 of a reading: 2000 to 2286. As milliseconds they lie in 1970."""
LAST_MILLISECOND = 253_402_300_800_000
"""Milliseconds since 1970 of the year 10000."""


class GlucoseEntries(pa.DataFrameModel):
    """`raw.glucose_entries`: Nightscout's entries of every type."""

    site: str
    entry_id: str = pa.Field(alias="_id")
    date: int = pa.Field(metadata=ROUNDED)
    date_string: str = pa.Field(nullable=True)
    sys_time: str = pa.Field(nullable=True)
    utc_offset: dt.Int32 = pa.Field(nullable=True, metadata=OPTIONAL)
    sgv: float = pa.Field(nullable=True, ge=0)
    mbg: float = pa.Field(nullable=True, ge=0, metadata=OPTIONAL)
    direction: str = pa.Field(nullable=True)
    trend: dt.Int32 = pa.Field(nullable=True, metadata=OPTIONAL)
    device: str = pa.Field(nullable=True)
    type: str
    noise: float = pa.Field(nullable=True, metadata=OPTIONAL)
    rssi: float = pa.Field(nullable=True, metadata=OPTIONAL)
    filtered: float = pa.Field(nullable=True, metadata=OPTIONAL)
    unfiltered: float = pa.Field(nullable=True, metadata=OPTIONAL)
    is_valid: bool = pa.Field(nullable=True, metadata=OPTIONAL)
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

    @pa.dataframe_check(
        description=f"glucose is above {HIGHEST} mg/dL: it was probably multiplied by 18 twice"
    )
    @classmethod
    def glucose_is_not_too_high(cls, data: IbisData) -> ir.BooleanColumn:
        return ~_glucose(data, lambda value: value > HIGHEST)

    @pa.dataframe_check(
        description=f"glucose is a fraction below {HIGHEST_MMOL}: probably mmol/L, not mg/dL"
    )
    @classmethod
    def glucose_is_in_mg_dl(cls, data: IbisData) -> ir.BooleanColumn:
        return ~_glucose(
            data,
            lambda value: (value > 0) & (value < HIGHEST_MMOL) & (value % 1 != 0),
        )

    @pa.dataframe_check(description="date is probably in seconds, not milliseconds")
    @classmethod
    def date_is_not_in_seconds(cls, data: IbisData) -> ir.BooleanColumn:
        return ~data.table["date"].between(FIRST_SECOND, LAST_SECOND)

    @pa.dataframe_check(description="date is probably in micro- or nanoseconds, not milliseconds")
    @classmethod
    def date_is_not_in_microseconds(cls, data: IbisData) -> ir.BooleanColumn:
        return data.table["date"] < LAST_MILLISECOND


def _glucose(
    data: IbisData, holds: Callable[[ir.FloatingColumn], ir.BooleanColumn]
) -> ir.BooleanColumn:
    """Return whether a condition holds for the glucose of a sensor or of a finger stick."""
    sensor, finger = (holds(data.table[name]).fill_null(False) for name in ("sgv", "mbg"))
    return sensor | finger


class Sites(pa.DataFrameModel):
    """`raw.sites`: the people, each with an IANA time zone, units and a target range in mg/dL.

    The time zone is the one before the first of the `travels`.
    """

    site: str
    timezone: str
    units: str = pa.Field(nullable=True)
    target_low: dt.Int32 = pa.Field(nullable=True)
    target_high: dt.Int32 = pa.Field(nullable=True)
    travels: TRAVELS = pa.Field(nullable=True)  # type: ignore[valid-type]
