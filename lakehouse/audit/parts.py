"""Parts of checks that are still to be counted, and the questions that count them."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.audit.offending import Offending
from lakehouse.checks import Rule
from lakehouse.compile.compiler import ROWS
from lakehouse.declare.specs import QualitySpec
from lakehouse.engines import Question


@dataclass(frozen=True)
class Count:
    """Where a count comes from: a question, and a column of its answer."""

    question: Question
    column: str = ROWS
    exactly: Question | None = None
    """The exact count, asked only if `question` counts an upper bound that is above zero."""


@dataclass(frozen=True)
class Part:
    """A check that is still to be counted: a ready one, or the function of a `@quality`.

    `rule` is the ready check, and None for a function.
    """

    spec: QualitySpec
    rule: Rule | None
    offending: Offending | None
    failures: Count | None
    rows: Count | None

    @property
    def questions(self) -> list[Question]:
        """Questions that the result needs."""
        return [count.question for count in (self.failures, self.rows) if count]
