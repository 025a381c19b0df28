"""The short pages about a pipeline: open alerts, quarantine, storage."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from lakehouse.pages.html import Content, tag
from lakehouse.site.pipeline.facts import Facts
from lakehouse.site.pipeline.parts import (
    ago,
    facts,
    link,
    moment,
    number,
    run_path,
    size,
    table,
    table_path,
)

_QUARANTINE = "quarantine."
_OF_COMMITS = ("commit", "when", "who", "run", "message", "tables")


def alerts(gathered: Facts, zone: ZoneInfo) -> list[Content]:
    """Return the content of the page of open problems and snoozes."""
    ledger = gathered.ledger
    problems = (
        [
            entry.title,
            entry.name,
            ago(entry.since, zone),
            "yes" if entry.told else "not yet",
        ]
        for entry in ledger.problems.values()
    )
    snoozed = ([name, moment(snooze.until, zone)] for name, snooze in ledger.snoozed.items())
    return [
        tag("p", "Problems that no run has found to be over yet, as of the last run."),
        table("Open alerts", ("problem", "name", "since", "told"), problems),
        [tag("h2", "Snoozed"), table("Snoozed", ("name", "until"), snoozed)]
        if ledger.snoozed
        else None,
    ]


def quarantine(gathered: Facts) -> list[Content]:
    """Return the content of the page of rejected rows, counted by reason and day."""
    known = {entry.spec.name: entry.spec.table for entry in gathered.tables.values()}
    rows = (
        [
            link(table_path(known[entry.table.removeprefix(_QUARANTINE)]), entry.table),
            entry.reason,
            f"{entry.day}",
            number(entry.rows),
        ]
        for entry in gathered.quarantine
    )
    return [
        tag(
            "p",
            "Rows that were fetched and failed validation; a row may have several reasons. ",
            tag("code", "lakehouse quarantine show"),
            " lists them.",
        ),
        table("Quarantine", ("table", "reason", "fetched on", "rows"), rows, "   r"),
    ]


def storage(gathered: Facts, zone: ZoneInfo) -> list[Content]:
    """Return the content of the page of what tables take, and of main's commits."""
    pages = {entry.spec.table for entry in gathered.tables.values()}
    stored = sorted(gathered.stored.values(), key=lambda entry: (-entry.size, entry.name))
    largest = stored[0].size if stored else 0
    rows = (
        [
            link(table_path(entry.name), entry.name) if entry.name in pages else entry.name,
            number(entry.rows),
            size(entry.size),
            tag(
                "span",
                class_="share",
                style=f"width:{round(100 * entry.size / (largest or 1))}%",
                aria_hidden="true",
            ),
        ]
        for entry in stored
    )
    return [
        facts(
            [
                ("Tables", number(len(stored))),
                ("Rows", number(sum(entry.rows for entry in stored))),
                ("Data files of main", size(sum(entry.size for entry in stored))),
            ]
        ),
        table("Tables by size", ("table", "rows", "size", ""), rows, " rr"),
        tag("h2", "Commits of main"),
        table(
            "Commits",
            ("commit", "when", "who", "run", "message", "tables"),
            _commits(gathered, zone),
            "     r",
        ),
    ]


def _commits(gathered: Facts, zone: ZoneInfo) -> Iterator[list[Content]]:
    runs = {record["run"] for record in gathered.runs}
    for commit in gathered.commits:
        run = commit.run_id
        yield [
            tag("code", commit.id),
            moment(commit.committed_at, zone),
            commit.author,
            link(run_path(run), run) if run in runs else run,
            commit.message,
            number(len(commit.tables)),
        ]
