"""What people were told and when, what is snoozed, and hence what to say next.

All of it is one small file of the home, read and written under a lock. A process that is killed
between telling and writing tells once more: better twice than never.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lakehouse import documents, storage
from lakehouse.alerts.policy import Policy
from lakehouse.alerts.problem import Findings

EVERYTHING = "all"
"""The name that snoozes all problems."""
_ROUGHLY = timedelta(minutes=10)
"""How far a clock may be set back that was only a little wrong."""
_BEGINNING = datetime(1, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Open:
    """A problem that is not over, as far as is known."""

    name: str
    title: str
    since: datetime
    told: str = ""
    """The state that people know of; empty: they know nothing yet."""
    until_success: bool = False


@dataclass(frozen=True)
class Snooze:
    """For how long nobody is to be told of a problem."""

    asked: datetime
    until: datetime

    def holds(self, now: datetime) -> bool:
        """Whether it is not over; a clock that was set back ends it, too, rather than late."""
        return self.asked - _ROUGHLY <= now < self.until


@dataclass(frozen=True)
class Message:
    """What to tell people of one problem."""

    key: str
    title: str
    text: str
    is_over: bool = False


@dataclass(frozen=True)
class Ledger:
    """The open problems by key, and the names that are snoozed."""

    problems: Mapping[str, Open] = field(default_factory=dict)
    snoozed: Mapping[str, Snooze] = field(default_factory=dict)

    def after(self, findings: Findings, now: datetime) -> Ledger:
        """With what a run found to be wrong; nobody has been told of it yet."""
        problems = dict(self.problems)
        for each in findings.problems:
            since = problems[each.key].since if each.key in problems else now
            told = problems[each.key].told if each.key in problems else ""
            problems[each.key] = Open(each.name, each.title, since, told, each.until_success)
        return replace(self, problems=problems)

    def messages(self, findings: Findings, policy: Policy, now: datetime) -> Iterator[Message]:
        """What people do not know yet, unless they are not to be disturbed with it now."""
        for each in findings.problems:
            known = self.problems[each.key]
            if known.told != each.state and not self._is_held_back(each.name, policy, now):
                since = f"since {policy.shown(known.since)}"
                yield Message(each.key, each.title, f"{each.text}\n{since}")
        for key, known in self._over(findings).items():
            if known.told and not self._is_held_back(known.name, policy, now):
                span = f"from {policy.shown(known.since)} to {policy.shown(now)}"
                yield Message(key, f"over: {known.title}", span, is_over=True)

    def told(self, findings: Findings, sent: Mapping[str, Message], now: datetime) -> Ledger:
        """After these messages, by key, were sent."""
        states = {each.key: each.state for each in findings.problems}
        over = self._over(findings)
        problems = {
            key: replace(known, told=states[key]) if key in sent else known
            for key, known in self.problems.items()
            if key not in over or (known.told and key not in sent)
        }
        snoozed = {name: each for name, each in self.snoozed.items() if each.holds(now)}
        return Ledger(problems, snoozed)

    def _over(self, findings: Findings) -> dict[str, Open]:
        """The problems that this run found to be over."""
        wrong = {each.key for each in findings.problems}
        return {
            key: known
            for key, known in self.problems.items()
            if key not in wrong
            and (key in findings.asked or (known.until_success and findings.succeeded))
        }

    def _is_held_back(self, name: str, policy: Policy, now: datetime) -> bool:
        asked = [self.snoozed[each] for each in (name, EVERYTHING) if each in self.snoozed]
        return any(each.holds(now) for each in asked) or policy.is_quiet(name, now)


@contextmanager
def opened(home: Path) -> Iterator[Book]:
    """The ledger of a home, nobody else's meanwhile."""
    lock = home / "locks" / "alerts.lock"
    lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield Book(home / "alerts.json")


@dataclass(frozen=True)
class Book:
    """The file that a ledger is kept in."""

    path: Path

    def read(self) -> Ledger:
        """The ledger as it was written last."""
        return documents.read(self.path, _parse) or Ledger()

    def write(self, ledger: Ledger) -> None:
        """Keep the ledger."""
        document = {
            "problems": {
                key: {**asdict(each), "since": each.since.isoformat()}
                for key, each in ledger.problems.items()
            },
            "snoozed": {
                name: [each.asked.isoformat(), each.until.isoformat()]
                for name, each in ledger.snoozed.items()
            },
        }
        storage.write(self.path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def _parse(raw: bytes) -> Ledger:
    document = json.loads(raw)
    return Ledger(
        {
            key: Open(**{**each, "since": datetime.fromisoformat(each["since"])})
            for key, each in document["problems"].items()
        },
        {name: _snooze(kept) for name, kept in document["snoozed"].items()},
    )


def _snooze(kept: list[str] | str) -> Snooze:
    """What was kept of a snooze: two moments, or, by an earlier version, its end alone."""
    if isinstance(kept, str):
        return Snooze(_BEGINNING, datetime.fromisoformat(kept))
    return Snooze(*map(datetime.fromisoformat, kept))
