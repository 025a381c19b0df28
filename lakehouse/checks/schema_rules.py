"""The rules of a Pandera schema as Ibis expressions, one boolean column for each.

Pandera's own validation runs one query for each check, and reports failures without the keys of
their rows; therefore only its schemas are used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ibis.expr.types as ir

from lakehouse.patches.pandera_checks import passed


def broken(schema: Any, table: ir.Table) -> Iterator[tuple[str, ir.BooleanValue]]:
    """Yield for each rule the reason to give, and a condition that holds for rows that break it."""
    for name, column in schema.to_schema().columns.items():
        if not column.nullable:
            yield f"{name} is missing", table[name].isnull()
        yield from broken_by_column(column, table, name)
    yield from broken_by_row(schema, table)


def broken_by_column(
    column: Any, table: ir.Table, name: str
) -> Iterator[tuple[str, ir.BooleanValue]]:
    """Yield the same for the checks of one column; nulls pass.

    Raises ProjectError for a check that Pandera does not have for Ibis.
    """
    for check in column.checks:
        yield (
            f"{name}: {check.error or check.name}",
            table[name].notnull() & ~passed(check, table, name),
        )


def broken_by_row(schema: Any, table: ir.Table) -> Iterator[tuple[str, ir.BooleanValue]]:
    """Yield the same for the checks of a row as a whole."""
    for check in schema.to_schema().checks:
        yield str(check.error or check.description or check.name), ~passed(check, table, None)


def schema_problem(schema: Any, table: ir.Table) -> str:
    """Return why the schema cannot be checked on this table; empty if it can.

    Reasons are a column of another type, or a rule that is not about single rows.
    """
    declared = schema.to_schema()
    for name, column in declared.columns.items():
        kind, wanted = table[name].type(), column.dtype.type
        if kind.copy(nullable=True) != wanted.copy(nullable=True):
            return f"{name!r} is {kind}, and the schema wants {wanted}"
        if column.unique:
            return f"the schema wants {name!r} to be unique: add UniqueCheck([{name!r}])"
    if declared.unique:
        columns = declared.unique
        return f"the schema wants {columns} to be unique: add UniqueCheck({columns})"
    return ""
