"""People who travel: how `raw.sites` has them, and their readings."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from witness.moments import Home, instant

from ingestion.travel import travels

TRAVELLERS = {
    "london-new-york-london": Home(
        "Europe/London",
        ((date(2024, 1, 12), "America/New_York"), (date(2024, 3, 20), "Europe/London")),
    ),
    "over-the-date-line-and-back": Home(
        "Australia/Sydney",
        ((date(2023, 12, 15), "America/Los_Angeles"), (date(2024, 2, 2), "Australia/Sydney")),
    ),
    "from-one-to-the-next": Home(
        "Asia/Kathmandu",
        (
            (date(2023, 12, 20), "Pacific/Kiritimati"),
            (date(2023, 12, 21), "Pacific/Honolulu"),
            (date(2023, 12, 22), "Etc/GMT+12"),
            (date(2024, 1, 2), "Australia/Lord_Howe"),
            (date(2024, 1, 3), "Pacific/Honolulu"),
            (date(2024, 1, 4), "Pacific/Kiritimati"),
        ),
    ),
}
"""By hours of zones: five apart; nineteen, over the date line; up to a whole day, on each day."""


def resident(site: str, home: Home) -> dict[str, Any]:
    """The row of a person in `raw.sites`."""
    said = [{"since": since, "timezone": zone} for since, zone in home.moves]
    changes = [asdict(travel) for travel in travels(said, home.first, "`travels`")]
    return {"site": site, "timezone": home.first, "travels": changes}


def in_zones(rows: list[dict[str, Any]], home: Home) -> list[dict[str, Any]]:
    """Staged readings with the zones of a home."""
    return [{**row, "timezone": home.zone_at(instant(row["reading_timestamp"]))} for row in rows]
