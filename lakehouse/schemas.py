"""What a Pandera schema asks of a row, as Ibis expressions.

Pandera's own validation runs a query a check, and reports failures without the keys of their
rows. Here its schema is read instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ibis.expr.types as ir

from lakehouse.errors import ProjectError


def broken(schema: Any, table: ir.Table) -> Iterator[tuple[str, ir.BooleanValue]]:
    """Every rule of the schema, as the reason to give and whether a row breaks it."""
    for name, column in schema.to_schema().columns.items():
        if not column.nullable:
            yield f"{name} is missing", table[name].isnull()
        yield from broken_by_column(column, table, name)
    yield from broken_by_row(schema, table)


def broken_by_column(
    column: Any, table: ir.Table, name: str
) -> Iterator[tuple[str, ir.BooleanValue]]:
    """The checks of one column; a null passes. Raises ProjectError for one that Ibis lacks."""
    data = _data(table, name)
    for check in column.checks:
        yield (
            f"{name}: {check.error or check.name}",
            table[name].notnull() & ~_passed(check, data),
        )


def broken_by_row(schema: Any, table: ir.Table) -> Iterator[tuple[str, ir.BooleanValue]]:
    """The checks that are about a row as a whole."""
    data = _data(table, None)
    for check in schema.to_schema().checks:
        yield str(check.error or check.description or check.name), ~_passed(check, data)


def unlike(schema: Any, table: ir.Table) -> str:
    """How the types of a table, or what cannot be asked of single rows, forbid the schema."""
    found = schema.to_schema()
    for name, column in found.columns.items():
        kind, wanted = table[name].type(), column.dtype.type
        if kind.copy(nullable=True) != wanted.copy(nullable=True):
            return f"{name!r} is {kind}, and the schema wants {wanted}"
        if column.unique:
            return f"the schema wants {name!r} to be unique: add UniqueCheck([{name!r}])"
    if found.unique:
        return f"the schema wants {found.unique} to be unique: add UniqueCheck({found.unique})"
    return ""


def _data(table: ir.Table, name: str | None) -> Any:
    from pandera.api.ibis.types import IbisData
    from pandera.backends.ibis.register import register_ibis_backends

    register_ibis_backends()
    return IbisData(table, name)


def _passed(check: Any, data: Any) -> ir.BooleanValue:
    """What a Pandera check says of each row; a null counts as passed."""
    # A schema copies the dispatchers of built-in checks before Ibis is registered with them.
    function = type(check).CHECK_FUNCTION_REGISTRY.get(check.name, check._check_fn)  # noqa: SLF001
    try:
        verdict = function(data, **check._check_kwargs)  # noqa: SLF001 - no public way
    except KeyError:
        raise ProjectError(
            f"Pandera has no check {check.name!r} for Ibis",
            hint="write it as a @pa.dataframe_check that returns a boolean column",
        ) from None
    if isinstance(verdict, ir.Table):
        verdict = verdict.op().values[data.key].to_expr()
    return verdict.fill_null(True)
