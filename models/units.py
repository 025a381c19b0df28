"""Glucose in mmol/L, for people who read that."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

MMOL_L = "mmol/L"
MG_DL_PER_MMOL_L = 18.01559
"""Molar mass of glucose, in g/mol, by ten."""


def in_mmol_name(name: str) -> str:
    """Return the name in mmol/L of a column that is in mg/dL."""
    return name.replace("_mg_dl", "_mmol_l")


def in_mmol(table: ir.Table, columns: Sequence[str]) -> ir.Table:
    """Return the table with these columns in mmol/L, unrounded; `_mg_dl` at an end is `_mmol_l`."""
    return table.select(
        **{
            in_mmol_name(name) if name in columns else name: (
                mmol(table[name]) if name in columns else table[name]
            )
            for name in table.columns
        }
    )


def mmol(mg_dl: ir.NumericValue) -> ir.FloatingValue:
    """Return glucose in mmol/L, unrounded."""
    return mg_dl.cast("float64") / MG_DL_PER_MMOL_L


def mmol_text(mg_dl: ir.NumericValue) -> ir.StringValue:
    """Return glucose in mmol/L as people read it, with one digit after the point."""
    tenths = (mg_dl.cast("float64") * 10 / MG_DL_PER_MMOL_L).round().cast("int64")
    digits = tenths.abs()
    sign = ibis.ifelse(tenths < 0, "-", "")
    return sign + (digits // 10).cast("string") + "." + (digits % 10).cast("string")
