"""What is published of the events."""

from __future__ import annotations

import ibis.expr.types as ir

from lakehouse import model


@model()
def all_events(events: ir.Table) -> ir.Table:
    """Every event."""
    return events.select("id", "at", "kind", "value", "count", "note")
