"""What a run found to be wrong, and what it found to be right again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakehouse import evidence
from lakehouse.catalogs import MAIN
from lakehouse.errors import CheckFailedError, LakehouseError
from lakehouse.runs import PREFIX

if TYPE_CHECKING:
    from lakehouse.freshness import Freshness

RUN = "run"
"""The name of the problem that runs fail."""
MESSAGE = "message"
"""A column of a check's offending rows that says in words what is wrong."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, as people are told of it."""

    name: str
    """What it is snoozed by: a check, the table of a source, or 'run'."""
    key: str
    """Tells it from the others of that name."""
    title: str
    text: str
    """Details, and the command to look."""
    state: str
    """It is told again when this changes."""
    until_success: bool
    """Whether it is over when a run succeeds, or when its key was asked for and is right."""


@dataclass(frozen=True)
class Findings:
    """What one run says about what is wrong."""

    problems: Sequence[Problem] = ()
    asked: frozenset[str] = field(default=frozenset())
    """The keys that were looked at, those of problems included."""
    succeeded: bool = False


def found(
    record: Mapping[str, Any] | None,
    error: Exception | None,
    sources: Sequence[Freshness],
) -> Findings:
    """What a run found, by its record, the error it ended with, and how fresh sources are.

    A run that could not begin has no record.
    """
    problems = [*_of_run(record, error), *_of_checks(record), *_of_sources(sources)]
    checks = record["checks"] if record else ()
    asked = {*map(_key_of_check, checks), *map(_key_of_source, sources)}
    succeeded = error is None and record is not None and not record["failed"]
    return Findings(problems, frozenset(asked), succeeded)


def _of_run(record: Mapping[str, Any] | None, error: Exception | None) -> Iterator[Problem]:
    if isinstance(error, CheckFailedError):
        return  # its checks are told, one by one
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
    # Windows and counts differ from hour to hour though it is the same trouble.
    return Problem(RUN, RUN, "a run failed", text, re.sub(r"[\d.:TZ+-]+", "#", message), True)


def _of_checks(record: Mapping[str, Any] | None) -> Iterator[Problem]:
    if record is None:
        return
    ref = MAIN if record["commit"] else f"{PREFIX}{record['run']}"
    for check in record["checks"]:
        if not check["passed"]:
            blocking = check["blocking"]
            yield Problem(
                check["check"],
                _key_of_check(check),
                _in_words(check) or f"{check['table']}: {check['label']}",
                evidence.told(check, ref)
                + ("\nmain and Postgres are as they were" if blocking else ""),
                "failed" if blocking else "warning",
                blocking,
            )


def _in_words(check: Mapping[str, Any]) -> str:
    """What the check's own rows say, if they have words."""
    return "; ".join(str(row[MESSAGE]) for row in check.get("examples", ()) if row.get(MESSAGE))


def _of_sources(sources: Sequence[Freshness]) -> Iterator[Problem]:
    for source in sources:
        if source.state in ("warn", "fail"):
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
