"""Glucose in the unit that a person reads: texts, figures and axes."""

from __future__ import annotations

from collections.abc import Mapping

import ibis.expr.types as ir

from lakehouse.pages import Choice, Figure
from models.units import MG_DL_PER_MMOL_L, MMOL_L, mmol, mmol_text

MG_DL = "mg/dL"
UNITS = Choice("units", "Unit", (MG_DL, MMOL_L), first="sites.units")
"""The unit that is shown; at first the one that the person reads."""
_IN_MMOL = "_mmol"
SHOWN = f"(units === '{MMOL_L}' ? format(datum.value / {MG_DL_PER_MMOL_L}, '.1f') : datum.value)"
"""Expression of Vega for the label of an axis in mg/dL, in the unit that is shown."""
OTHER = f"(units === '{MMOL_L}' ? datum.value : format(datum.value / {MG_DL_PER_MMOL_L}, '.1f'))"
"""The same in the other unit."""
OTHER_UNIT = f"(units === '{MMOL_L}' ? '{MG_DL}' : '{MMOL_L}')"


def with_mmol(table: ir.Table, *columns: str) -> ir.Table:
    """Return the table with a column in mmol/L for each of these, for `glucose`."""
    return table.mutate(**{f"{column}{_IN_MMOL}": mmol(table[column]) for column in columns})


def glucose(column: str, label: str, note: str = "") -> Figure:
    """Return a figure of glucose in the unit that is shown, of a table `with_mmol`."""
    columns = {MG_DL: column, MMOL_L: f"{column}{_IN_MMOL}"}
    units = {MG_DL: MG_DL, MMOL_L: MMOL_L}
    return Figure(columns, label, unit=units, digits={MG_DL: 0, MMOL_L: 1}, note=note)


def per_minute(column: str, label: str) -> Figure:
    """Return a figure of a rate of change, of a table `with_mmol`."""
    columns = {MG_DL: column, MMOL_L: f"{column}{_IN_MMOL}"}
    return Figure(columns, label, unit={MG_DL: MG_DL, MMOL_L: MMOL_L}, digits={MG_DL: 1, MMOL_L: 2})


def number(mg_dl: ir.NumericValue) -> dict[str, ir.StringValue]:
    """Return glucose as text in each unit: whole mg/dL, mmol/L with one digit after the point."""
    whole = mg_dl.cast("float64").round().cast("int64").cast("string")
    return {MG_DL: whole, MMOL_L: mmol_text(mg_dl)}


def with_texts(table: ir.Table, **texts: Mapping[str, ir.StringValue]) -> ir.Table:
    """Return the table with texts that have one for each unit, for `text`."""
    return table.mutate(
        **{f"{name}_{unit}": each for name, text in texts.items() for unit, each in text.items()}
    )


def text(name: str, label: str, note: str = "") -> Figure:
    """Return a figure of a text of a table `with_texts`, in the unit that is shown."""
    return Figure({unit: f"{name}_{unit}" for unit in UNITS.values}, label, note=note)


def in_both(mg_dl: ir.NumericValue) -> dict[str, ir.StringValue]:
    """Return glucose with its unit for each unit, followed by the other one."""
    texts = {unit: each + f" {unit}" for unit, each in number(mg_dl).items()}
    return {
        MG_DL: texts[MG_DL] + " (" + texts[MMOL_L] + ")",
        MMOL_L: texts[MMOL_L] + " (" + texts[MG_DL] + ")",
    }
