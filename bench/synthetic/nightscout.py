"""The raw tables of the project, of people who do not exist."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from bench.synthetic.people import People
from ingestion.schema import GlucoseEntries, Sites
from lakehouse import Settings, Window, ingestion


def people(settings: Settings) -> People:
    """As many people as `[synthetic]` of lakehouse.toml says."""
    return People(int(settings.section("synthetic")["people"]))


@ingestion(
    table_name="glucose_entries",
    unique_key=("site", "_id"),
    validation_schema=GlucoseEntries,
    time_column="reading_timestamp",
    group="nightscout",
    overlap="2d",
)
def glucose_entries(window: Window, people: People) -> Iterator[pa.Table]:
    """Entries as Nightscout would return them; the same ones whenever they are asked for."""
    yield from people.entries(window)


@ingestion(
    table_name="sites",
    unique_key=("site",),
    validation_schema=Sites,
    group="nightscout",
)
def sites(people: People) -> Iterator[pa.Table]:
    """The people, with time zones all over the world."""
    yield people.sites()
