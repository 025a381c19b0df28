"""Window functions of a statement as windows of Ibis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis
from sqlglot import exp

from lakehouse.sql_models import aggregates
from lakehouse.sql_models.functions import AGGREGATES, FRAMED, RANKINGS
from lakehouse.sql_models.parsed import Node

if TYPE_CHECKING:
    from lakehouse.sql_models.values import Values

_WHOLE_PARTITION: dict[str, Any] = {}
_UP_TO_PEERS: dict[str, Any] = {"range": (None, 0)}
"""The frame that SQL has where there is an order and no other frame is written."""


def over(values: Values, node: Node) -> Any:
    """Return the value of a window function. Raises ProjectError for one that has no equal."""
    function, partition, order, spec, _ = values.only(
        node, "this", "partition_by", "order", "spec", "over"
    )
    if node.args.get("alias"):
        raise values.refused(node, "write the window where it is used")
    window: dict[str, Any] = {}
    if partition:
        window["group_by"] = [values(part) for part in partition]
    if order is not None:
        window["order_by"] = [ordered(values, part) for part in order.expressions]
    where = None
    if isinstance(function, exp.Filter):
        where = values(function.expression.this)
        function = function.this
    if isinstance(function, exp.IgnoreNulls) and isinstance(function.this, exp.AnyValue):
        function = function.this
    kind = type(function)
    if kind in RANKINGS:
        if where is not None:
            raise values.refused(node)
        arguments = values.arguments(function, RANKINGS[kind].parts)
        return RANKINGS[kind].make(*arguments).over(**window)
    if kind in FRAMED:
        value = FRAMED[kind].make(*values.arguments(function, FRAMED[kind].parts))
    elif kind in AGGREGATES or isinstance(function, exp.Count):
        value = aggregates.aggregate(values, function, where)
    else:
        raise values.refused(node)
    default = _WHOLE_PARTITION if order is None else _UP_TO_PEERS
    return value.over(**window, **(default if spec is None else _frame(values, spec)))


def ordered(values: Values, node: Node) -> Any:
    """Return a value to sort by, with its direction and the place of nulls."""
    if not isinstance(node, exp.Ordered):
        return ibis.asc(values(node), nulls_first=False)
    this, descending, nulls_first = values.only(node, "this", "desc", "nulls_first")
    sort = ibis.desc if descending else ibis.asc
    return sort(values(this), nulls_first=bool(nulls_first))


def _frame(values: Values, spec: Node) -> dict[str, Any]:
    kind, start, start_side, end, end_side = values.only(
        spec, "kind", "start", "start_side", "end", "end_side"
    )
    kind = str(kind).upper()
    if kind not in ("ROWS", "RANGE"):
        raise values.refused(spec)
    bounds = (
        _bound(values, spec, start, start_side),
        _bound(values, spec, "CURRENT ROW" if end is None else end, end_side),
    )
    if kind == "RANGE" and any(bound not in (None, 0) for bound in bounds):
        raise values.refused(spec, "give the frame in ROWS")
    return {kind.lower(): bounds}


def _bound(values: Values, spec: Node, bound: Any, side: Any) -> int | None:
    """Return a bound of a frame as Ibis counts it: None is unbounded, 0 is the current row."""
    word = bound.upper() if isinstance(bound, str) else ""
    if word in ("UNBOUNDED", "CURRENT ROW"):
        return None if word == "UNBOUNDED" else 0
    number = values.argument(bound)
    if not isinstance(number, int):
        raise values.refused(spec, "write the rows of a frame as a number")
    return -number if str(side).upper() == "PRECEDING" else number
