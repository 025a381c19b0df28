"""Glucose readings of every configured person, from their Nightscout."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict

import pyarrow as pa

from ingestion.schema import TRAVELS, GlucoseEntries, Sites
from ingestion.source import Nightscout
from lakehouse import Settings, Unread, Window, ingestion


def nightscout(settings: Settings) -> Nightscout:
    """Return the Nightscout of every configured person, or the bundled recording without any.

    Reads `[nightscout]` of lakehouse.toml and the NIGHTSCOUT_* variables of the environment.
    Raises ConfigError for invalid settings.
    """
    return Nightscout.configured(settings.section("nightscout"), os.environ, settings.root)


@ingestion(
    table_name="glucose_entries",
    unique_key=("site", "_id"),
    validation_schema=GlucoseEntries,
    time_column="reading_timestamp",
    group="nightscout",
    cron="0 * * * *",
    freshness_hours=(1, 24),
    overlap="2d",  # phones upload late
    deletes="window",
)
def glucose_entries(window: Window, nightscout: Nightscout) -> Iterator[pa.Table | Unread]:
    """Entries of every type as Nightscout returns them, a table per answer.

    People whose server cannot be read, or gives answers that cannot be trusted, are named as
    unread; if that is everybody, SourceError is raised.
    """
    yield from nightscout.entries(window)


@ingestion(
    table_name="sites",
    unique_key=("site",),
    validation_schema=Sites,
    group="nightscout",
)
def sites(nightscout: Nightscout) -> Iterator[pa.Table]:
    """The people whose readings are fetched, each with time zones, units and a target range."""
    people = nightscout.people
    yield pa.table(
        {
            "site": pa.array([person.site for person in people], pa.string()),
            "timezone": pa.array([person.timezone for person in people], pa.string()),
            "units": pa.array([person.units for person in people], pa.string()),
            "target_low": pa.array([person.target_range[0] for person in people], pa.int32()),
            "target_high": pa.array([person.target_range[1] for person in people], pa.int32()),
            "travels": pa.array(
                [[asdict(travel) for travel in person.travels] for person in people],
                TRAVELS.to_pyarrow(),
            ),
        }
    )
