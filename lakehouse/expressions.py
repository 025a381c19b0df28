"""Portable pieces of Ibis expressions: each means the same on DuckDB and on Trino.

Ibis leaves out, or translates differently per engine, a few things that pipelines need: time
zones held in a column, exact percentiles, elapsed time. Engines that lack one of the functions
named here define it when they connect, or it is put in other words for them (`dialects`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

INSTANT = dt.Timestamp(timezone="UTC", scale=6)
"""A moment, stored in UTC with microseconds."""
LOCAL = dt.Timestamp(scale=6)
"""A reading of a wall clock, with microseconds and without a zone."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def at_timezone(instant: dt.Timestamp(timezone="UTC"), zone: str) -> dt.Timestamp(timezone="UTC"):  # type: ignore[valid-type]
    """Trino's name for: the same moment, told in another zone."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def with_timezone(local: dt.Timestamp(scale=6), zone: str) -> dt.Timestamp(timezone="UTC"):  # type: ignore[valid-type]
    """Trino's name for: the moment at which a clock in the zone shows this."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def epoch_us(instant: dt.Timestamp(timezone="UTC")) -> int:  # type: ignore[empty-body,valid-type]
    """DuckDB's name for: whole microseconds since 1970."""


def to_local(instant: ir.TimestampValue, zone: ir.StringValue | str) -> ir.TimestampValue:
    """What a clock in the IANA `zone` (a name or a column of names) shows at an instant."""
    return at_timezone(instant, zone).cast(LOCAL)


def with_local(table: ir.Table, name: str, *, instant: str, zone: str) -> ir.Table:
    """The table with a column `name`: `to_local` of its columns `instant` and `zone`.

    For many rows: a zone is asked once a UTC day, and for each row only on days on which its
    clocks change.
    """
    day = 86_400
    number = microseconds(table[instant]) // (day * 1_000_000)
    # Apart from the rows, which would else be kept to be read twice.
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
    """The first instant at which a clock in the IANA `zone` shows `local`.

    Where the clock skips `local`, the instant at which it shows as much later as it skips. Engines
    disagree about both cases when asked directly, so only their way from UTC is relied upon.
    """
    local = local.cast(LOCAL)
    return _first(local, zone, *_around(local, zone))


def with_instants(table: ir.Table, *, zone: str, **local_times: str) -> ir.Table:
    """The table with, for each name, `to_instant` of a column of local times, by its column `zone`.

    Shorter for engines to read than the same as expressions: what is used twice is written once.
    """
    moved, place = table, table[zone]
    for name, local in local_times.items():
        before, after = _around(table[local].cast(LOCAL), place)
        moved = moved.mutate(**{f"_before_{name}": before, f"_after_{name}": after})
    found = {
        name: _first(
            moved[local].cast(LOCAL),
            moved[zone],
            moved[f"_before_{name}"],
            moved[f"_after_{name}"],
        )
        for name, local in local_times.items()
    }
    return moved.select(*table.columns, **found)


def _around(
    local: ir.TimestampValue, zone: ir.StringValue | str
) -> tuple[ir.TimestampValue, ir.TimestampValue]:
    """When the clock shows `local` if it goes as it did before any change, and as it does after."""
    utc = with_timezone(local, "UTC")
    # No zone is 15 hours from UTC: the clock is before any change in question, or after it.
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
    """Whole microseconds since 1970: exact to compare, subtract and divide."""
    return epoch_us(instant)


def from_seconds(seconds: ir.IntegerValue) -> ir.TimestampValue:
    """The instant so many whole seconds after the start of 1970; they are not negative."""
    epoch = ibis.date(1970, 1, 1).cast(LOCAL)
    return with_timezone(epoch + seconds.as_interval("s"), "UTC").cast(INSTANT)


def elapsed_seconds(start: ir.TimestampValue, end: ir.TimestampValue) -> ir.FloatingValue:
    """Seconds from `start` to `end`, to the millisecond; never counts calendar boundaries."""
    return ((microseconds(end) - microseconds(start)) / 1e6).round(3)


