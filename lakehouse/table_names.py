"""Qualified names of tables, `schema.name`, and their two parts."""

from __future__ import annotations


def schema_of(table: str) -> str:
    """Return the schema of a table."""
    return table.partition(".")[0]


def name_of(table: str) -> str:
    """Return the name of a table within its schema; empty if there is no schema."""
    return table.partition(".")[2]
