"""People of all kinds with their readings, and all tables that the models make of these."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from random import Random

import ibis
from traces import entries

from lakehouse.declare import project
from lakehouse.declare.specs import parameters
from lakehouse.engines.sql import typed
from lakehouse.testing.runner import RunModel

LAST = date(2024, 4, 7)
"""The newest day of most of the people."""


def trace(days, *, every=5, seed=1, low=(), last=LAST):
    """Values that wander, `every` so many minutes, of so many days up to `last`; `low` on some."""
    chance, values, level = Random(seed), [], 130
    for number in range(days * 1440 // every):
        level = min(max(level + chance.randint(-6, 6), 75), 300)
        day, minute = divmod(number * every, 1440)
        values.append(49 if day in low and 180 <= minute < 240 else level)
    return values


def start(days, last=LAST):
    return datetime(last.year, last.month, last.day, tzinfo=UTC) - timedelta(days=days - 1)


def with_gaps(values, *, every=5):
    """The values without five of the days, and without three hours of each other one."""
    kept = []
    for number, value in enumerate(values):
        day, minute = divmod(number * every, 1440)
        kept.append(None if day in (2, 3, 6, 7, 8) or 600 <= minute < 780 else value)
    return kept


TRACES = [
    entries(trace(120, low=(118,)), start(120), site="anna"),
    entries(with_gaps(trace(14, seed=2)), start(14), site="gaps"),
    entries(trace(15, every=1, seed=3), start(15), every=1, site="minute"),
    entries([110, 120, 130], start(1) + timedelta(hours=7), site="once"),
    entries(
        trace(9, seed=4), start(9) - timedelta(hours=2), site="oslo", timezone="Europe/Oslo"
    ),  # 31 March has 23 hours
    entries(
        trace(9, seed=6, last=date(2023, 10, 31)),
        start(9, date(2023, 10, 31)) - timedelta(hours=2),
        site="<b>&'\"",
        timezone="Europe/Oslo",
    ),  # 29 October has 25 hours
]
SITES = [
    {"site": "anna", "units": "mg/dL", "target_low": 70, "target_high": 180},
    {"site": "gaps", "units": "mg/dL", "target_low": 70, "target_high": 180},
    {"site": "minute", "units": "mmol/L", "target_low": 63, "target_high": 140},
    {"site": "once", "units": "mg/dL", "target_low": 70, "target_high": 180},
    {"site": "oslo", "timezone": "Europe/Oslo", "units": "mg/dL"},
    {"site": "<b>&'\"", "timezone": "Europe/Oslo", "units": "mg/dL"},
]


class Tables:
    """The tables of these people by name, each built when it is first asked for."""

    def __init__(self, settings):
        self._runner = RunModel(lambda: project.load(settings))
        self._connection = self._runner.sandbox()._connection
        self._backend = ibis.duckdb.from_connection(self._connection)
        homes = [{"timezone": "UTC", **site} for site in SITES]
        self._runner.fill("stg_glucose_entries", [row for each in TRACES for row in each])
        self._runner.fill("sites", homes)
        self._built = {"stg_glucose_entries", "sites"}

    def __call__(self, name):
        if name not in self._built:
            model = self._runner.function(self._runner.project().models[name].table)
            for parent in parameters(model):
                self(parent)
            statement = self._runner.statement(model)
            rows = typed(statement.sql, statement.schema, "duckdb")
            self._connection.execute(f"CREATE TEMP TABLE {name} AS {rows}")
            self._built.add(name)
        return self._backend.sql(f"SELECT * FROM temp.{name}")

    def rows(self, sql):
        """The rows of a query over tables that are built, as dicts."""
        return self._connection.execute(sql).to_arrow_table().to_pylist()

    def close(self):
        self._connection.close()


def values_of(site):
    """The values of a person, by UTC time."""
    return [
        (row["reading_timestamp"], row["glucose_mg_dl"])
        for each in TRACES
        for row in each
        if row["site"] == site
    ]


def rounded(value, digits):
    """A number as a page shows it, halves away from zero."""
    factor = 10**digits
    return f"{math.floor(value * factor + 0.5) / factor:.{digits}f}"
