"""The result of one rule of a `@quality`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lakehouse.checks import sample_rows


class CheckOutcome(StrEnum):
    """How a check ended: passed, failed, or a failure that does not block, which is a warning."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"

    @classmethod
    def of(cls, check: Mapping[str, Any]) -> CheckOutcome:
        """Return the outcome of a check of a run record."""
        if check["passed"]:
            return cls.PASSED
        return cls.FAILED if check["blocking"] else cls.WARNING

    @property
    def shown(self) -> str:
        """The outcome as tables of a report show it: a failure stands out."""
        return self.upper() if self is CheckOutcome.FAILED else str(self)


@dataclass(frozen=True)
class CheckResult:
    """Outcome of one rule on one table: whether it passed, and which rows offend."""

    check: str
    table: str
    label: str
    blocking: bool
    passed: bool
    failures: int
    rows: int | None = None
    """Number of rows that were checked; None if they were not counted."""
    examples: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    """A few of the offending rows."""
    sql: str = ""
    """SELECT of all offending rows, for `query`; empty if there are no rows to show."""
    finding: bool = False
    """Whether a failure that does not block is a finding: the command ends with exit code 1."""

    @property
    def is_found(self) -> bool:
        """Whether the check failed, and the command has to end with exit code 1."""
        return not self.passed and (self.blocking or self.finding)

    @property
    def outcome(self) -> CheckOutcome:
        """How the check ended."""
        return CheckOutcome.of(vars(self))

    @property
    def summary(self) -> str:
        """The result in one line."""
        return sample_rows.summary(vars(self))

    def message(self, ref: str) -> str:
        """The result with a few rows, and the command that shows all of them on `ref`."""
        return sample_rows.message(vars(self), ref)
