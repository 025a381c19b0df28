"""Versions of a row: which of several that a source gave, or that is stored, is the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.declare.raw_columns import POSITION, RUN_ID
from lakehouse.engines.sql import identifier, literal

if TYPE_CHECKING:
    from lakehouse.declare.specs import IngestionSpec


def newness(spec: IngestionSpec) -> str:
    """Return SQL of a value that is the greatest for the newest of several rows of a key."""
    if spec.cursor is None:
        return POSITION
    name = identifier(spec.cursor)
    return f"struct_pack(is_known := {name} IS NOT NULL, value := {name}, place := {POSITION})"


def stays(spec: IngestionSpec, run_id: str) -> str:
    """Return SQL of whether a stored row `e` is newer than the incoming row `i`, and stays.

    An earlier batch of the run may have stored a newer version.
    """
    if spec.cursor is None:
        return "false"
    name = identifier(spec.cursor)
    return f"(i.{name} < e.{name} AND e.{RUN_ID} = {literal(run_id)})"


def goes_backwards(spec: IngestionSpec, run_id: str) -> str:
    """Return SQL of the incoming cursor as text if a row of an earlier run is newer, else null."""
    if spec.cursor is None:
        return "NULL"
    name = identifier(spec.cursor)
    is_older = f"i.{name} < e.{name} AND e.{RUN_ID} <> {literal(run_id)}"
    return f"CASE WHEN {is_older} THEN i.{name}::VARCHAR END"
