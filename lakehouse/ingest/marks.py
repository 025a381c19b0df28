"""Marks of rows that a source says it has deleted, by the column of a `SoftDelete`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.declare.raw_columns import GONE_AT, GONE_RUN, declared
from lakehouse.declare.soft_delete import SoftDelete
from lakehouse.engines.sql import identifier

if TYPE_CHECKING:
    from lakehouse.declare.specs import IngestionSpec


def is_deleted(spec: IngestionSpec, row: str) -> str:
    """Return SQL of whether the source says that it has deleted the row of the alias `row`."""
    if not isinstance(spec.deletes, SoftDelete):
        return "false"
    name = f"{row}.{identifier(spec.deletes.column)}"
    is_flag = declared(spec)[spec.deletes.column].is_boolean()
    return f"coalesce({name}, false)" if is_flag else f"({name} IS NOT NULL)"


def of_row(spec: IngestionSpec, row: str, now: str, run: str) -> dict[str, str]:
    """Return SQL of the marks of a row, by column: null for a row that is there.

    `now` and `run` are SQL of what the run marks with.
    """
    condition = is_deleted(spec, row)
    kinds = {GONE_AT: "TIMESTAMPTZ", GONE_RUN: "VARCHAR"}
    values = {GONE_AT: now, GONE_RUN: run}
    return {
        name: f"CASE WHEN {condition} THEN {values[name]} END::{kind}"
        for name, kind in kinds.items()
    }
