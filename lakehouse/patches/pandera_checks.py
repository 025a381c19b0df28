"""Pandera's checks as boolean columns of a table that no engine holds yet.

Pandera runs a query for each check, when it validates a table that an engine holds, and names the
rows that fail without their keys. A quarantine needs the reasons of every row in one query, so the
function of each check is called here as Pandera calls it, and the column that it returns is kept.
There is no public way to the function and to its arguments.

A schema copies the dispatchers of built-in checks when it is made, which is before Pandera has
registered the functions for Ibis with them: those of the class are asked instead.

Gain: none in time. Without it a quarantine would have no reasons. Seen with pandera 0.35.0.
"""

from __future__ import annotations

from typing import Any

import ibis.expr.types as ir

from lakehouse.errors import ProjectError


def passed(check: Any, table: ir.Table, column: str | None) -> ir.BooleanValue:
    """Whether each row passes a check of a column, or of the whole row; a null passes.

    Raises ProjectError for a built-in check that Pandera does not have for Ibis.
    """
    from pandera.api.function_dispatch import Dispatcher

    data = _data(table, column)
    function = check._check_fn  # noqa: SLF001 - no public way
    if isinstance(function, Dispatcher):  # a name that a user gave the check does not matter
        function = check.get_builtin_check_fn(function.__name__)
    try:
        verdict = function(data, **check._check_kwargs)  # noqa: SLF001 - no public way
    except KeyError:
        raise ProjectError(
            f"Pandera has no check {check.name!r} for Ibis",
            hint="write it as a @pa.dataframe_check that returns a boolean column",
        ) from None
    if isinstance(verdict, ir.Table):
        verdict = verdict.op().values[column].to_expr()
    return verdict.fill_null(True)


def _data(table: ir.Table, column: str | None) -> Any:
    """What a check is handed; makes sure that Pandera has loaded its checks for Ibis."""
    from pandera.api.ibis.types import IbisData
    from pandera.backends.ibis.register import register_ibis_backends

    register_ibis_backends()
    return IbisData(table, column)
