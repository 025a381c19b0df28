"""The SELECT of a model as one expression of Ibis over the tables that it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from types import NoneType
from typing import Any, TypeAlias

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
from sqlglot import exp

from lakehouse.errors import LakehouseError
from lakehouse.sql_models import limits
from lakehouse.sql_models.aggregation import aggregated
from lakehouse.sql_models.parsed import PYTHON, Node, SqlText, TableName, clause, line_of, shown
from lakehouse.sql_models.relations import source
from lakehouse.sql_models.scope import Scope, ScopeColumn
from lakehouse.sql_models.values import Values

Note: TypeAlias = Callable[[ops.Node, int], None]
"""Called with each part of the expression, and the line of the text that it was made of."""
FRAMEWORK = 0
"""In place of a line: a part that the framework itself has written."""
_QUALIFIED, _VALUE = "_qualify", "_value"
"""Names of a column that rows are chosen by, and of one of a subquery that is a value."""


class Selects:
    """Makes tables of the queries of one statement."""

    def __init__(
        self,
        text: SqlText,
        tables: Mapping[TableName, ir.Table],
        note: Note,
    ) -> None:
        self.text, self._note = text, note
        self.ctes: dict[str, ir.Table] = {}
        self._of_helpers: set[ops.Node] = set()
        self.tables = {(table.schema, table.name): found for table, found in tables.items()}

    def note(self, made: Any, node: Node) -> None:
        """Tell the line that a part of the expression was made of."""
        if made.op() not in self._of_helpers:
            self._note(made.op(), line_of(node))

    def helped(self, made: Any) -> Any:
        """Return what a function of `lakehouse.expressions` made, which is the same everywhere."""
        self._note(made.op(), FRAMEWORK)
        self._of_helpers.add(made.op())
        return made

    def query(self, node: Node) -> ir.Table:
        """Return the rows of a query."""
        return self._with(node).rows(node)

    def rows(self, node: Node) -> ir.Table:
        """Return the rows of a query whose CTEs are known."""
        if isinstance(node, exp.Subquery):
            return limits.first_rows(self, self.query(node.this), node)
        if isinstance(node, exp.SetOperation):
            return limits.first_rows(self, self._set_operation(node), node)
        if isinstance(node, exp.Select):
            table = self._select(node)
            self.note(table, node)
            return table
        raise self.text.error(f"{shown(node)} cannot be part of an SQL model", node, hint=PYTHON)

    def _with(self, node: Node) -> Selects:
        """Return what knows the tables that a query defines before it begins."""
        with_ = clause(node, "with")
        if with_ is None:
            return self
        selects = copy(self)
        selects.ctes = dict(self.ctes)
        for cte in with_.expressions:
            table = selects.query(cte.this)
            selects.ctes[cte.alias.lower()] = named_columns(table, cte.args["alias"])
        return selects

    def _set_operation(self, node: Node) -> ir.Table:
        if any(node.args.get(part) for part in ("by_name", "side", "kind", "on")):
            raise self.text.error(
                f"{node.key.upper()} goes by the order of columns here", node, hint=PYTHON
            )
        left, right = self.query(node.this), self.query(node.expression)
        right = right.rename(dict(zip(left.columns, right.columns, strict=True)))
        left, right = _of_one_type(left, right)
        distinct = bool(node.args.get("distinct"))
        if isinstance(node, exp.Union):
            table = ibis.union(left, right, distinct=distinct)
        elif not distinct:
            raise self.text.error(
                f"{node.key.upper()} ALL is not on every engine", node, hint=PYTHON
            )
        else:
            made = ibis.intersect if isinstance(node, exp.Intersect) else ibis.difference
            table = made(left, right)
        self.note(table, node)
        return table

    def _select(self, node: Node) -> ir.Table:
        self._require_known_clauses(node)
        scope = source(self, node)
        aliases = {
            part.alias.lower(): part.this
            for part in node.expressions
            if isinstance(part, exp.Alias)
        }
        values = Values(self, scope, aliases)
        if where := node.args.get("where"):
            scope = scope.on(scope.table.filter(values(where.this)))
            values = Values(self, scope, aliases)
        columns = [*self._columns(node, scope)]
        self._require_unique(node, [name.lower() for name, _ in columns])
        values = aggregated(self, node, values, dict(columns))
        return self._rows(node, values, columns)

    def _rows(self, node: Node, values: Values, columns: list[tuple[str, Node]]) -> ir.Table:
        """Return the rows of a SELECT: of the columns, after QUALIFY, DISTINCT, ORDER and LIMIT."""
        made = {name: values(part) for name, part in columns}
        hidden: dict[str, Any] = {}
        if qualify := node.args.get("qualify"):
            hidden[_QUALIFIED] = values(qualify.this)
        sorts = limits.sorts(node, values, made, hidden)
        table = values.scope.table.select(**made, **hidden)
        if _QUALIFIED in hidden:
            table = table.filter(table[_QUALIFIED])
        if distinct := node.args.get("distinct"):
            self._require_plain(distinct)
            table = table.select(*made).distinct()
        limit, offset = limits.count(self, node, "limit"), limits.count(self, node, "offset") or 0
        if limit is not None or offset:
            if sorts:
                table = table.order_by([sort(table) for sort in sorts])
            table = table.limit(limit, offset=offset)
            self.note(table, node)
        return table.select(*made) if hidden else table

    def _require_plain(self, distinct: Node) -> None:
        if distinct.args.get("on"):
            raise self.text.error(
                "DISTINCT ON takes a row of several by chance",
                distinct,
                hint="QUALIFY row_number() OVER (PARTITION BY … ORDER BY …) = 1",
            )

    def _columns(self, node: Node, scope: Scope) -> Iterator[tuple[str, Node]]:
        """Yield the name of each column of a SELECT, and what it is; `*` is many."""
        for part in node.expressions:
            star = part.this if isinstance(part, exp.Column) else part
            if isinstance(star, exp.Star):
                yield from self._star(star, part, scope)
                continue
            name = part.alias if isinstance(part, exp.Alias) else part.name
            if not isinstance(part, exp.Alias | exp.Column) and _is_value(node):
                yield _VALUE, part
                continue
            if not isinstance(part, exp.Alias | exp.Column):
                raise self.text.error(
                    f"{shown(part)} has no name", part, hint="name it: … AS total"
                )
            if isinstance(part, exp.Column) and (found := scope.found(part.name, part.table)):
                name = found[0].name  # as its table writes it
            yield name, part.this if isinstance(part, exp.Alias) else part

    def _require_unique(self, node: Node, names: list[str]) -> None:
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise self.text.error(
                f"two columns are called {twice!r}", node, hint="name one of them: … AS other"
            )

    def _star(self, star: Node, part: Node, scope: Scope) -> Iterator[tuple[str, Node]]:
        if star.args.get("replace") or star.args.get("rename"):
            raise self.text.error(
                f"{shown(star)} cannot be part of an SQL model", part, hint="write the columns"
            )
        excluded = star.args.get("except_") or star.args.get("except") or []
        left_out = {each.name.lower() for each in excluded}
        alias = part.table if isinstance(part, exp.Column) else ""
        for column in scope.shown(alias):
            if column.name.lower() not in left_out:
                yield (
                    column.name,
                    exp.column(
                        exp.to_identifier(column.name, quoted=True),
                        table=exp.to_identifier(column.alias, quoted=True)
                        if column.alias
                        else None,
                    ),
                )

    def _require_known_clauses(self, node: Node) -> None:
        for name, part in node.args.items():
            if part and name.rstrip("_") not in _CLAUSES:
                where = part[0] if isinstance(part, list) else part
                raise self.text.error(
                    f"{name.rstrip('_').upper()} cannot be part of an SQL model",
                    where if isinstance(where, exp.Expression) else node,
                    hint=PYTHON,
                )


_CLAUSES = frozenset(
    {"with", "expressions", "from", "joins", "where", "group", "having", "qualify", "distinct"}
    | {"order", "limit", "offset"}
)


def _is_value(node: Node) -> bool:
    """Return whether a SELECT stands for a value, or for those that another is among."""
    around = node.parent
    if isinstance(around, exp.Subquery):
        around = around.parent
        return not isinstance(
            around, exp.From | exp.Join | exp.CTE | exp.SetOperation | exp.Subquery | NoneType
        )
    return isinstance(around, exp.In)


def _column(column: ScopeColumn) -> Node:
    name, alias = (exp.to_identifier(part, quoted=True) for part in (column.name, column.alias))
    return exp.column(name, table=alias if column.alias else None)


def named_columns(table: ir.Table, alias: Node) -> ir.Table:
    """Return a table with the names of columns that an alias lists, as in `t (a, b)`."""
    names = [column.name for column in alias.columns]
    return table.rename(dict(zip(names, table.columns, strict=False))) if names else table


def _of_one_type(left: ir.Table, right: ir.Table) -> tuple[ir.Table, ir.Table]:
    """Return two tables with the wider type of each pair of columns."""
    types = {
        name: dt.highest_precedence([left.schema()[name], right.schema()[name]])
        for name in left.columns
    }
    return left.cast(types), right.cast(types)


def expression(text: SqlText, tables: Mapping[TableName, ir.Table], note: Note) -> ir.Table:
    """Return a model as an expression over the tables that its text reads.

    Raises ProjectError, with the line, for what has no equal in Ibis.
    """
    try:
        return Selects(text, tables, note).query(text.query)
    except LakehouseError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise text.error(f"it cannot be an SQL model: {said}", text.query, hint=PYTHON) from error
