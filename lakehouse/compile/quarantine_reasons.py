"""Why a row goes to quarantine: all rules of an ingestion's schema in one expression.

The expression gives each row one text with all its reasons. Its input is the cast rows, each value
beside the text that it was cast from; a value that could not be cast is a reason, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from lakehouse.checks.schema_rules import broken_by_column, broken_by_row
from lakehouse.compile.columns import require_columns_of_ingestion, told_of
from lakehouse.declare.project_code import place_of, placed
from lakehouse.declare.raw_columns import POSITION, file_column, optional, validated
from lakehouse.declare.soft_delete import SoftDelete
from lakehouse.errors import ProjectError, choices
from lakehouse.patches.ibis_dialects import to_sql

if TYPE_CHECKING:
    from lakehouse.declare.specs import IngestionSpec

CAST = "cast_rows"
"""Name of the table of cast rows in the SQL."""
REASONS = "reasons"
"""Column with the reasons why a row is invalid; empty for a valid row."""
PAYLOAD = "payload"
"""Column with the document that the source sent, where a schema declares it."""
FIELDS = "_fields"
"""Column of a quarantine with all fields of a row as JSON, as they were fetched."""
KEPT_FIELDS = "_lakehouse_fields"
"""Column with the same text in rows that are staged again, which keeps it as it is."""
NULLED = "_lakehouse_nulled"
"""Column with the names of the optional fields whose value is null, not being of its type."""
LANDING_DIALECT = "duckdb"
"""Dialect of validation: DuckDB validates fetched rows, whatever the engine is."""
_SEPARATOR = "; "


def quarantine_reasons(spec: IngestionSpec) -> str:
    """Return the SELECT that adds to each cast row of an ingestion the reasons why it is invalid.

    Raises ProjectError for a schema that cannot be read, for a check of it that Ibis cannot
    express, and for a column that the ingestion names and the schema lacks.
    """
    about, model = f"the schema of {spec.table} cannot be", spec.validation_schema
    with told_of(spec.table, model), placed(f"{about} read", model):
        schema = validated(spec)
        require_columns_of_ingestion(spec)
    _require_columns(spec, schema)
    with told_of(spec.table, model), placed(f"{about} compiled", model):
        return to_sql(_with_reasons(spec, schema), LANDING_DIALECT)


def _with_reasons(spec: IngestionSpec, schema: ibis.Schema) -> ir.Table:
    """The cast rows with the column `reasons`, as an expression over a table named CAST."""
    texts = {text_of(name): "string" for name in schema}
    columns = {**schema, **texts, FIELDS: "string", **file_column(spec), POSITION: "int64"}
    rows = ibis.table(columns, name=CAST)
    joined = ibis.literal(_SEPARATOR).join(list(_reasons(spec, rows)))
    added: dict[str, ir.Value] = {REASONS: joined.fill_null("")}
    if names := sorted(optional(spec)):
        nulled = ibis.array([_when(_is_not_cast(rows, name), name) for name in names])
        added[NULLED] = nulled.filter(lambda name: name.notnull())
    return rows.mutate(**added).drop(*texts)


def _require_columns(spec: IngestionSpec, schema: ibis.Schema) -> None:
    if not schema:
        raise ProjectError(
            f"the schema of {spec.table} has no columns",
            hint="give it a line for each column, such as `id: str`",
            place=place_of(spec.validation_schema),
        )
    for keyword, names in {
        "unique_key": spec.unique_key,
        "time_column": [spec.time_column],
        "cursor": [spec.cursor],
        "deletes": [spec.deletes.column if isinstance(spec.deletes, SoftDelete) else None],
    }.items():
        for name in names:
            if name is not None and name not in schema:
                raise ProjectError(
                    f"{spec.table}: {name!r}, its `{keyword}`, is not in its schema",
                    hint=choices("columns", name, schema),
                    place=place_of(spec.function),
                )


def text_of(name: str) -> str:
    """The name of the column that holds the text from which `name` was cast."""
    return f"_lakehouse_text_{name}"


def _reasons(spec: IngestionSpec, rows: ir.Table) -> Iterator[ir.StringValue]:
    """Yield a text column for each rule: the reason if a row breaks it, else null."""
    needed = {*spec.unique_key, spec.time_column, spec.cursor}
    schema, may_be_null = spec.validation_schema.to_schema(), optional(spec) - needed
    for name, column in schema.columns.items():
        value = rows[name]
        text = rows[text_of(name)]
        shown = ibis.literal(f"{name}: ") + text.substr(0, 40)
        if name not in may_be_null:
            yield _is_not_cast(rows, name).ifelse(
                shown + f" is not {_noun(column.dtype.type)}", ibis.null("string")
            )
        missing = value.isnull() & text.isnull()
        is_needed = column.required and not column.nullable
        if is_needed or name in needed:
            yield _when(missing, f"{name} is missing")
        for reason, broken in broken_by_column(column, rows, name):
            yield _when(broken, reason)
    for reason, broken in broken_by_row(spec.validation_schema, rows):
        yield _when(broken, reason)


def _is_not_cast(rows: ir.Table, name: str) -> ir.BooleanValue:
    """The condition that a row has a value of a column which its type does not hold."""
    return rows[name].isnull() & rows[text_of(name)].notnull()


def _when(condition: ir.BooleanValue, reason: str) -> ir.StringValue:
    return condition.ifelse(ibis.literal(reason), ibis.null("string"))


def _noun(kind: dt.DataType) -> str:
    if kind.is_integer():
        return f"a whole number of {kind.nbytes * 8} bits"
    if kind.is_floating():
        return "a number of 32 bits" if kind.nbytes < dt.float64.nbytes else "a number"
    return f"of type {kind}"
