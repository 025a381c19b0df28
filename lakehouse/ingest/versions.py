"""Versions of a row: which of several that a source gave, or that is stored, is the newest."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from lakehouse.declare.raw_columns import FILE_NAME, GONE_AT, POSITION, RUN_ID
from lakehouse.engines.sql import identifier, literal

if TYPE_CHECKING:
    from lakehouse.declare.specs import IngestionSpec


def newness(spec: IngestionSpec) -> str:
    """Return SQL of a value that is the greatest for the newest of several rows of a key."""
    if spec.cursor is None:
        return POSITION
    name = identifier(spec.cursor)
    return f"struct_pack(is_known := {name} IS NOT NULL, value := {name}, place := {POSITION})"


def stays(spec: IngestionSpec, run_id: str, touched: Collection[str]) -> str:
    """Return SQL of whether a stored row `e` is newer than the incoming row `i`, and stays.

    An earlier batch of the run may have stored a newer version. Of a folder, so does a row of a
    file with a later name, unless that file is among the `touched` ones, whose rows come again.
    """
    if spec.cursor is not None:
        name = identifier(spec.cursor)
        return f"(i.{name} < e.{name} AND e.{RUN_ID} = {literal(run_id)})"
    if spec.files is not None:
        is_there = f" AND e.{GONE_AT} IS NULL" if spec.deletes else ""
        is_later = f"i.{FILE_NAME} < e.{FILE_NAME}"
        return f"({is_later} AND NOT {is_touched(touched, 'e')}{is_there})"
    return "false"


def is_touched(touched: Collection[str], row: str) -> str:
    """Return SQL of whether a stored row of the alias `row` is of no file, or a `touched` one."""
    listed = ", ".join(map(literal, sorted(touched)))
    is_listed = f" OR {row}.{FILE_NAME} IN ({listed})" if listed else ""
    return f"({row}.{FILE_NAME} IS NULL{is_listed})"


def goes_backwards(spec: IngestionSpec, run_id: str) -> str:
    """Return SQL of the incoming cursor as text if a row of an earlier run is newer, else null."""
    if spec.cursor is None:
        return "NULL"
    name = identifier(spec.cursor)
    is_older = f"i.{name} < e.{name} AND e.{RUN_ID} <> {literal(run_id)}"
    return f"CASE WHEN {is_older} THEN i.{name}::VARCHAR END"
