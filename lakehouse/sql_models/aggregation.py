"""GROUP BY, aggregates and HAVING of a SELECT."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from lakehouse.sql_models.functions import AGGREGATES
from lakehouse.sql_models.parsed import PYTHON, Node, shown
from lakehouse.sql_models.values import Values

if TYPE_CHECKING:
    from lakehouse.sql_models.select import Selects

_AGGREGATES = (*AGGREGATES, exp.Count, exp.CountIf)


def aggregated(selects: Selects, node: Node, values: Values, columns: Mapping[str, Node]) -> Values:
    """Return the values of a SELECT after its aggregation, or those given if it has none.

    Whatever the rows are grouped by, and each aggregate, is a column then, and known by its text.
    """
    group, having = node.args.get("group"), node.args.get("having")
    after = [*columns.values(), *filter(None, (having, node.args.get("qualify")))]
    after += [node.args["order"]] if node.args.get("order") else []
    aggregates = {values.key(part): part for part in after for part in _within(values, part)}
    if group is None and not aggregates and having is None:
        return values
    keys = {values.key(part): part for part in _keys(selects, group, columns, values)}
    names = _names(values, keys)
    by = [values(part).name(names[key]) for key, part in keys.items()]
    made = {f"_a{place}": values(part) for place, part in enumerate(aggregates.values())}
    table = values.scope.table
    if made:
        table = table.aggregate([value.name(name) for name, value in made.items()], by=by)
    else:
        table = table.select(*by).distinct()
    selects.note(table, group or node)
    known = {key: table[names[key]] for key in keys}
    known |= {key: table[f"_a{place}"] for place, key in enumerate(aggregates)}
    grouped = Values(selects, values.scope.on(table), values.aliases, known)
    if having is None:
        return grouped
    table = table.filter(grouped(having.this))
    known = {key: table[value.get_name()] for key, value in known.items()}
    return Values(selects, values.scope.on(table), values.aliases, known)


def _names(values: Values, keys: Mapping[str, Node]) -> dict[str, str]:
    """Return the name of each key after the aggregation: a column keeps its own."""
    names = {}
    for place, (key, part) in enumerate(keys.items()):
        found = values.scope.found(part.name, part.table) if isinstance(part, exp.Column) else []
        names[key] = found[0].inner if found else f"_g{place}"
    return names


def _keys(
    selects: Selects,
    group: Node,
    columns: Mapping[str, Node],
    values: Values,
) -> Iterator[Node]:
    """Yield what rows are grouped by: `ALL` and numbers stand for columns of the SELECT."""
    if group is None:
        return
    if {name for name, part in group.args.items() if part} - {"expressions", "all"}:
        raise selects.text.error(
            f"{shown(group)} cannot be part of an SQL model", group, hint=PYTHON
        )
    if group.args.get("all"):
        yield from (part for part in columns.values() if not any(_within(values, part)))
    for part in group.expressions:
        if isinstance(part, exp.Literal) and not part.is_string:
            yield [*columns.values()][int(part.this) - 1]
        else:
            yield part


def _within(values: Values, node: Node) -> Iterator[Node]:
    """Yield the aggregates in a part of a SELECT, but no window functions and no subqueries."""
    if isinstance(node, exp.Query):
        return
    if isinstance(node, exp.Window):
        function = node.this.this if isinstance(node.this, exp.Filter) else node.this
        inside = [
            *function.args.values(),
            *(part for name, part in node.args.items() if name != "this"),
        ]
        for part in _flat(inside):
            yield from _within(values, part)
        return
    inner = node.this if isinstance(node, exp.Filter | exp.IgnoreNulls) else node
    if isinstance(node, _AGGREGATES) or isinstance(inner, (*_AGGREGATES, exp.IgnoreNulls)):
        yield node
        return
    if isinstance(node, exp.Column) and not values.scope.found(node.name, node.table):
        meant = values.meant(node)
        if meant is not None and not any(part is node for part in meant.walk()):
            yield from _within(values, meant)
        return
    for part in _flat(node.args.values()):
        yield from _within(values, part)


def _flat(parts: Any) -> Iterator[Node]:
    for part in parts:
        for each in part if isinstance(part, list) else [part]:
            if isinstance(each, exp.Expression):
                yield each
