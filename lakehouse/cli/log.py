"""`log` and `show`."""

from __future__ import annotations

from typing import Any

import click

from lakehouse.catalogs import Commit
from lakehouse.cli.options import AT_MOST
from lakehouse.cli.output import Output, format_option, table
from lakehouse.session import Session

_USUALLY = 20
_SHORT = 16
"""Characters of a commit's id that are shown; they name it as well."""


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
    session = Session()
    found = session.catalog.log(limit)
    entries = [_entry(session, commit) for commit in found]
    rows = [
        {
            **{name: entry[name] for name in ("commit", "when", "who", "run", "message")},
            "commit": entry["commit"][:_SHORT],
            "when": f"{entry['when']:%Y-%m-%d %H:%M:%S}",
            "tables": len(entry["tables"]),
            **{name: entry[name] for name in ("new", "changed", "built")},
        }
        for entry in entries
    ]
    more = f"\nolder ones: `log --limit {10 * limit}`" if len(found) == limit else ""
    Output(style).result(entries, table(rows) + more if rows else "no commits yet")


def _entry(session: Session, commit: Commit) -> dict[str, Any]:
    """A commit, and what its run fetched and built."""
    from lakehouse import runs

    record = runs.load(session.settings.warehouse, commit.run_id)
    nodes = record["nodes"] if record else ()
    landed = [node.get("counts", {}) for node in nodes if node["step"] == "merge"]
    built = [node["rows"] or 0 for node in nodes if node["step"] == "model"]
    return {
        "commit": commit.id,
        "when": commit.committed_at,
        "who": commit.author,
        "run": commit.run_id,
        "message": commit.message,
        "tables": commit.tables,
        "new": sum(counts.get("new", 0) for counts in landed) if record else None,
        "changed": sum(counts.get("changed", 0) for counts in landed) if record else None,
        "built": sum(built) if record else None,
    }


@click.command()
@click.argument("run")
@format_option
def show(*, run: str, style: str) -> None:
    """Show all that is known of a RUN, also of one that failed.

    RUN is its name, a part of it that no other run has, or its commit.
    """
    from lakehouse import runs
    from lakehouse.cli.report import full

    session = Session()
    record = runs.find(session.settings.warehouse, _run_of(session, run))
    Output(style).result(record, full(record))


def _run_of(session: Session, name: str) -> str:
    """The run that made a commit; what is no commit is the name of a run itself."""
    from lakehouse.errors import UnknownNameError

    try:
        return session.catalog.commit(name).run_id
    except UnknownNameError:
        return name
