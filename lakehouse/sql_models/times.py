"""Times: what is written as one, parts of one, and what is between two."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from lakehouse.expressions import LOCAL, to_instant, to_local
from lakehouse.sql_models.kinds_of_types import kind_of
from lakehouse.sql_models.literals import is_text
from lakehouse.sql_models.parsed import Node

if TYPE_CHECKING:
    from lakehouse.sql_models.values import Values

_UNITS = frozenset({"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND"})


def moment(values: Values, literal: Node, kind: dt.DataType) -> ir.Value:
    """Return a text that is written as a date or a timestamp of a type, in UTC."""
    text = str(literal.this)
    try:
        if kind.is_date():
            return ibis.literal(date.fromisoformat(text), dt.date)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise values.text.error(
            f"{text!r} is no {kind_of(kind)}", literal, hint="write it as 2024-03-15 08:05:00"
        ) from None
    if (moment.tzinfo is not None) != (kind.timezone is not None) and moment.tzinfo is not None:
        raise values.text.error(
            f"{text!r} has a zone, and what it is compared with has none",
            literal,
            hint="compare times of one kind",
        )
    zone = None if kind.timezone is None else "UTC"
    return ibis.literal(moment.isoformat(), dt.Timestamp(timezone=zone, scale=6))


def interval(values: Values, node: Node) -> Any:
    this, unit = values.only(node, "this", "unit")
    name = "" if unit is None else unit.name.upper().removesuffix("S")
    try:
        number = int(this.name)
    except (AttributeError, ValueError):
        raise values.refused(node, "write the number in it, such as INTERVAL 2 DAY") from None
    if name not in _UNITS:
        raise values.refused(node, "write it as INTERVAL 2 DAY, one unit at a time")
    return ibis.interval(**{f"{name.lower()}s": number})


def part(values: Values, node: Node) -> Any:
    unit, of = values.only(node, "this", "expression")
    value, name = values(of), unit.name.lower()
    if name == "isodow":
        return value.day_of_week.index().cast("int64") + 1
    method = {"doy": "day_of_year"}.get(name, name)
    if name == "week" or not (name == "doy" or name.upper() in _UNITS):
        raise values.refused(node)
    return getattr(value, method)().cast("int64")


def truncated(values: Values, node: Node) -> Any:
    this, unit = values.only(node, "this", "unit")
    if unit.name.upper() not in _UNITS:
        raise values.refused(node)
    value = values(this)
    if value.type().is_timestamp() and value.type().timezone:
        local = values.selects.helped(to_local(value, "UTC"))
        return values.selects.helped(to_instant(local.truncate(unit.name.lower()), "UTC"))
    return midnight(value.truncate(unit.name.lower()))


def midnight(value: Any) -> Any:
    """Return a date as its timestamp: DuckDB gives one where a date meets an interval or a unit."""
    return value.cast(LOCAL) if value.type().is_date() else value


def difference(values: Values, node: Node) -> Any:
    end, start, unit = values.only(node, "this", "expression", "unit")
    return values(end).delta(values(start), unit=unit.name.lower())


def at_zone(values: Values, node: Node) -> Any:
    this, zone = values.only(node, "this", "zone")
    value = values(this)
    name = zone.this if is_text(zone) else values(zone)
    moved = to_local(value, name) if value.type().timezone else to_instant(value, name)
    return values.selects.helped(moved)
