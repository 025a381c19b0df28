"""Problems that a run found, and what it found to be right again, from its record and error."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakehouse.catalogs import MAIN
from lakehouse.checks import sample_rows
from lakehouse.checks.result import CheckOutcome
from lakehouse.compile.dag import Step
from lakehouse.errors import CheckFailedError, LakehouseError
from lakehouse.records.run_records import PREFIX, unread_in_words

if TYPE_CHECKING:
    from lakehouse.audit.freshness import Freshness

RUN = "run"
"""Name of the problem that runs fail."""
MESSAGE = "message"
"""Column of a check's offending rows that says in words what is wrong; the title of an alert."""


@dataclass(frozen=True)
class Problem:
    """A problem as people are told of it."""

    name: str
    """Name to snooze it by: a check, the table of a source, or 'run'."""
    key: str
    """Identifies it among all problems; several may have one name."""
    title: str
    text: str
    """Details, and the command that shows more."""
    state: str
    """Another message is sent when this changes, such as from 'warning' to 'failed'."""
    until_success: bool
    """Whether a run that succeeds ends it; a check of its key that finds it right always does."""


@dataclass(frozen=True)
class Findings:
    """Problems that one run found, and what it looked at."""

    problems: Sequence[Problem] = ()
    checked: frozenset[str] = field(default=frozenset())
    """Keys of everything that the run checked, problems included."""
    succeeded: bool = False
    fetched: tuple[str, ...] = ()
    """Beginnings of the keys of problems that only reads of their tables find, which took place."""

    def has_checked(self, key: str) -> bool:
        """Return whether the run looked at what a problem is about."""
        return key in self.checked or key.startswith(self.fetched)


def findings_of(
    record: Mapping[str, Any] | None,
    error: Exception | None,
    sources: Sequence[Freshness],
) -> Findings:
    """Return what a run found, by its record, the error it ended with, and how fresh sources are.

    `record` is None for a run that could not begin.
    """
    problems = [
        *_of_run(record, error),
        *_of_unread(record),
        *_of_checks(record),
        *_of_sources(sources),
    ]
    checks = record["checks"] if record else ()
    checked = {*map(_key_of_check, checks), *map(_key_of_source, sources)}
    succeeded = error is None and record is not None and not record["failed"]
    is_fetch = record is not None and succeeded and record["window"] is not None
    fetched = tuple(_read_tables(record)) if record is not None and is_fetch else ()
    return Findings(problems, frozenset(checked), succeeded, fetched)


def _of_run(record: Mapping[str, Any] | None, error: Exception | None) -> Iterator[Problem]:
    if isinstance(error, CheckFailedError):
        return  # each of its checks is a problem of its own
    if error is None:
        failed = record["failed"] if record else {}
        message = "; ".join(f"{window}: {why}" for window, why in failed.items())
        if failed:
            yield _failure(f"{len(failed)} windows could not be fetched", message, record)
    elif isinstance(error, LakehouseError):
        yield _failure(error.message, error.advice, record)
    else:
        yield _failure(f"unexpected {type(error).__name__}", "", record)


def _failure(message: str, detail: str, record: Mapping[str, Any] | None) -> Problem:
    look = f"lakehouse show {record['run']}" if record else "lakehouse doctor"
    text = "\n".join(filter(None, [message, detail, f"→ {look}"]))
    return Problem(RUN, RUN, "a run failed", text, _stable(message), True)


def _stable(message: str) -> str:
    """Return a message without windows and counts, which differ by the hour for one problem."""
    return re.sub(r"[\d.:TZ+-]+", "#", message)


def _of_unread(record: Mapping[str, Any] | None) -> Iterator[Problem]:
    for unread in (record or {}).get("unread", ()):
        what = unread_in_words(unread)
        lines = (f"{unread['message']} ({unread['windows']})", unread["hint"])
        look = f"→ lakehouse show {(record or {})['run']}"
        yield Problem(
            unread["table"],
            f"{_beginning(unread['table'])}{what}",
            what,
            "\n".join(filter(None, [*lines, look])),
            _stable(unread["message"]),
            False,
        )


def _read_tables(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the beginning of the keys of unread problems of each table that a run fetched."""
    for node in record["nodes"]:
        if node["step"] == Step.MERGE:
            yield _beginning(node["node"])


def _beginning(table: str) -> str:
    return f"unread {table} "


def _of_checks(record: Mapping[str, Any] | None) -> Iterator[Problem]:
    if record is None:
        return
    ref = MAIN if record["commit"] else f"{PREFIX}{record['run']}"
    for check in record["checks"]:
        outcome = CheckOutcome.of(check)
        if outcome is not CheckOutcome.PASSED:
            blocking = outcome is CheckOutcome.FAILED
            yield Problem(
                check["check"],
                _key_of_check(check),
                _in_words(check) or f"{check['table']}: {check['label']}",
                sample_rows.message(check, ref)
                + ("\nmain and Postgres are as they were" if blocking else ""),
                str(outcome),
                blocking,
            )


def _in_words(check: Mapping[str, Any]) -> str:
    """Return the messages of a check's offending rows; empty if they have no such column."""
    return "; ".join(str(row[MESSAGE]) for row in check.get("examples", ()) if row.get(MESSAGE))


def _of_sources(sources: Sequence[Freshness]) -> Iterator[Problem]:
    for source in sources:
        if source.is_stale:
            which = f"{source.table} {source.key}".strip()
            age = "was never there" if source.newest is None else f"is from {source.newest}"
            yield Problem(
                source.table,
                _key_of_source(source),
                f"{which} is stale",
                f"its newest reading {age}\n→ lakehouse freshness",
                str(source.state),
                False,
            )


def _key_of_check(check: Mapping[str, Any]) -> str:
    return f"check {check['table']} {check['check']} {check['label']}"


def _key_of_source(source: Freshness) -> str:
    return f"source {source.table} {source.key}"