def least(*values: ir.Value | float) -> ir.Value:
    """The least of the values; null where one of them is null."""
    return _null_of(values, ibis.least(*values))


def greatest(*values: ir.Value | float) -> ir.Value:
    """The greatest of the values; null where one of them is null."""
    return _null_of(values, ibis.greatest(*values))


def _null_of(values: Sequence[ir.Value | float], otherwise: ir.Value) -> ir.Value:
    nulls = [value.isnull() for value in values if isinstance(value, ir.Value)]
    return ibis.ifelse(ibis.or_(*nulls), None, otherwise)


def add_days(day: ir.DateValue, days: ir.IntegerValue | int) -> ir.DateValue:
    """The date so many days later, or earlier if they are negative."""
    count = (ibis.literal(days) if isinstance(days, int) else days).cast("int32")
    # Trino makes no negative intervals of numbers.
    midnight, apart = day.cast(LOCAL), count.abs().as_interval("D")
    return ibis.ifelse(count < 0, midnight - apart, midnight + apart).date()


def iso_day_of_week(day: ir.DateValue | ir.TimestampValue) -> ir.IntegerValue:
    """1 for Monday to 7 for Sunday."""
    return day.day_of_week.index().cast("int32") + ibis.literal(1, "int32")


def iso_text(instant: ir.TimestampValue) -> ir.StringValue:
    """An instant as ISO 8601 in UTC with milliseconds, such as `2024-03-15T08:05:00.000Z`."""
    shown = to_local(instant, "UTC")
    seconds = shown.cast("string").substr(0, 19).replace(" ", "T")
    return seconds + "." + shown.millisecond().cast("string").lpad(3, "0") + "Z"


def quantiles(
    table: ir.Table,
    *,
    by: Sequence[str],
    value: str,
    at: Mapping[str, float],
    times: str | None = None,
    beside: Callable[[ir.Table], Mapping[str, ir.Scalar]] | None = None,
) -> ir.Table:
    """Exact percentiles of `value` in each group of `by`, one column per entry of `at`.

    `at` maps column names to probabilities in [0, 1]; `times` names a column that says how often
    a row counts. Interpolates linearly between the two nearest ranks (type 7 of Hyndman & Fan
    1996, the default of R and NumPy). Nulls do not count. `beside` gives further aggregates of the
    rows that count: asked together, they are read once.
    """
    rows = table.filter(table[value].notnull())
    group, ordered = ibis.window(group_by=by), ibis.window(group_by=by, order_by=value)
    if times is None:
        rank, count = ibis.row_number().over(ordered) + 1, rows.count().over(group)
    else:
        so_far = ibis.window(group_by=by, order_by=value, rows=(None, 0))
        rank, count = (rows[times].sum().over(each) for each in (so_far, group))
    # Which of two equal values comes first makes no difference.
    rows = rows.mutate(_rank=rank.cast("int64"), _count=count.cast("int64"))
    last = (rows["_count"] - 1).cast("float64")
    # As columns: what is used several times would else be written out as often.
    rows = rows.mutate(
        _value=rows[value].cast("float64"),
        **{f"_position_{name}": last * share for name, share in at.items()},
        **{f"_below_{name}": (last * share).floor().cast("int64") for name, share in at.items()},
    )
    return rows.group_by(by).agg(
        **(beside(rows) if beside else {}), **{name: _interpolated(rows, name) for name in at}
    )


def _interpolated(rows: ir.Table, name: str) -> ir.FloatingScalar:
    """The value at `_position`, a share of `n - 1`, of all values, counted from 0.

    A row holds the positions up to its `_rank`, which it does not hold itself.
    """
    below = rows[f"_below_{name}"]
    above = ibis.least(below + 1, rows["_count"] - 1)
    low, high = (rows["_value"].min(where=rows["_rank"] > place) for place in (below, above))
    fraction = (rows[f"_position_{name}"] - below).max()
    return low + fraction * (high - low)
