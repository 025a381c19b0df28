"""The line of a project's code that made each part of an expression.

Ibis does not remember where an expression was written. While a model's function runs, every
expression that Ibis returns to code outside of Ibis is noted, with the place of the call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir

from lakehouse.declare.sql_files import sql_of

_FRAMEWORK = str(Path(__file__).parent.parent)


@dataclass(frozen=True)
class Place:
    """File and line of a call."""

    file: str
    line: int


@dataclass
class WrittenLines:
    """The parts of the expression that one function made."""

    made: list[tuple[ops.Node, Place]] = field(default_factory=list)
    """Each part with the place that made it, except those made by the framework's helpers."""
    _known: set[ops.Node] = field(default_factory=set)
    _shapes: dict[ops.Node, Any] = field(default_factory=dict)
    _known_shapes: set[Any] = field(default_factory=set)

    def note(self, node: ops.Node, place: Place) -> None:
        """Note that Ibis returned an expression to the call at `place`."""
        fresh = list(self._fresh(node))
        if not place.file.startswith(_FRAMEWORK):
            # Ibis rewrites parts of earlier lines when it moves them to another table.
            new = [part for part in fresh if self._shape(part) not in self._known_shapes]
            # Literals that Ibis makes of Python values are skipped: in SQL they have no width or
            # zone, either.
            within = (part for part in new if part != node and not isinstance(part, ops.Literal))
            self.made += [(part, place) for part in within]
            self.made.append((node, place))
        self._known_shapes |= {self._shape(part) for part in fresh}

    def _fresh(self, node: ops.Node) -> Iterator[ops.Node]:
        """Yield the parts of an expression that were not seen before, children first."""
        if node not in self._known:
            self._known.add(node)
            for child in node.__children__:
                yield from self._fresh(child)
            yield node

    def _shape(self, node: Any) -> Any:
        """Return a description of a node that does not depend on the tables of its columns."""
        if isinstance(node, tuple):
            return tuple(map(self._shape, node))
        if isinstance(node, ops.Field):
            return str(node.name)
        if not isinstance(node, ops.Value):
            return type(node) if isinstance(node, ops.Node) else repr(node)
        if node not in self._shapes:
            self._shapes[node] = (type(node), *map(self._shape, node.__args__))
        return self._shapes[node]


def record(
    function: Callable[..., ir.Table], tables: Mapping[str, ir.Table]
) -> tuple[ir.Table, WrittenLines]:
    """Call a function with tables; return its expression, and the lines that made its parts."""
    lines = WrittenLines()
    for table in tables.values():
        lines.note(table.op(), Place(_FRAMEWORK, 0))
    sql = sql_of(function)
    if sql is not None:
        file = function.__code__.co_filename

        def note(node: ops.Node, line: int) -> None:
            lines.note(node, Place(file if line else _FRAMEWORK, line))

        return sql.expression(tables, note), lines

    def watch(frame: FrameType, event: str, value: Any) -> None:
        if event == "return" and isinstance(value, ir.Expr) and frame.f_back is not None:
            caller = frame.f_back
            if _is_ibis(frame) and not _is_ibis(caller):
                lines.note(value.op(), _place(caller))

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        expression = function(**tables)
    finally:
        sys.setprofile(before)
    return expression, lines


def _is_ibis(frame: FrameType) -> bool:
    # Some functions of Ibis are called through `functools`, the dispatcher of Python.
    return str(frame.f_globals.get("__name__")).partition(".")[0] in ("ibis", "functools")


def _place(frame: FrameType) -> Place:
    """Return the place of the call that a frame is executing: the line on which it begins."""
    positions = islice(frame.f_code.co_positions(), frame.f_lasti // 2, None)
    begins, *_ = next(positions, (None,))
    return Place(frame.f_code.co_filename, begins or frame.f_lineno)
