"""The SQL of a published view, which Postgres computes from other marts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis.expr.types as ir
from ibis.common.exceptions import OperationNotDefinedError

from lakehouse.declare.project_code import place_of
from lakehouse.declare.specs import ModelSpec
from lakehouse.errors import ProjectError
from lakehouse.patches.ibis_dialects import to_sql

if TYPE_CHECKING:
    from lakehouse.declare.project import Project


def select(project: Project, spec: ModelSpec, expression: ir.Table) -> str:
    """Return the SELECT of a view in the SQL of Postgres, over bare names of marts.

    Raises ProjectError if the view reads anything but marts, or if Postgres cannot compute it.
    """
    others = [name for name in spec.inputs if name not in project.published]
    if others:
        unpublished = project.tables[others[0]].table
        raise _not_a_view(spec, f"Postgres has only what is published, not {unpublished}")
    try:
        return to_sql(expression, "postgres")
    except OperationNotDefinedError as error:
        raise _not_a_view(spec, f"Postgres cannot compute it: {error}") from None


def _not_a_view(spec: ModelSpec, reason: str) -> ProjectError:
    return ProjectError(
        f"{spec.table} cannot be a view in Postgres: {reason}",
        hint="store it: give it the kind `Table()` or `Incremental(…)`",
        place=place_of(spec.function),
    )
