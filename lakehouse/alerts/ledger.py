"""Ledger of alerts: open problems, what people know of them, snoozes, and what to send next.

It is one small file of the home, read and written under a lock. A process that is killed after
sending and before writing sends again: a message twice is better than never.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lakehouse import small_files, storage
from lakehouse.alerts.policy import Policy
from lakehouse.alerts.problem import Findings
from lakehouse.system import file_locks

EVERYTHING = "all"
"""The name that snoozes all problems."""
_ROUGHLY = timedelta(minutes=10)
"""Correction of a clock backwards that does not end a snooze, at most."""
_BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
"""Start of snoozes that were kept without one; a day after the first, for all time zones."""


@dataclass(frozen=True)
class OpenProblem:
    """A problem that no run has found to be over yet."""

    name: str
    title: str
    since: datetime
    told: str = ""
    """State of the problem in the last message about it; empty: none was sent yet."""
    until_success: bool = False
    """Whether a run that succeeds ends it."""


@dataclass(frozen=True)
class Snooze:
    """Span of time in which no message about a problem is sent."""

    since: datetime
    until: datetime

    def holds(self, now: datetime) -> bool:
        """Return whether `now` is within the snooze.

        A clock that was set back by more than a little ends it: better early than much too late.
        """
        return self.since - _ROUGHLY <= now < self.until


@dataclass(frozen=True)
class Message:
    """Message to people about one problem."""

    key: str
    title: str
    text: str
    is_over: bool = False


@dataclass(frozen=True)
class Ledger:
    """Open problems by key, and snoozes by name."""

    problems: Mapping[str, OpenProblem] = field(default_factory=dict)
    snoozed: Mapping[str, Snooze] = field(default_factory=dict)

    def after(self, findings: Findings, now: datetime) -> Ledger:
        """Return the ledger with the problems that a run found; new ones are not sent yet."""
        problems = dict(self.problems)
        for problem in findings.problems:
            key, known = problem.key, problems.get(problem.key)
            problems[key] = OpenProblem(
                name=problem.name,
                title=problem.title,
                since=known.since if known else now,
                told=known.told if known else "",
                until_success=problem.until_success,
            )
        return replace(self, problems=problems)

    def messages(self, findings: Findings, policy: Policy, now: datetime) -> Iterator[Message]:
        """Yield messages about problems that began, changed or are over, and may be sent now."""
        for problem in findings.problems:
            known = self.problems[problem.key]
            if known.told != problem.state and not self._is_held_back(problem.name, policy, now):
                since = f"since {policy.shown(known.since)}"
                yield Message(problem.key, problem.title, f"{problem.text}\n{since}")
        for key, known in self._over(findings).items():
            if known.told and not self._is_held_back(known.name, policy, now):
                span = f"from {policy.shown(known.since)} to {policy.shown(now)}"
                yield Message(key, f"over: {known.title}", span, is_over=True)

    def after_sending(
        self, findings: Findings, sent: Mapping[str, Message], now: datetime
    ) -> Ledger:
        """Return the ledger after the messages in `sent`, by key, reached a channel."""
        states = {problem.key: problem.state for problem in findings.problems}
        over = self._over(findings)
        problems = {
            key: replace(known, told=states[key]) if key in sent else known
            for key, known in self.problems.items()
            if key not in over or (known.told and key not in sent)
        }
        snoozed = {name: snooze for name, snooze in self.snoozed.items() if snooze.holds(now)}
        return Ledger(problems, snoozed)

    def _over(self, findings: Findings) -> dict[str, OpenProblem]:
        """Return the open problems that the run found to be over, by key."""
        wrong = {problem.key for problem in findings.problems}
        return {
            key: known
            for key, known in self.problems.items()
            if key not in wrong
            and (findings.has_checked(key) or (known.until_success and findings.succeeded))
        }

    def _is_held_back(self, name: str, policy: Policy, now: datetime) -> bool:
        snoozes = [self.snoozed[key] for key in (name, EVERYTHING) if key in self.snoozed]
        return any(snooze.holds(now) for snooze in snoozes) or policy.is_quiet(name, now)


@contextmanager
def opened(home: Path) -> Iterator[Book]:
    """Hold the lock of a home's ledger, and yield its file."""
    with file_locks.locked(home / "locks" / "alerts.lock"):
        yield Book(home / "alerts.json")


@dataclass(frozen=True)
class Book:
    """The file that a ledger is kept in."""

    path: Path

    def read(self) -> Ledger:
        """Return the ledger as it was written last; an empty one if there is none."""
        return small_files.read(self.path, _parse) or Ledger()

    def write(self, ledger: Ledger) -> None:
        """Write the ledger to its file."""
        document = {
            "problems": {
                key: {**asdict(problem), "since": problem.since.isoformat()}
                for key, problem in ledger.problems.items()
            },
            "snoozed": {
                name: [snooze.since.isoformat(), snooze.until.isoformat()]
                for name, snooze in ledger.snoozed.items()
            },
        }
        storage.write(self.path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def _parse(raw: bytes) -> Ledger:
    document = json.loads(raw)
    return Ledger(
        {
            key: OpenProblem(**{**entry, "since": datetime.fromisoformat(entry["since"])})
            for key, entry in document["problems"].items()
        },
        {name: _snooze(entry) for name, entry in document["snoozed"].items()},
    )


def _snooze(entry: list[str] | str) -> Snooze:
    """Return a snooze from its start and end, or from its end alone as earlier versions wrote."""
    if isinstance(entry, str):
        return Snooze(_BEGINNING, datetime.fromisoformat(entry))
    return Snooze(*map(datetime.fromisoformat, entry))
