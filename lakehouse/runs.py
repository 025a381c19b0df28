"""Run records: what each run did, also a failed one, as one JSON file per run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from lakehouse.audit import CheckResult
from lakehouse.windows import Window


@dataclass
class NodeReport:
    """What one node did."""

    node: str
    step: str
    reason: str = ""
    windows: str = ""
    rows: int | None = None
    seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class RunReport:
    """What one run did."""

    run_id: str
    status: str
    """'done', 'nothing to do', 'incomplete' (windows could not be fetched) or 'failed'."""
    window: Window
    started_at: datetime
    seconds: float
    nodes: tuple[NodeReport, ...]
    checks: tuple[CheckResult, ...]
    commit: str | None
    published: dict[str, int] | None
    """Rows moved by mart; None if Postgres was up to date already."""
    failed: dict[str, str] = field(default_factory=dict)
    """The windows that could not be fetched, with the error of each."""
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {
            "run": self.run_id,
            "status": self.status,
            "window": [self.window.start.isoformat(), self.window.end.isoformat()],
            "started_at": self.started_at.isoformat(),
            "seconds": round(self.seconds, 4),
            "commit": self.commit,
            "published": self.published,
            "nodes": [{**vars(node), "seconds": round(node.seconds, 4)} for node in self.nodes],
            "checks": [vars(check) | {"passed": check.passed} for check in self.checks],
            "failed": self.failed,
            "error": self.error,
        }


def path(warehouse: Path, run_id: str) -> Path:
    """Where the record of a run is kept."""
    return warehouse / "runs" / f"{run_id}.json"


def record(warehouse: Path, report: RunReport) -> None:
    """Keep the report under `runs/`, readable by its owner alone; it is whole or not there."""
    place = path(warehouse, report.run_id)
    place.parent.mkdir(parents=True, exist_ok=True)
    writing = place.with_suffix(".writing")
    writing.touch(mode=0o600)
    writing.write_text(json.dumps(report.to_json(), indent=1) + "\n", encoding="utf-8")
    writing.replace(place)
