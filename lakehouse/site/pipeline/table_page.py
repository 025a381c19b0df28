"""The page of one table: columns, lineage, code and SQL, checks with their history, builds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from lakehouse.lineage import INFLUENCE, ROWS, VALUE, Column
from lakehouse.pages.html import Content, Html, tag
from lakehouse.site.pipeline.facts import CheckHistory, Facts, TableFacts
from lakehouse.site.pipeline.parts import (
    ago,
    facts,
    link,
    moment,
    number,
    run_path,
    seconds,
    size,
    state,
    table,
    table_path,
)

_UP = "../"
_COLUMNS = ("column", "type", "meaning", "value from", "influenced by")


def table_page(gathered: Facts, name: str, code: str, zone: ZoneInfo) -> list[Content]:
    """Return the content of the page; `code` is the path of the file that its code is in."""
    entry = gathered.tables[name]
    return [
        *(tag("p", paragraph, class_="doc") for paragraph in entry.doc.split("\n\n") if paragraph),
        facts(_facts(entry, zone)),
        tag("h2", "Columns"),
        table("Columns", _COLUMNS, _columns(gathered, entry)),
        tag("h2", "Lineage"),
        tag(
            "dl",
            tag("dt", "Made of"),
            tag("dd", _links(gathered, entry.parents) or "its source"),
            tag("dt", "Read by"),
            tag("dd", _links(gathered, entry.children) or "no other table"),
            class_="lineage",
        ),
        tag("h2", "Code"),
        tag("div", class_="code", data_code=code),
        _freshness(entry, zone),
        tag("h2", "Checks"),
        table(
            "Checks",
            ("rule", "of", "", "newest", "rows", "history, newest first"),
            map(_check, entry.checks),
            "    r ",
        ),
        tag("h2", "Builds"),
        table(
            "Builds",
            ("when", "why", "what", "rows", "took"),
            (
                [
                    tag("a", moment(b.started_at, zone), href=_UP + run_path(b.run)),
                    b.reason,
                    b.note or b.windows,
                    number(b.rows),
                    seconds(b.seconds),
                ]
                for b in entry.builds
            ),
            "   rr",
        ),
    ]


def _columns(gathered: Facts, entry: TableFacts) -> Iterator[list[Content]]:
    """Yield each column with its type, what it means, and what it is made of."""
    described: Mapping[str, str] = getattr(entry.spec, "columns", {})
    for name, kind in entry.columns.items():
        edges = gathered.lineage.parents(entry.spec.table, name)
        sides = (VALUE, INFLUENCE)
        value, influence = ([e.parent for e in edges if e.kind == side] for side in sides)
        summary = tag("summary", f"{len(influence)} column{'' if len(influence) == 1 else 's'}")
        folded = influence and tag("details", summary, _sources(gathered, influence))
        yield [name, kind, described.get(name, ""), _sources(gathered, value), folded or None]


def _sources(gathered: Facts, columns: Sequence[Column]) -> Html | None:
    """Return columns by their tables, which are links if they are the project's."""
    tables = gathered.lineage.tables
    named: dict[str, list[str]] = {}
    for column in columns:
        named.setdefault(column.table, []).append("rows" if column.name == ROWS else column.name)
    lines = (
        tag("li", link(table_path(t), t, _UP) if t in tables else t, ": ", ", ".join(names))
        for t, names in named.items()
    )
    return tag("ul", lines, class_="names") if named else None


def _facts(entry: TableFacts, zone: ZoneInfo) -> Iterator[tuple[str, Content]]:
    stored, build = entry.stored, entry.builds[0] if entry.builds else None
    yield "State", state(entry.health)
    yield "Kind", entry.kind
    yield "Rows", number(stored.rows) if stored else None
    yield "Size", size(stored.size) if stored else None
    yield "Built", ago(build.started_at, zone) if build else None
    yield "Newest row", ago(entry.newest, zone) if entry.newest else None
    if entry.quarantined:
        yield "In quarantine", tag("a", number(entry.quarantined), href=f"{_UP}quarantine.html")
    yield "Group", getattr(entry.spec, "group", None)
    yield "Runs by cron", getattr(entry.spec, "cron", None)
    yield "Published", "to Postgres" if getattr(entry.spec, "is_published", False) else None


def _links(gathered: Facts, names: tuple[str, ...]) -> Html | None:
    if not names:
        return None
    tables = (gathered.tables[name].spec.table for name in names)
    return tag("ul", (tag("li", link(table_path(t), t, _UP)) for t in tables), class_="names")


def _freshness(entry: TableFacts, zone: ZoneInfo) -> Content:
    if not entry.freshness:
        return None
    rows = (
        [
            line.key or "all",
            moment(line.newest, zone),
            ago(line.newest, zone),
            " · ".join(f"{limit:g} h" for limit in line.limits if limit is not None),
            state(line.state),
            f"could not be read: {line.unread}" if line.unread else "",
        ]
        for line in entry.freshness
    )
    headings = ("of", "newest row", "age", "allowed", "state", "")
    return [tag("h2", "Freshness"), table("Freshness", headings, rows)]


def _check(check: CheckHistory) -> list[Content]:
    run, outcome, failures = check.results[0]
    return [
        check.label,
        check.check,
        "blocking" if check.is_blocking else "warning",
        tag("a", state(outcome), href=_UP + run_path(run)),
        number(failures) if failures else "",
        _history(check),
    ]


def _history(check: CheckHistory) -> Html:
    """Return a mark for each result, which are told in words beside it."""
    passed = sum(outcome == "passed" for _, outcome, _ in check.results)
    marks = (tag("span", class_=f"mark {outcome}") for _, outcome, _ in check.results)
    return tag(
        "span",
        tag("span", marks, class_="marks", aria_hidden="true"),
        f" {passed} of {len(check.results)}",
        class_="history",
    )
