"""Run records: what each run did, also a failed one, as one compressed JSON file per run.

A record is mostly the same words over and over: compressed it is a tenth as long, which is what
keeps the records of years smaller than the tables.
"""

from __future__ import annotations

import gzip
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse import clock, documents, storage
from lakehouse.errors import StorageError, UnknownNameError
from lakehouse.windows import Window

if TYPE_CHECKING:
    from lakehouse.audit import CheckResult

PREFIX = "run-"
"""What comes before the name of a run in the name of its branch."""
_STAMP = len("20240315T180000")
_FORMS = (".json.gz", ".json")
"""How a record is kept: now, and by earlier versions."""
_GZIP = b"\x1f\x8b"
"""How a compressed file begins."""


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
    counts: Mapping[str, int] = field(default_factory=dict)
    """Of a merge: what became of the rows that were fetched."""


@dataclass(frozen=True)
class RunReport:
    """What one run did."""

    run_id: str
    status: str
    """'done', 'nothing to do', 'held', 'incomplete' (windows could not be fetched), 'failed'."""
    message: str
    """What was asked for, as the log shows it."""
    window: Window | None
    """None: the run was about no time in particular."""
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
    branch: str | None = None
    """What is left of the run, to be looked at or to be merged."""

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {
            "run": self.run_id,
            "status": self.status,
            "message": self.message,
            "window": self.window and [self.window.start.isoformat(), self.window.end.isoformat()],
            "started_at": self.started_at.isoformat(),
            "seconds": round(self.seconds, 4),
            "commit": self.commit,
            "branch": self.branch,
            "published": self.published,
            "nodes": [{**vars(node), "seconds": round(node.seconds, 4)} for node in self.nodes],
            "checks": [vars(check) for check in self.checks],
            "failed": self.failed,
            "error": self.error,
        }


@dataclass
class Recording:
    """The record, as far as it is, of a command that moves main or Postgres without a run."""

    message: str
    started: datetime = field(default_factory=clock.now)
    nodes: list[NodeReport] = field(default_factory=list)
    commit: str | None = None
    published: dict[str, int] | None = None
    since: float = field(default_factory=time.perf_counter)
    """When the current step began."""

    def __post_init__(self) -> None:
        self.run_id, self._began = new_id(self.started), self.since

    def add(self, step: str, node: str, *, rows: int | None = None, note: str = "") -> None:
        """Note that a step is done."""
        now = time.perf_counter()
        self.nodes.append(NodeReport(node, step, rows=rows, seconds=now - self.since, note=note))
        self.since = now

    def report(self, error: BaseException | None = None) -> RunReport:
        """The record as it stands."""
        done = "done" if self.nodes else "nothing to do"
        return RunReport(
            run_id=self.run_id,
            status=done if error is None else "failed",
            message=self.message,
            window=None,
            started_at=self.started,
            seconds=time.perf_counter() - self._began,
            nodes=tuple(self.nodes),
            checks=(),
            commit=self.commit,
            published=self.published,
            error=None if error is None else str(error) or type(error).__name__,
        )


@contextmanager
def recording(warehouse: Path, message: str) -> Iterator[Recording]:
    """Record what a command does, whether it succeeds or not."""
    begun = Recording(message)
    failure: BaseException | None = None
    try:
        yield begun
    except BaseException as error:
        failure = error
        raise
    finally:
        record(warehouse, begun.report(failure))


def new_id(started: datetime) -> str:
    """A name for a run that starts now; names sort by time."""
    return f"{stamp(started)}-{secrets.token_hex(3)}"


def stamp(moment: datetime) -> str:
    """How the name of a run begins that started at a moment."""
    return f"{moment:%Y%m%dT%H%M%S}"


def started(name: str) -> datetime | None:
    """When a run began, told by its name or that of its branch; None if it is no run's."""
    try:
        began = datetime.strptime(name.removeprefix(PREFIX)[:_STAMP], "%Y%m%dT%H%M%S")  # noqa: DTZ007
    except ValueError:
        return None
    return began.replace(tzinfo=UTC)


def places(warehouse: Path) -> dict[str, Path]:
    """Where the record of each run is, by the name of the run, oldest first."""
    folder = warehouse / "runs"
    names = sorted(name for name in storage.names(folder) if name.endswith(_FORMS))
    return {name.partition(".")[0]: folder / name for name in names}


def record(warehouse: Path, report: RunReport) -> None:
    """Keep the report under `runs/`."""
    keep(warehouse, report.to_json())


def keep(warehouse: Path, document: Mapping[str, Any]) -> None:
    """Keep a record that `load` gave, with what changed in it."""
    current, *earlier = _places(warehouse, document["run"])
    storage.write(current, gzip.compress(json.dumps(document).encode()))
    for each in earlier:
        each.unlink(missing_ok=True)


def find(warehouse: Path, run: str) -> dict[str, Any]:
    """The record of a run, by its name or a part of it that no other has.

    The name of its branch will do too. Raises UnknownNameError, StorageError if it is damaged.
    """
    wanted = run.removeprefix(PREFIX)
    named = [each for each in places(warehouse) if wanted and wanted in each]
    if len(named) != 1:
        what = "is the name of several runs" if named else "is no run that left a record"
        raise UnknownNameError(f"{run!r} {what}", hint="`log` lists the runs that reached main")
    found = load(warehouse, named[0])
    if found is None:
        place = places(warehouse)[named[0]]
        raise StorageError(f"the record of the run is damaged: {place}", hint="nothing reads it")
    return found


def is_kept(warehouse: Path, run_id: str) -> bool:
    """Whether a run left a record, damaged or not: it ended by itself."""
    return any(each.exists() for each in _places(warehouse, run_id))


def load(warehouse: Path, run_id: str) -> dict[str, Any] | None:
    """The record of a run, if it left one that is still there and not damaged."""
    found = (documents.read(each, read) for each in _places(warehouse, run_id))
    return next((each for each in found if each is not None), None)


def read(raw: bytes) -> dict[str, Any]:
    """The record that a file holds. Raises an error of any kind if it is damaged."""
    document: dict[str, Any] = json.loads(decompressed(raw))
    _ = document["run"], document["status"], [node["step"] for node in document["nodes"]]
    return document


def decompressed(raw: bytes) -> bytes:
    """The text of a record. Raises an error if it is cut, or is no JSON though not compressed."""
    if raw[:2] == _GZIP:
        return gzip.decompress(raw)
    json.loads(raw)
    return raw


def _places(warehouse: Path, run_id: str) -> list[Path]:
    return [warehouse / "runs" / f"{run_id}{form}" for form in _FORMS]
