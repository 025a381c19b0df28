"""Which operator of an expression binds first: sqlglot reads some otherwise than DuckDB does.

`a - b % c` is `(a - b) % c` to sqlglot 30.17. So each expression of operators without parentheses
is put to DuckDB twice, over plain columns: as it is written, and with the parentheses that sqlglot
reads into it. Where DuckDB makes two things of them, the text has to say which is meant.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from lakehouse.sql_models.parsed import DIALECT, Node, SqlText, shown

if TYPE_CHECKING:
    import duckdb

_OPERATORS = (exp.Binary, exp.Not, exp.Neg, exp.Between, exp.In, exp.AtTimeZone, exp.Escape)
_SIDES = ("this", "expression", "low", "high")
_NO_OPERATORS = (exp.Dot, exp.PropertyEQ)


def require_one_reading(connection: duckdb.DuckDBPyConnection, text: SqlText) -> None:
    """Raise ProjectError for an expression that DuckDB reads otherwise than sqlglot."""
    roots = [node for node in text.query.walk() if _is_operator(node) and _is_first(node)]
    roots = [node for node in roots if any(map(_is_operator, _operands(node)))]
    if not roots:
        return
    plain = [_plain(node, in_parentheses=False) for node in roots]
    explicit = [_plain(node, in_parentheses=True) for node in roots]
    for node, one, other in zip(
        roots, _read(connection, plain), _read(connection, explicit), strict=True
    ):
        if one != other:
            raise text.error(
                f"{shown(node)} can be read in two ways",
                node,
                hint="put parentheses around what is to be computed first",
            )


def _is_operator(node: Node) -> bool:
    return isinstance(node, _OPERATORS) and not isinstance(node, _NO_OPERATORS)


def _is_first(node: Node) -> bool:
    """Return whether a node is no operand of another operator."""
    return not _is_operator(node.parent) or all(part is not node for part in _operands(node.parent))


def _operands(node: Node) -> Iterator[Node]:
    for name in ("this",) if isinstance(node, exp.In | exp.AtTimeZone) else _SIDES:
        if isinstance(node.args.get(name), exp.Expression):
            yield node.args[name]


def _plain(node: Node, *, in_parentheses: bool) -> str:
    """Return an expression as SQL, over plain columns in place of all that is no operator."""
    copied = node.copy()
    count = 0

    def simplify(operator: Node) -> None:
        nonlocal count
        for operand in list(_operands(operator)):
            if _is_operator(operand):
                simplify(operand)
                if in_parentheses:
                    operand.replace(exp.Paren(this=operand.copy()))
            elif not isinstance(operand, exp.Null | exp.Boolean | exp.Interval):
                operand.replace(exp.column(f"c{count}"))
                count += 1
        if isinstance(operator, exp.In):
            operator.set("query", None)
            operator.set("expressions", [exp.column("c")])
        if isinstance(operator, exp.AtTimeZone):
            operator.set("zone", exp.Literal.string("UTC"))

    simplify(copied)
    return str(copied.sql(DIALECT, comments=False))


def _read(connection: duckdb.DuckDBPyConnection, expressions: list[str]) -> list[Any]:
    """Return what DuckDB's parser makes of each expression, without the places in the text."""
    statement = f"SELECT {', '.join(expressions)}"
    (found,) = connection.execute("SELECT json_serialize_sql($1)", [statement]).fetchall()
    document = json.loads(found[0])
    if document["error"]:
        return expressions  # it cannot be compared, and DuckDB refuses the text itself
    listed: list[Any] = document["statements"][0]["node"]["select_list"]
    return [_without_places(part) for part in listed]


def _without_places(part: Any) -> Any:
    if isinstance(part, dict):
        return {k: _without_places(v) for k, v in part.items() if k != "query_location"}
    return [_without_places(each) for each in part] if isinstance(part, list) else part
