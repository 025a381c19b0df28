"""`log` and `show`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import lakehouse
from lakehouse.catalogs import Commit
from lakehouse.cli.options import AT_MOST
from lakehouse.cli.output import Output, format_option, table
from lakehouse.session import Session

_USUALLY = 20
"""Commits that are listed unless a limit is given."""
_SHORT = 16
"""Characters of a commit's id that are shown; commands accept them as its name."""


@click.command()
@click.option(
    "-n",
    "--limit",
    type=AT_MOST,
    default=_USUALLY,
    show_default=True,
    help="At most this many commits.",
)
@format_option
def log(*, limit: int, style: str) -> None:
    """List the commits of main, newest first: who, when, which run, and what it changed."""
    lake = lakehouse.open()
    commits = lake.log(limit)
    entries = [_entry(lake.settings.warehouse, commit) for commit in commits]
    counts = ["new", "changed", "built"]
    counts += ["unread"] if any(entry["unread"] for entry in entries) else []
    rows = [
        {
            **{name: entry[name] for name in ("commit", "when", "who", "run", "message")},
            "commit": entry["commit"][:_SHORT],
            "when": f"{entry['when']:%Y-%m-%d %H:%M:%S}",
            "tables": len(entry["tables"]),
            **{name: entry[name] for name in counts},
        }
        for entry in entries
    ]
    hint = f"\nolder ones: `log --limit {10 * limit}`" if len(commits) == limit else ""
    Output(style).result(entries, table(rows) + hint if rows else "no commits yet")


def _entry(warehouse: Path, commit: Commit) -> dict[str, Any]:
    """Return a commit with the numbers of rows that its run fetched and built, and unread keys."""
    from lakehouse.records import run_records

    record = run_records.load(warehouse, commit.run_id)
    nodes = record["nodes"] if record else ()
    merged = [node.get("counts", {}) for node in nodes if node["step"] == "merge"]
    built = [node["rows"] or 0 for node in nodes if node["step"] == "model"]
    return {
        "commit": commit.id,
        "when": commit.committed_at,
        "who": commit.author,
        "run": commit.run_id,
        "message": commit.message,
        "tables": commit.tables,
        "new": sum(counts.get("new", 0) for counts in merged) if record else None,
        "changed": sum(counts.get("changed", 0) for counts in merged) if record else None,
        "built": sum(built) if record else None,
        "unread": len(record.get("unread", ())) if record else None,
    }


@click.command()
@click.argument("run")
@format_option
def show(*, run: str, style: str) -> None:
    """Show the record of a RUN, also of one that failed.

    RUN is the name of a run, a part of it that no other name has, or its commit.
    """
    from lakehouse.cli.report import full
    from lakehouse.records import run_records

    session = Session()
    record = run_records.find(session.settings.warehouse, _run_of(session, run))
    Output(style).result(record, full(record))


def _run_of(session: Session, name: str) -> str:
    """Return the run that made a commit; any other name is taken for the name of a run."""
    from lakehouse.errors import UnknownNameError

    try:
        return session.catalog.commit(name).run_id
    except UnknownNameError:
        return name
