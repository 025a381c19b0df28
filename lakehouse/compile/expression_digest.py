"""Digests of Ibis expressions: equal ones are those of expressions with the same SQL."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import hashlib
import ipaddress
import uuid
from collections.abc import Mapping
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.common.graph import Graph, Node
from ibis.expr.datashape import DataShape
from ibis.expr.datatypes import DataType
from ibis.expr.operations.udf import InputType
from ibis.expr.schema import Schema

_PLAIN = frozenset(
    (
        *(type(None), bool, int, float, str, bytes, decimal.Decimal, uuid.UUID),
        *(dt.datetime, dt.date, dt.time, dt.timedelta),
        *(ipaddress.IPv4Address, ipaddress.IPv6Address),
    )
)
"""Types of values whose `repr` says all there is to them."""


def digest(expression: ir.Table) -> str | None:
    """Return the SHA-256 of an expression, in hex.

    None for one that holds what only Ibis can compare, such as rows in memory.
    """
    steps: dict[Node, str] = {}
    lines = []
    try:
        for node in Graph.from_bfs(expression.op()).toposort()[0]:
            lines.append(_line(node, steps))
            steps[node] = f"#{len(steps)}"
    except TypeError:
        return None
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _line(node: Any, steps: Mapping[Node, str]) -> str:
    """An operation in one line of text, in which others go by their number."""
    arguments = node.args
    if isinstance(node, ops.Reference):  # numbered in the order in which a process makes them
        arguments = (node.parent, sum(isinstance(step, ops.Reference) for step in steps))
    return f"{_kind(node)} {[_text(argument, steps) for argument in arguments]}"


def _kind(node: Any) -> str:
    kind = type(node)
    if kind.__module__.startswith("ibis.expr.operations."):
        return str(kind.__name__)
    if isinstance(node, (ops.ScalarUDF, ops.AggUDF)) and node.__input_type__ is InputType.BUILTIN:
        parts = (node.__func_name__, node.__udf_namespace__.args, node.dtype, node.__config__)
        return _text(parts, {})
    raise TypeError(kind)


def _text(argument: Any, steps: Mapping[Node, str]) -> str:
    """An argument of an operation as text. Raises TypeError for one that may hold more."""
    if isinstance(argument, Node):
        return steps[argument]
    if isinstance(argument, DataShape):
        argument = argument.ndim
    if type(argument) in _PLAIN or isinstance(argument, (DataType, Schema, enum.Enum)):
        return repr(argument)
    if isinstance(argument, tuple):
        return f"({','.join(_text(each, steps) for each in argument)})"
    if isinstance(argument, frozenset):
        return f"{{{','.join(sorted(_text(each, steps) for each in argument))}}}"
    if isinstance(argument, Mapping):
        items = (f"{_text(key, steps)}:{_text(each, steps)}" for key, each in argument.items())
        return f"{{{','.join(items)}}}"
    if isinstance(argument, ops.Namespace):
        return _text(argument.args, steps)
    raise TypeError(type(argument))
