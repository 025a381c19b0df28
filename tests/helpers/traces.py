"""Readings to test with, and the chain of models over them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from lakehouse.declare.specs import ModelSpec, parameters, spec_of
from models import bronze, gold, marts, silver
from models.silver import fct_glucose_readings

MODELS = {**vars(gold), **vars(marts)}
NOON = datetime(2024, 3, 15, 12, tzinfo=UTC)
MIDNIGHT = datetime(2024, 3, 15, tzinfo=UTC)


def entries(
    values, start=MIDNIGHT, *, every=5.0, site="anna", device="phone", timezone="UTC", name=None
):
    """Staged readings of these values, `every` so many minutes; None is a reading that is missing."""
    return [
        {
            "site": site,
            "entry_id": f"{name or device}-{start:%m%dT%H%M%S}-{number:05}",
            "reading_timestamp": start + timedelta(minutes=number * every),
            "timezone": timezone,
            "glucose_mg_dl": value,
            "device": device,
        }
        for number, value in enumerate(values)
        if value is not None
    ]


def facts(run_model, *traces):
    """The rows of fct_glucose_readings over staged traces."""
    rows = [row for trace in traces for row in trace]
    return run_model(fct_glucose_readings, stg_glucose_entries=rows)


def build(run_model, model, *traces):
    """The rows of a model over staged traces."""
    rows = [row for trace in traces for row in trace]
    return over(run_model, model, facts(run_model, rows), entries=rows)


def over(run_model, model, readings, sites=(), entries=None):
    """The rows of a model over rows of fct_glucose_readings, and what lies between the two.

    People live where their readings say, but those of `sites`. All `entries` that were uploaded are
    the readings, if none are given.
    """
    built = {
        "stg_glucose_entries": uploaded(readings) if entries is None else entries,
        "fct_glucose_readings": readings,
        "sites": list(sites) or homes(readings),
    }

    def rows(function):
        for name in parameters(function):
            if name not in built:
                built[name] = rows(MODELS[name])
        return run_model(function, **{name: built[name] for name in parameters(function)})

    return rows(model)


def uploaded(readings):
    """Staged readings of which rows of fct_glucose_readings are."""
    names = ("site", "entry_id", "reading_timestamp", "timezone", "glucose_mg_dl", "device")
    rows = readings.to_pylist() if isinstance(readings, pa.Table) else readings
    return [{name: row[name] for name in names if name in row} for row in rows]


def homes(readings):
    """A row of raw.sites for each person, by the zone of their readings."""
    rows = readings.to_pylist() if isinstance(readings, pa.Table) else readings
    zones = {row["site"]: row["timezone"] for row in rows}
    return [{"site": site, "timezone": zone} for site, zone in sorted(zones.items())]


def only(rows, **where):
    """The one row that has these values."""
    found = [row for row in rows if all(row[name] == value for name, value in where.items())]
    assert len(found) == 1, found
    return found[0]


def instant(value):
    """A time column's value as the instant that windows go by."""
    if isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


def inside(rows, column, window):
    """The rows whose time column lies in a window."""
    return [row for row in rows if window.start <= instant(row[column]) < window.end]


def build_windows(run_model, model, tables, windows):
    """The rows of an incremental model for windows, from inputs cut as an engine cuts them."""
    kind = spec_of(model).kind
    built = []
    for window in windows:
        reach = window.widen(kind.before, kind.after)
        inputs = {
            name: inside(tables[name], TIME[name], reach) if TIME[name] else tables[name]
            for name in parameters(model)
        }
        built += inside(run_model(model, **inputs), kind.time_column, window)
    return built


def dirty(model, windows):
    """The windows of a model that depend on windows of its parent."""
    kind = spec_of(model).kind
    return [window.widen(kind.after, kind.before).snap(kind.grain) for window in windows]


TIME = {
    name: spec.time_column
    for name, function in {**MODELS, **vars(silver), **vars(bronze)}.items()
    if isinstance(spec := spec_of(function), ModelSpec)
} | {"sites": None}
"""The time column of each model, if it has one."""
