"""Inquiries: questions about tables, and what follows from the answers; many are asked at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lakehouse.checks.result import CheckResult
from lakehouse.engines import Engine, Question

Answers = Sequence[Mapping[str, int]]
"""The counts of each question, by column."""


@dataclass(frozen=True)
class Inquiry:
    """Questions, and a function from their answers to the results of checks."""

    questions: Sequence[Question]
    conclude: Callable[[Answers], list[CheckResult]]


def ask(engine: Engine, inquiries: Sequence[Inquiry]) -> list[list[CheckResult]]:
    """Ask the questions of all inquiries at once; return the results of each."""
    asked = [question for inquiry in inquiries for question in inquiry.questions]
    answers = iter(engine.counts(asked) if asked else ())
    return [inquiry.conclude([next(answers) for _ in inquiry.questions]) for inquiry in inquiries]
