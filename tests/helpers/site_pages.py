"""Pages over the toy project: figures, a table and charts, with names that try to break out."""

import altair as alt
import ibis

from lakehouse.pages import Chart, Choice, Columns, Figure, Figures, Rows, Text, page

NASTY = '</script><img src=x onerror="document.title=1"><b>&amp;'
UNITS = ("m", "km")


@page(
    title=f"Events {NASTY}",
    choices=[Choice("parity", "Parity"), Choice("unit", "Unit", UNITS)],
)
def events_page(steps, daily):
    """Events, the odd and the even ones."""
    rows = steps.mutate(
        parity=(steps.value % 2 == 0).ifelse("even", f"odd {NASTY}"),
        km=steps.value / 1000,
        note=ibis.literal(NASTY),
    ).order_by("at", "id")
    sums = rows.group_by("parity").agg(
        m=rows.value.sum(), km=rows.km.sum(), newest=rows["at"].max(), count=rows.count()
    )
    of_unit = {"m": "value", "km": "km"}
    line = (
        alt.Chart()
        .transform_calculate(shown="unit == 'km' ? datum.km : datum.value")
        .mark_line(point=True)
        .encode(x="at:T", y="shown:Q", tooltip=["note:N"])
    )
    bars = alt.Chart().mark_bar().encode(x="hours(at):O", y="count()")
    return [
        Text(f"Every event {NASTY}."),
        Figures(
            sums,
            [
                Figure({"m": "m", "km": "km"}, "Sum", unit={"m": "m", "km": "km"}, digits=2),
                Figure("count", f"Events {NASTY}", note=NASTY),
                Figure("newest", "Newest", age=True),
            ],
        ),
        Text("Charts", level=2),
        Columns(
            [
                Chart(line, rows.select("at", "value", "km", "note", "parity"), "Line", "A line"),
                Chart(bars, rows.select("at", "parity"), f"Hours {NASTY}", f"Bars {NASTY}"),
            ]
        ),
        Rows(
            rows,
            [
                Figure("at", "When"),
                Figure(of_unit, "Value", unit={"m": "m", "km": "km"}),
                Figure("note", "Note"),
            ],
            "Events",
        ),
        Rows(daily.order_by("day"), [Figure("day", "Day"), Figure("total", "Total")], "Days"),
    ]
