"""Days with events, and how long these are kept: some of them are too old."""

from datetime import UTC, datetime

KEPT = datetime.now(UTC) - datetime(2024, 5, 10, tzinfo=UTC)
"""Rows of April are too old, those of May are kept as a whole month."""
DAYS = (0, 1, 35, 60, 61, 70)
