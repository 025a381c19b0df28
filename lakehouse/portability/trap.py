"""The definition of a trap: its operations, the condition under which it is one, and the cure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import ibis.expr.operations as ops

from lakehouse.portability import conditions
from lakehouse.portability.conditions import Declared

CASTS = (ops.Cast, ops.TryCast)


class Word(StrEnum):
    """Prospect of a trap, in the words of Ibis' tests: can the difference go away, and by whom."""

    NOTIMPL = "notimpl"
    """This framework could remove the difference."""
    NOTYET = "notyet"
    """Ibis or an engine could remove the difference."""
    NEVER = "never"
    """The operation itself is ambiguous."""


@dataclass(frozen=True)
class Trap:
    """Operations of Ibis that mean different things on the engines, and how to write them."""

    name: str
    trap: str
    """Description of the difference."""
    cure: str
    """Advice how to write it so that it means the same everywhere."""
    of: tuple[type[ops.Node], ...] = ()
    """The operations that may be this trap."""
    when: Callable[[Any, Declared], bool] = conditions.always
    """Condition under which such an operation is a trap."""
    word: Word = Word.NEVER

    def finds(self, node: ops.Node, declared: Declared) -> bool:
        """Return whether an operation is this trap."""
        return isinstance(node, self.of) and self.when(node, declared)
