"""A run's record as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lakehouse import evidence
from lakehouse.catalogs import MAIN
from lakehouse.cli.output import table
from lakehouse.runs import PREFIX


def summary(record: Mapping[str, Any]) -> str:
    """What a run did, at its end."""
    nodes = [_node(node) for node in record["nodes"]]
    end = f"{record['status']} in {record['seconds']:.2f} s · run {record['run']}"
    if record["commit"]:
        end += f" · commit {record['commit']}"
    lines = [*_problems(record), "", end, *_published(record), *_held(record)]
    return "\n".join([table(nodes), *lines] if nodes else lines[1:])


def full(record: Mapping[str, Any]) -> str:
    """All that is known of a run."""
    checks = [
        {
            "check": check["table"],
            "rule": check["label"],
            "": "passed" if check["passed"] else "FAILED" if check["blocking"] else "warning",
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
        if not check["passed"]:
            level = "failed" if check["blocking"] else "warning"
            yield f"{level}: {evidence.told(check, _ref(record))}"
    for node in record["nodes"]:
        rejected = node.get("counts", {}).get("quarantined")
        if rejected:
            yield f"quarantined: {rejected} rows of {node['node']}; see `lakehouse quarantine`"
    for window, error in record["failed"].items():
        yield f"failed: {window}: {error}"
    if record["failed"]:
        yield "the same command with --resume asks for these windows again"


def _ref(record: Mapping[str, Any]) -> str:
    """Where the rows are that a run's checks looked at."""
    if record["commit"]:
        return str(record["commit"])
    return f"{PREFIX}{record['run']}" if record["status"] in ("failed", "held") else MAIN


def _published(record: Mapping[str, Any]) -> Iterator[str]:
    if record["published"]:
        marts = ", ".join(f"{name} {rows}" for name, rows in record["published"].items())
        yield f"published to Postgres: {marts}"


def _held(record: Mapping[str, Any]) -> Iterator[str]:
    if record["status"] == "held":
        branch = f"{PREFIX}{record['run']}"
        yield f"main and Postgres are as they were; the branch {branch} waits"
        yield f"  look:   lakehouse diff main..{branch}"
        yield f"  merge:  lakehouse merge {record['run']}"
        yield f"  or not: lakehouse branches --drop {branch}"
