"""Texts that show the record of a run to people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lakehouse.catalogs import MAIN
from lakehouse.checks import sample_rows
from lakehouse.checks.result import CheckOutcome
from lakehouse.cli.output import table
from lakehouse.records.run_records import PREFIX, RunStatus, unread_in_words


def summary(record: Mapping[str, Any]) -> str:
    """Return the text that a run prints at its end."""
    nodes = [_node(node) for node in record["nodes"]]
    end = f"{record['status']} in {record['seconds']:.2f} s · run {record['run']}"
    if record["commit"]:
        end += f" · commit {record['commit']}"
    lines = [*_problems(record), "", end, *_published(record), *_held(record)]
    return "\n".join([table(nodes), *lines] if nodes else lines[1:])


def full(record: Mapping[str, Any]) -> str:
    """Return the text of the whole record of a run."""
    checks = [
        {
            "check": check["table"],
            "rule": check["label"],
            "": CheckOutcome.of(check).shown,
            "rows": check["failures"],
        }
        for check in record["checks"]
    ]
    window = record["window"]
    facts = {
        "run": record["run"],
        "status": record["status"],
        "asked for": record.get("message", ""),
        "window": f"[{window[0]}, {window[1]})" if window else "",
        "started": record["started_at"],
        "seconds": f"{record['seconds']:.2f}",
        "commit": record["commit"] or "",
        "error": record["error"] or "",
    }
    wide = max(map(len, facts))
    lines = [f"{name:<{wide}}  {value}" for name, value in facts.items() if value]
    lines += ["", table([_node(node) for node in record["nodes"]])]
    lines += ["", table(checks)] if checks else []
    return "\n".join([*lines, *_problems(record), *_published(record), *_held(record)])


def _node(node: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "node": node["node"],
        "why": node["reason"],
        "rows": node["rows"],
        "seconds": f"{node['seconds']:.2f}",
        "": node["note"] or node["windows"],
    }


def _problems(record: Mapping[str, Any]) -> Iterator[str]:
    for check in record["checks"]:
        outcome = CheckOutcome.of(check)
        if outcome is not CheckOutcome.PASSED:
            yield f"{outcome}: {sample_rows.message(check, _ref(record))}"
    for node in record["nodes"]:
        rejected = node.get("counts", {}).get("quarantined")
        if rejected:
            yield f"quarantined: {rejected} rows of {node['node']}; see `lakehouse quarantine`"
    for window, error in record["failed"].items():
        yield f"failed: {window}: {error}"
    if record["failed"]:
        yield "the same command with --resume asks for these windows again"
    yield from _unread(record)


def _unread(record: Mapping[str, Any]) -> Iterator[str]:
    # Records of earlier versions lack it.
    for unread in record.get("unread", ()):
        hint = f"\n  → {unread['hint']}" if unread["hint"] else ""
        what = unread_in_words(unread)
        yield f"unread: {what} of {unread['windows']}: {unread['message']}{hint}"
    if record.get("unread"):
        yield "a later run reads these again; `backfill --missing` asks for them now"


def _ref(record: Mapping[str, Any]) -> str:
    """Return the ref that has the rows that a run's checks looked at."""
    if record["commit"]:
        return str(record["commit"])
    is_on_branch = record["status"] in (RunStatus.FAILED, RunStatus.HELD)
    return f"{PREFIX}{record['run']}" if is_on_branch else MAIN


def _published(record: Mapping[str, Any]) -> Iterator[str]:
    if record["published"]:
        marts = ", ".join(f"{name} {rows}" for name, rows in record["published"].items())
        yield f"published to Postgres: {marts}"


def _held(record: Mapping[str, Any]) -> Iterator[str]:
    if record["status"] == RunStatus.HELD:
        branch = f"{PREFIX}{record['run']}"
        yield f"main and Postgres are as they were; the branch {branch} waits"
        yield f"  look:   lakehouse diff main..{branch}"
        yield f"  merge:  lakehouse merge {record['run']}"
        yield f"  or not: lakehouse branches --drop {branch}"
