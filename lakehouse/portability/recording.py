"""Which pieces of an expression were made by which line of a project's code.

Ibis does not remember where an expression was written. While a model's function runs, every
expression that Ibis hands back to code outside of it is noted, with the call that asked for it.
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

_FRAMEWORK = str(Path(__file__).parent.parent)


@dataclass(frozen=True)
class Place:
    """Where a call stands."""

    file: str
    line: int


@dataclass
class Recording:
    """What one function made."""

    made: list[tuple[ops.Node, Place]] = field(default_factory=list)
    """Each piece with the line that asked for it; what the framework's helpers made is left out."""
    _known: set[ops.Node] = field(default_factory=set)
    _shapes: dict[ops.Node, Any] = field(default_factory=dict)
    _known_shapes: set[Any] = field(default_factory=set)

    def note(self, node: ops.Node, place: Place) -> None:
        """An expression was handed back to the call at `place`."""
        fresh = list(self._fresh(node))
        if not place.file.startswith(_FRAMEWORK):
            # Ibis rewrites pieces of earlier lines when it moves them to another table.
            new = [each for each in fresh if self._shape(each) not in self._known_shapes]
            # Numbers and texts that Ibis makes of Python's have no width or zone to SQL either.
            within = (each for each in new if each != node and not isinstance(each, ops.Literal))
            self.made += [(each, place) for each in within]
            self.made.append((node, place))
        self._known_shapes |= {self._shape(each) for each in fresh}

    def _fresh(self, node: ops.Node) -> Iterator[ops.Node]:
        if node not in self._known:
            self._known.add(node)
            for child in node.__children__:
                yield from self._fresh(child)
            yield node

    def _shape(self, node: Any) -> Any:
        """The node, whichever tables its columns are of."""
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
) -> tuple[ir.Table, Recording]:
    """What the function returns for these tables, and what it made of them, line by line."""
    recording = Recording()
    for table in tables.values():
        recording.note(table.op(), Place(_FRAMEWORK, 0))

    def watch(frame: FrameType, event: str, value: Any) -> None:
        if event == "return" and isinstance(value, ir.Expr) and frame.f_back is not None:
            asked = frame.f_back
            if _is_ibis(frame) and not _is_ibis(asked):
                recording.note(value.op(), _place(asked))

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        expression = function(**tables)
    finally:
        sys.setprofile(before)
    return expression, recording


def _is_ibis(frame: FrameType) -> bool:
    # Some of its functions are called through a dispatcher of the standard library.
    return str(frame.f_globals.get("__name__")).partition(".")[0] in ("ibis", "functools")


def _place(frame: FrameType) -> Place:
    """The line that the call begins on."""
    positions = islice(frame.f_code.co_positions(), frame.f_lasti // 2, None)
    begins, *_ = next(positions, (None,))
    return Place(frame.f_code.co_filename, begins or frame.f_lineno)
