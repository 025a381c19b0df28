"""Pages about runs: all of them in a line of time, and one for each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from lakehouse.checks import sample_rows
from lakehouse.checks.result import CheckOutcome
from lakehouse.pages.html import Content, Html, tag
from lakehouse.records.run_records import unread_in_words
from lakehouse.site.pipeline.facts import Facts
from lakehouse.site.pipeline.parts import (
    facts,
    link,
    moment,
    number,
    run_path,
    seconds,
    state,
    table,
    table_path,
)

PATH = "runs.html"
_IN_LINE = 80
"""Runs in the line of time, at most."""
_UP = "../"
Record = Mapping[str, Any]


def runs(gathered: Facts, zone: ZoneInfo) -> list[Content]:
    """Return the content of the page of all runs."""
    return [
        _line_of_time(gathered.runs[:_IN_LINE], zone),
        table(
            "Runs",
            ("started", "status", "asked for", "new", "built", "took", "checks", "commit"),
            (_row(record, zone) for record in gathered.runs),
            "   rrr",
        ),
    ]


def run_page(gathered: Facts, record: Record, zone: ZoneInfo) -> list[Content]:
    """Return the content of the page of one run."""
    tables = {entry.spec.table for entry in gathered.tables.values()}
    window = record["window"]
    return [
        facts(
            [
                ("Status", state(record["status"])),
                ("Asked for", record.get("message", "")),
                ("Started", moment(_started(record), zone)),
                ("Took", seconds(record["seconds"])),
                ("Window", " to ".join(moment_text(w, zone) for w in window) if window else None),
                ("Commit", record["commit"]),
                ("Branch", record.get("branch")),
            ]
        ),
        tag("p", record["error"], class_="error") if record["error"] else None,
        *_problems(record),
        tag("h2", "Nodes"),
        table(
            "Nodes",
            ("node", "why", "what", "rows", "took", "share"),
            _nodes(record, tables),
            "   rr",
        ),
        tag("h2", "Checks"),
        table(
            "Checks",
            ("table", "rule", "", "rows"),
            (
                [
                    _table(check["table"], tables),
                    check["label"],
                    state(CheckOutcome.of(check)),
                    number(check["failures"]) if check["failures"] else "",
                ]
                for check in record["checks"]
            ),
            "   r",
        ),
        tag("h2", "Published") if record["published"] else None,
        table("Published", ("mart", "rows"), _published(record), " r")
        if record["published"]
        else None,
    ]


def moment_text(text: str, zone: ZoneInfo) -> str:
    """Return an instant of a record as local time."""
    return f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M}"


def _line_of_time(records: Sequence[Record], zone: ZoneInfo) -> Content:
    """Return a bar for each run, oldest first, as high as the logarithm of its seconds."""
    if not records:
        return None
    longest = max(math.log1p(record["seconds"]) for record in records) or 1
    bars = []
    for record in reversed(records):
        share = math.log1p(record["seconds"]) / longest
        at = moment_text(record["started_at"], zone)
        text = f"{record['status']}, {at}, {seconds(record['seconds'])}"
        status = record["status"].replace(" ", "-")
        bar = tag(
            "a",
            href=run_path(record["run"]),
            class_=f"bar {status}",
            title=text,
            aria_label=text,
            style=f"height:{max(8, round(100 * share))}%",
        )
        bars.append(tag("li", bar))
    first, last = (moment_text(r["started_at"], zone) for r in (records[-1], records[0]))
    ends = tag("p", tag("span", first), tag("span", last), class_="ends")
    return [tag("ol", bars, class_="line-of-time", aria_label="Runs, oldest first"), ends]


def _row(record: Record, zone: ZoneInfo) -> list[Content]:
    merged = [node.get("counts", {}) for node in record["nodes"] if node["step"] == "merge"]
    built = sum(node["rows"] or 0 for node in record["nodes"] if node["step"] == "model")
    bad = sum(not check["passed"] for check in record["checks"])
    return [
        tag("a", moment(_started(record), zone), href=run_path(record["run"])),
        state(record["status"]),
        record.get("message", ""),
        number(sum(counts.get("new", 0) for counts in merged)),
        number(built),
        seconds(record["seconds"]),
        f"{bad} of {len(record['checks'])} failed" if bad else f"{len(record['checks'])} passed",
        tag("code", record["commit"] or ""),
    ]


def _started(record: Record) -> datetime:
    return datetime.fromisoformat(record["started_at"])


def _problems(record: Record) -> Iterator[Html]:
    for check in record["checks"]:
        if not check["passed"]:
            yield tag(
                "p", f"{CheckOutcome.of(check)}: {sample_rows.summary(check)}", class_="error"
            )
    for window, error in record["failed"].items():
        yield tag("p", f"failed: {window}: {error}", class_="error")
    for unread in record.get("unread", ()):
        text = f"unread: {unread_in_words(unread)} of {unread['windows']}: {unread['message']}"
        yield tag("p", text, class_="error")


def _nodes(record: Record, tables: set[str]) -> Iterator[list[Content]]:
    whole = max((node["seconds"] for node in record["nodes"]), default=0) or 1
    for node in record["nodes"]:
        width = round(100 * node["seconds"] / whole)
        yield [
            _table(node["node"], tables),
            node["reason"],
            node["note"] or node["windows"],
            number(node["rows"]) if node["rows"] is not None else "",
            seconds(node["seconds"]),
            tag("span", class_="share", style=f"width:{width}%", aria_hidden="true"),
        ]


def _table(name: str, tables: set[str]) -> Content:
    return link(table_path(name), name, _UP) if name in tables else name


def _published(record: Record) -> Iterator[list[Content]]:
    for mart, rows in record["published"].items():
        yield [mart, number(rows)]
