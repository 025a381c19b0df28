"""Portable functions for Ibis expressions: each means the same on DuckDB and on Trino.

Ibis leaves out, or translates differently per engine, a few things that pipelines need: time
zones held in a column, exact percentiles, elapsed time. An engine that lacks one of the functions
named here defines it when it connects, or its dialect writes it in other SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

INSTANT = dt.Timestamp(timezone="UTC", scale=6)
"""A moment, stored in UTC with microseconds."""
LOCAL = dt.Timestamp(scale=6)
"""What a wall clock shows, with microseconds and without a zone."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def at_timezone(instant: dt.Timestamp(timezone="UTC"), zone: str) -> dt.Timestamp(timezone="UTC"):  # type: ignore[valid-type]
    """Return the same moment, expressed in another zone; the name is Trino's."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def with_timezone(local: dt.Timestamp(scale=6), zone: str) -> dt.Timestamp(timezone="UTC"):  # type: ignore[valid-type]
    """Return the moment at which a clock in the zone shows `local`; the name is Trino's."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def epoch_us(instant: dt.Timestamp(timezone="UTC")) -> int:  # type: ignore[empty-body,valid-type]
    """Return whole microseconds since 1970; the name is DuckDB's."""


def to_local(instant: ir.TimestampValue, zone: ir.StringValue | str) -> ir.TimestampValue:
    """Return what a clock in the IANA `zone` (a name or a column of names) shows at an instant."""
    return at_timezone(instant, zone).cast(LOCAL)


def with_local(table: ir.Table, name: str, *, instant: str, zone: str) -> ir.Table:
    """Return the table with a column `name`: `to_local` of its columns `instant` and `zone`.

    Meant for many rows: the offset of a zone is looked up once per UTC day, and per row only on
    days on which the zone's clocks change.
    """
    day = 86_400
    number = microseconds(table[instant]) // (day * 1_000_000)
    # A table of its own: otherwise engines keep all rows to read them twice.
    days = table.select(zone, _day=number).distinct()
    offset, next_offset = (
        to_local(midnight, days[zone]) - to_local(midnight, "UTC")
        for midnight in (from_seconds((days["_day"] + shift) * day) for shift in (0, 1))
    )
    days = days.mutate(_offset=offset, _next_offset=next_offset)
    dated = table.mutate(_day=number).left_join(days, [zone, "_day"])
    local = ibis.ifelse(
        dated["_offset"] == dated["_next_offset"],
        to_local(dated[instant], "UTC") + dated["_offset"],
        to_local(dated[instant], dated[zone]),
    )
    return dated.select(*table.columns, **{name: local.cast(LOCAL)})


def to_instant(local: ir.TimestampValue, zone: ir.StringValue | str) -> ir.TimestampValue:
    """Return the first instant at which a clock in the IANA `zone` shows `local`.

    If the clock skips `local`, it is the instant at which it shows a time later by as much as it
    skips. Engines disagree about times that are skipped or shown twice, so only their conversion
    from UTC is used.
    """
    local = local.cast(LOCAL)
    return _first(local, zone, *_around(local, zone))


def with_instants(table: ir.Table, *, zone: str, **local_times: str) -> ir.Table:
    """Return the table with a column of `to_instant` for each name, by its column `zone`.

    `local_times` maps new names to columns of local times. The SQL is shorter than that of
    `to_instant`, as it writes what is used twice only once.
    """
    moved, place = table, table[zone]
    for name, local in local_times.items():
        before, after = _around(table[local].cast(LOCAL), place)
        moved = moved.mutate(**{f"_before_{name}": before, f"_after_{name}": after})
    instants = {
        name: _first(
            moved[local].cast(LOCAL),
            moved[zone],
            moved[f"_before_{name}"],
            moved[f"_after_{name}"],
        )
        for name, local in local_times.items()
    }
    return moved.select(*table.columns, **instants)


def _around(
    local: ir.TimestampValue, zone: ir.StringValue | str
) -> tuple[ir.TimestampValue, ir.TimestampValue]:
    """Return when the clock shows `local`, by its offset before and after a change nearby."""
    utc = with_timezone(local, "UTC")
    # No zone is 15 hours from UTC: these moments lie before and after any change in question.
    apart = ibis.interval(hours=15)
    before = utc - (to_local(utc - apart, zone) - (local - apart))
    after = utc - (to_local(utc + apart, zone) - (local + apart))
    return before, after


def _first(
    local: ir.TimestampValue,
    zone: ir.StringValue | str,
    before: ir.TimestampValue,
    after: ir.TimestampValue,
) -> ir.TimestampValue:
    changed = (to_local(before, zone) != local) & (to_local(after, zone) == local)
    return ibis.ifelse(changed, after, before).cast(INSTANT)


def microseconds(instant: ir.TimestampValue) -> ir.IntegerValue:
    """Return whole microseconds since 1970: exact to compare, subtract and divide."""
    return epoch_us(instant)


