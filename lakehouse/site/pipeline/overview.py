"""The page about a pipeline as a whole: its picture, and a line for each table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from lakehouse.pages.html import Content, Html, tag
from lakehouse.site.pipeline.facts import Facts, TableFacts, TableHealth
from lakehouse.site.pipeline.parts import (
    ago,
    facts,
    link,
    number,
    run_path,
    seconds,
    size,
    state,
    table,
    table_path,
)

PATH = "pipeline.html"
_HEADINGS = ("table", "state", "kind", "rows", "size", "newest row", "built", "took", "checks")


def overview(gathered: Facts, zone: ZoneInfo, picture: Content) -> list[Content]:
    """Return the content of the page, around the picture of the tables."""
    tables = gathered.tables.values()
    health = Counter(entry.health for entry in tables)
    last = gathered.runs[0] if gathered.runs else None
    bad = [entry for entry in tables if entry.health is TableHealth.FAILED]
    return [
        facts(
            [
                ("Tables", f"{len(tables)}"),
                *((kind.capitalize(), f"{health[kind]}") for kind in TableHealth if health[kind]),
                ("Open alerts", link("alerts.html", f"{len(gathered.ledger.problems)}")),
                ("In quarantine", link("quarantine.html", number(_rejected(gathered)))),
                ("Last run", link(run_path(last["run"]), last["status"]) if last else "none"),
                ("Stored", size(sum(entry.size for entry in gathered.stored.values()))),
            ]
        ),
        [tag("h2", "Failed"), tag("ul", map(_failed, bad))] if bad else None,
        tag("h2", "How tables are made"),
        tag(
            "div",
            picture,
            class_="picture",
            tabindex="0",
            role="region",
            aria_label="The picture of the pipeline",
        ),
        tag("h2", "Tables"),
        table("Tables", _HEADINGS, _rows(gathered, zone), "   rr  r "),
    ]


def _rejected(gathered: Facts) -> int:
    return sum(entry.quarantined for entry in gathered.tables.values())


def _failed(entry: TableFacts) -> Html:
    checks = [check.label for check in entry.checks if check.newest == "failed"]
    reasons = checks or [f"{f.key}: {f.state}" for f in entry.freshness]
    return tag(
        "li", link(table_path(entry.spec.table), entry.spec.table), f": {'; '.join(reasons)}"
    )


def _rows(gathered: Facts, zone: ZoneInfo) -> Iterator[list[Content]]:
    for entry in gathered.tables.values():
        build = entry.builds[0] if entry.builds else None
        passed = sum(check.newest == "passed" for check in entry.checks)
        yield [
            link(table_path(entry.spec.table), entry.spec.table),
            state(entry.health),
            entry.kind.partition("(")[0].lower(),
            number(entry.stored.rows) if entry.stored else "",
            size(entry.stored.size) if entry.stored else "",
            ago(entry.newest, zone) if entry.newest else "",
            tag("a", ago(build.started_at, zone), href=run_path(build.run)) if build else "",
            seconds(build.seconds) if build else "",
            f"{passed} of {len(entry.checks)} passed" if entry.checks else "",
        ]
