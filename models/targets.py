"""The range that a person aims at, which may differ from that of the consensus."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from models.metrics import HIGH, LOW

RANGES = ("in_target", "below_target", "above_target")
"""Ranges of the columns `percent_*`."""


def with_target(table: ir.Table, sites: ir.Table) -> ir.Table:
    """Add `target_low` and `target_high` of each row's site, in mg/dL; by default 70 and 180."""
    targets = sites.select("site", low=sites.target_low, high=sites.target_high)
    joined = table.left_join(targets, "site")
    return joined.select(
        *table.columns,
        target_low=ibis.coalesce(joined.low, ibis.literal(LOW, "int32")),
        target_high=ibis.coalesce(joined.high, ibis.literal(HIGH, "int32")),
    )


def sums(table: ir.Table, times: ir.IntegerColumn | None = None) -> dict[str, ir.Scalar]:
    """Return the target, and the readings in each of `RANGES`, for `metrics.percentages`.

    `times` is the number of readings that a row stands for, by default one.
    """
    glucose, low, high = table.glucose_mg_dl, table.target_low, table.target_high
    inside = (glucose.between(low, high), glucose < low, glucose > high)
    counts = (is_inside.cast("int64") for is_inside in inside)
    counted = [count if times is None else count * times for count in counts]
    return {
        "target_low": low.max(),
        "target_high": high.max(),
        **{f"readings_{name}": count.sum() for name, count in zip(RANGES, counted, strict=True)},
    }