def from_seconds(seconds: ir.IntegerValue) -> ir.TimestampValue:
    """Return the instant so many whole seconds (0 or more) after the start of 1970 in UTC."""
    epoch = ibis.date(1970, 1, 1).cast(LOCAL)
    return with_timezone(epoch + seconds.as_interval("s"), "UTC").cast(INSTANT)


def utc_midnight(day: ir.DateValue) -> ir.TimestampValue:
    """Return the instant at which a date begins in UTC."""
    return with_timezone(day.cast(LOCAL), "UTC").cast(INSTANT)


def elapsed_seconds(start: ir.TimestampValue, end: ir.TimestampValue) -> ir.FloatingValue:
    """Return the seconds that pass from `start` to `end`, to the millisecond."""
    return ((microseconds(end) - microseconds(start)) / 1e6).round(3)


def least(*values: ir.Value | float) -> ir.Value:
    """Return the least of the values; null where one of them is null."""
    return _null_of(values, ibis.least(*values))


def greatest(*values: ir.Value | float) -> ir.Value:
    """Return the greatest of the values; null where one of them is null."""
    return _null_of(values, ibis.greatest(*values))


def _null_of(values: Sequence[ir.Value | float], otherwise: ir.Value) -> ir.Value:
    nulls = [value.isnull() for value in values if isinstance(value, ir.Value)]
    return ibis.ifelse(ibis.or_(*nulls), None, otherwise)


def add_days(day: ir.DateValue, days: ir.IntegerValue | int) -> ir.DateValue:
    """Return the date so many days later, or earlier if `days` is negative."""
    count = (ibis.literal(days) if isinstance(days, int) else days).cast("int32")
    # Trino cannot make a negative interval of a number.
    midnight, apart = day.cast(LOCAL), count.abs().as_interval("D")
    return ibis.ifelse(count < 0, midnight - apart, midnight + apart).date()


def iso_day_of_week(day: ir.DateValue | ir.TimestampValue) -> ir.IntegerValue:
    """Return the day of the week: 1 for Monday to 7 for Sunday."""
    return day.day_of_week.index().cast("int32") + ibis.literal(1, "int32")


def iso_text(instant: ir.TimestampValue) -> ir.StringValue:
    """Return an instant as ISO 8601 in UTC with milliseconds: `2024-03-15T08:05:00.000Z`."""
    utc = to_local(instant, "UTC")
    seconds = utc.cast("string").substr(0, 19).replace(" ", "T")
    return seconds + "." + utc.millisecond().cast("string").lpad(3, "0") + "Z"


def quantiles(
    table: ir.Table,
    *,
    by: Sequence[str],
    value: str,
    at: Mapping[str, float],
    times: str | None = None,
    beside: Callable[[ir.Table], Mapping[str, ir.Scalar]] | None = None,
) -> ir.Table:
    """Return exact percentiles of `value` in each group of `by`, one column per entry of `at`.

    `at` maps column names to probabilities in [0, 1]; `times` names a column that says how often
    a row counts. Interpolates linearly between the two nearest ranks (type 7 of Hyndman & Fan
    1996, the default of R and NumPy). Nulls do not count. `beside` returns further aggregates of
    the rows that count, so that they are computed in the same pass.
    """
    rows = table.filter(table[value].notnull())
    group, ordered = ibis.window(group_by=by), ibis.window(group_by=by, order_by=value)
    if times is None:
        rank, count = ibis.row_number().over(ordered) + 1, rows.count().over(group)
    else:
        up_to_row = ibis.window(group_by=by, order_by=value, rows=(None, 0))
        rank, count = (rows[times].sum().over(window) for window in (up_to_row, group))
    # The order of equal values makes no difference.
    rows = rows.mutate(_rank=rank.cast("int64"), _count=count.cast("int64"))
    last = (rows["_count"] - 1).cast("float64")
    # Columns of their own: an expression is written out in SQL each time it is used.
    rows = rows.mutate(
        _value=rows[value].cast("float64"),
        **{f"_position_{name}": last * share for name, share in at.items()},
        **{f"_below_{name}": (last * share).floor().cast("int64") for name, share in at.items()},
    )
    return rows.group_by(by).agg(
        **(beside(rows) if beside else {}), **{name: _interpolated(rows, name) for name in at}
    )


def _interpolated(rows: ir.Table, name: str) -> ir.FloatingScalar:
    """Return the value at `_position`, counted from 0 among the sorted values of a group.

    It is a share of the count minus 1. A row holds the positions below its `_rank`, from that of
    the row before it on.
    """
    below = rows[f"_below_{name}"]
    above = ibis.least(below + 1, rows["_count"] - 1)
    low, high = (rows["_value"].min(where=rows["_rank"] > place) for place in (below, above))
    fraction = (rows[f"_position_{name}"] - below).max()
    return low + fraction * (high - low)
