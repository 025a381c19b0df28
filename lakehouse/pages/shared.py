"""Rows that several blocks are made from."""

from __future__ import annotations

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.expr.schema import Schema


class ReadOnce(ops.PhysicalTable):  # type: ignore[misc] # Ibis' operations are untyped
    """A table of the rows that another one has when a page is made."""

    rows: ops.Relation
    namespace: ops.Namespace = ops.Namespace()

    @property
    def schema(self) -> Schema:
        """The columns of the rows."""
        schema: Schema = self.rows.schema
        return schema


def read_once(table: ir.Table) -> ir.Table:
    """Return a table of the rows that a table has now, which are computed once and not again."""
    if table.op().find((ops.UnboundTable, ReadOnce)):  # a page that is planned: it has no rows yet
        once: ir.Table = ReadOnce(name="read_once", rows=table.op()).to_expr()
        return once
    return ibis.memtable(table.to_pyarrow(), schema=table.schema())
