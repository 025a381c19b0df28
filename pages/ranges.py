"""Time in ranges, with the colours, the targets and the order of the consensus.

Source: Battelino et al. 2019, International Consensus on Time in Range, for adults. All rows are as
`mrt_glucose_periods` has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import ibis
import ibis.expr.types as ir

from lakehouse.pages import Chart, Figure, Rows
from models.metrics import HIGH, LOW, TIGHT, VERY_HIGH, VERY_LOW
from pages.units import UNITS, number, text

COLOURS = {
    "very high": "#e07b00",
    "high": "#f2c037",
    "in range": "#4d9e52",
    "low": "#d63a2f",
    "very low": "#8c1515",
}
"""From the highest range to the lowest."""
_RANGES = (
    ("percent_above_250", "Above", (VERY_HIGH,), "<", 5),
    ("percent_above_180", "Above", (HIGH,), "<", 25),
    ("percent_in_range", "In range", (LOW, HIGH), ">", 70),
    ("percent_in_tight_range", "Tight range", (LOW, TIGHT), "", 0),
    ("percent_below_70", "Below", (LOW,), "<", 4),
    ("percent_below_54", "Below", (VERY_LOW,), "<", 1),
)
"""Column, name, limits in mg/dL, and the target in percent, if there is one."""
_CHOSEN = ("site", "period")
"""Columns by which rows are chosen."""


def table(periods: ir.Table, title: str = "") -> Rows:
    """Return the shares of readings beside their targets.

    A person's own range is shown too, where it differs from that of the consensus.
    """
    low, high = periods.target_low_mg_dl, periods.target_high_mg_dl
    shares = [
        (periods[column], _label(name, *map(ibis.literal, limits)), sign, target)
        for column, name, limits, sign, target in _RANGES
    ]
    shares.append((periods.percent_in_target, _label("Own range", low, high), "", 0))
    columns: dict[str, list[ir.Value]] = {
        "share": [share for share, *_ in shares],
        **{f"range_{unit}": [label[unit] for _, label, *_ in shares] for unit in UNITS.values},
        "target": [
            ibis.literal(f"{sign} {target} %" if sign else "") for *_, sign, target in shares
        ],
        "met": [_is_met(share, sign, target) for share, _, sign, target in shares],
    }
    has_own = (low != LOW) | (high != HIGH)
    rows = _repeated(periods, columns, ibis.ifelse(has_own, len(shares), len(_RANGES)))
    return Rows(
        rows.order_by(*_CHOSEN, "place"),
        [
            text("range", "Range"),
            Figure("share", "Of readings", unit="%", digits=1),
            Figure("target", "Target"),
            Figure("met", "Target is"),
        ],
        title,
    )


def bar(periods: ir.Table, title: str = "", *, upright: bool = False) -> Chart:
    """Return the five ranges as parts of one bar, the lowest at the bottom or on the left."""
    edges = [
        ibis.literal(0.0),
        periods.percent_below_54,
        periods.percent_below_70,
        100.0 - periods.percent_above_180,
        100.0 - periods.percent_above_250,
        ibis.literal(100.0),
    ]
    names = [ibis.literal(name) for name in reversed(COLOURS)]
    rows = _repeated(periods, {"band": names, "start": edges[:-1], "end": edges[1:]}, len(COLOURS))
    along, end = (alt.Y, "y2") if upright else (alt.X, "x2")
    scale = alt.Scale(domain=[0, 100], nice=False)
    start = along("start:Q", scale=scale, axis=None)
    middle = along("middle:Q", scale=scale, axis=None)
    colours = alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))
    tooltip = [alt.Tooltip("band:N", title="range"), alt.Tooltip("label:N", title="of readings")]
    parts = (
        alt.Chart()
        .mark_rect(stroke="white", strokeWidth=0.5)
        .encode(
            start,
            **{end: "end:Q"},
            color=alt.Color("band:N", scale=colours, legend=None),
            tooltip=tooltip,
        )
    )
    labels = (
        alt.Chart()
        .transform_filter("datum.share >= 6")
        .mark_text(fontSize=11, fontWeight="bold")
        .encode(
            middle,
            text="label:N",
            color=alt.condition("datum.band === 'very low'", alt.value("white"), alt.value("#111")),
        )
    )
    chart = alt.layer(parts, labels).transform_calculate(
        share="datum.end - datum.start",
        label="format(datum.end - datum.start, '.1f') + ' %'",
        middle="(datum.start + datum.end) / 2",
    )
    size = {"width": 64, "height": 150} if upright else {"height": 44}
    return Chart(
        chart.properties(**size),
        rows.order_by(*_CHOSEN, "place"),
        title,
        "One bar with the shares of readings that are very low, low, in range, high and very high.",
    )


def _repeated(
    periods: ir.Table, columns: Mapping[str, Sequence[ir.Value]], times: ir.Value | int
) -> ir.Table:
    """Return each row so many times, with columns that have a value for each `place`."""
    repeated = periods.mutate(
        place=ibis.range(ibis.literal(times) if isinstance(times, int) else times).unnest(),
        **{
            f"{name}_{place}": value
            for name, values in columns.items()
            for place, value in enumerate(values)
        },
    )
    return repeated.select(
        *_CHOSEN,
        "place",
        **{
            name: ibis.cases(
                *(
                    (repeated.place == place, repeated[f"{name}_{place}"])
                    for place in range(len(values))
                )
            )
            for name, values in columns.items()
        },
    )


def _is_met(share: ir.FloatingValue, sign: str, target: int) -> ir.StringValue:
    if not sign:
        return ibis.literal("")
    return ibis.ifelse(share > target if sign == ">" else share < target, "met", "not met")


def _label(name: str, *limits: ir.NumericValue) -> dict[str, ir.StringValue]:
    """Return the name of a range with its limits, in each unit."""
    labels = {}
    for unit in UNITS.values:
        first, *rest = (number(limit)[unit] for limit in limits)
        label = ibis.literal(f"{name} ") + first
        for each in rest:
            label = label + "\N{EN DASH}" + each
        labels[unit] = label + f" {unit}"
    return labels
