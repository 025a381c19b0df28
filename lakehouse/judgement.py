"""Judging rows: every rule that an ingestion's schema has, as one text of reasons per row.

What is judged are rows cast to the types of the schema, each beside the text it was cast from;
what did not cast is a reason too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from lakehouse.raw import POSITION, declared
from lakehouse.schemas import broken_by_column, broken_by_row

if TYPE_CHECKING:
    import ibis.expr.datatypes as dt

    from lakehouse.declare import IngestionSpec

CAST = "cast_rows"
"""The name that the rows to judge go by."""
REASONS = "reasons"
PAYLOAD = "payload"
FIELDS = "_fields"
"""All fields of a row as they were fetched first, as JSON."""
_SEPARATOR = "; "


def judged(spec: IngestionSpec) -> ir.Table:
    """The rows with `reasons`, empty for a valid one; the same for whatever a source yields.

    Raises ProjectError for a check of the schema that Ibis does not have.
    """
    schema = declared(spec)
    texts = {text_of(name): "string" for name, kind in schema.items() if not kind.is_string()}
    columns = {**schema, **texts, FIELDS: "string", POSITION: "int64"}
    rows = ibis.table(columns, name=CAST)
    joined = ibis.literal(_SEPARATOR).join(list(_reasons(spec, rows)))
    return rows.mutate(**{REASONS: joined.fill_null("")}).drop(*texts)


def text_of(name: str) -> str:
    """The column that keeps what a value was cast from."""
    return f"_text_{name}"


def _reasons(spec: IngestionSpec, rows: ir.Table) -> Iterator[ir.StringValue]:
    """One text per rule: the reason where a row breaks it, else null."""
    schema = spec.validation_schema.to_schema()
    for name, column in schema.columns.items():
        value = rows[name]
        missing = value.isnull()
        if text_of(name) in rows.columns:
            text = rows[text_of(name)]
            shown = ibis.literal(f"{name}: ") + text.substr(0, 40)
            wrong = missing & text.notnull()
            noun = _noun(column.dtype.type)
            yield wrong.ifelse(shown + f" is not {noun}", ibis.null("string"))
            missing = missing & text.isnull()
        if not column.nullable or name in spec.unique_key:
            yield _when(missing, f"{name} is missing")
        for reason, broken in broken_by_column(column, rows, name):
            yield _when(broken, reason)
    for reason, broken in broken_by_row(spec.validation_schema, rows):
        yield _when(broken, reason)


def _when(condition: ir.BooleanValue, reason: str) -> ir.StringValue:
    return condition.ifelse(ibis.literal(reason), ibis.null("string"))


def _noun(kind: dt.DataType) -> str:
    return "a number" if kind.is_numeric() else f"of type {kind}"
