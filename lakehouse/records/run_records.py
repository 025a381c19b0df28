"""Run records: one compressed JSON file per run, also of a failed one, that says what it did.

A record repeats the same words: compressed it is a tenth as long, which keeps the records of years
smaller than the tables.
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
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse import small_files, storage
from lakehouse.addresses.discretion import recorded
from lakehouse.errors import StorageError, UnknownNameError
from lakehouse.system import clock
from lakehouse.windows import Window

if TYPE_CHECKING:
    from lakehouse.checks.result import CheckResult

PREFIX = "run-"
"""Prefix that makes the name of a run the name of its branch."""
_STAMP = len("20240315T180000")
"""Characters at the start of a run's name that say when it started."""
_FORMS = (".json.gz", ".json")
"""Endings of the names of records: those of this version, and of earlier ones."""
_GZIP = b"\x1f\x8b"
"""First bytes of a compressed file."""


class RunStatus(StrEnum):
    """How a run ended, as its record says it."""

    DONE = "done"
    NOTHING_TO_DO = "nothing to do"
    """Nothing was new: main and Postgres are as they were."""
    HELD = "held"
    """Its branch passed the checks, and waits for `merge`."""
    INCOMPLETE = "incomplete"
    """Some windows or keys could not be fetched; the others reached main."""
    FAILED = "failed"


@dataclass
class NodeReport:
    """Report of one node of a run."""

    node: str
    step: str
    reason: str = ""
    windows: str = ""
    rows: int | None = None
    seconds: float = 0.0
    note: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    """For a merge: the fetched rows by what became of them, such as new, changed, quarantined."""


@dataclass(frozen=True)
class UnreadReport:
    """Report of a key whose rows a source could not read, while those of others went on."""

    table: str
    key: Mapping[str, str | int | None]
    """Values by column, such as a site."""
    windows: str
    message: str
    hint: str

    @property
    def summary(self) -> str:
        """What could not be read, as text."""
        return unread_in_words(vars(self))


@dataclass(frozen=True)
class RunReport:
    """Report of one run: how it ended, and what each node and check did."""

    run_id: str
    status: RunStatus
    message: str
    """The request, in the words that the log shows."""
    window: Window | None
    """The time that the run was about; None if it was about none in particular."""
    started_at: datetime
    seconds: float
    nodes: tuple[NodeReport, ...]
    checks: tuple[CheckResult, ...]
    commit: str | None
    published: dict[str, int] | None
    """Rows that moved, by mart; None if Postgres was up to date already."""
    failed: dict[str, str] = field(default_factory=dict)
    """Errors by window, for windows that could not be fetched."""
    unread: tuple[UnreadReport, ...] = ()
    """Keys that could not be read; their windows are fetched again later."""
    error: str | None = None
    branch: str | None = None
    """The branch that the run kept, to be looked at or merged; None if it was dropped."""

    @property
    def is_whole(self) -> bool:
        """Whether all windows were fetched for every key."""
        return not self.failed and not self.unread

    @property
    def has_findings(self) -> bool:
        """Whether a window or a key could not be fetched, or a check found what must be told."""
        return not self.is_whole or any(check.is_found for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Return the report as a JSON object."""
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
            "unread": [vars(unread) for unread in self.unread],
            "error": self.error,
        }


def unread_in_words(unread: Mapping[str, Any]) -> str:
    """Return what the record of a run says could not be read, without the reason."""
    key = ", ".join(f"{column} {value}" for column, value in unread["key"].items())
    return f"{unread['table']} {key} could not be read"


@dataclass
class RunRecorder:
    """Record in the making, of a command that moves main or Postgres without a run."""

    message: str
    started: datetime = field(default_factory=clock.now)
    nodes: list[NodeReport] = field(default_factory=list)
    commit: str | None = None
    published: dict[str, int] | None = None
    since: float = field(default_factory=time.perf_counter)
    """Start of the current step, by `time.perf_counter`."""

    def __post_init__(self) -> None:
        self.run_id, self._began = new_id(self.started), self.since

    def add(self, step: str, node: str, *, rows: int | None = None, note: str = "") -> None:
        """Add a step that is done; its time is that since the step before."""
        now = time.perf_counter()
        self.nodes.append(NodeReport(node, step, rows=rows, seconds=now - self.since, note=note))
        self.since = now

    def report(self, error: BaseException | None = None) -> RunReport:
        """Return the report of the steps so far, and of the error that ended them, if any."""
        success = RunStatus.DONE if self.nodes else RunStatus.NOTHING_TO_DO
        return RunReport(
            run_id=self.run_id,
            status=success if error is None else RunStatus.FAILED,
            message=self.message,
            window=None,
            started_at=self.started,
            seconds=time.perf_counter() - self._began,
            nodes=tuple(self.nodes),
            checks=(),
            commit=self.commit,
            published=self.published,
            error=None if error is None else recorded(error),
        )


@contextmanager
def recording(warehouse: Path, message: str) -> Iterator[RunRecorder]:
    """Yield a record to add steps to, and write it at the end, also if the command fails."""
    unfinished = RunRecorder(message)
    failure: BaseException | None = None
    try:
        yield unfinished
    except BaseException as error:
        failure = error
        raise
    finally:
        record(warehouse, unfinished.report(failure))


def new_id(started: datetime) -> str:
    """Return a name for a run that starts at this moment; names sort by time.

    Also those of one second: its fraction, in 65,536ths, comes before two digits by chance.
    """
    fraction = started.microsecond * 0x10000 // 1_000_000
    return f"{stamp(started)}-{fraction:04x}{secrets.token_hex(1)}"


def stamp(moment: datetime) -> str:
    """Return the beginning of the names of runs that started at a moment."""
    return f"{moment:%Y%m%dT%H%M%S}"


def started(name: str) -> datetime | None:
    """Return when a run began, from its name or its branch's; None for a name of another form."""
    try:
        began = datetime.strptime(name.removeprefix(PREFIX)[:_STAMP], "%Y%m%dT%H%M%S")  # noqa: DTZ007
    except ValueError:
        return None
    return began.replace(tzinfo=UTC)


def places(warehouse: Path) -> dict[str, Path]:
    """Return the path of each record by the name of its run, oldest first."""
    folder = warehouse / "runs"
    names = sorted(name for name in storage.names(folder) if name.endswith(_FORMS))
    return {name.partition(".")[0]: folder / name for name in names}


def record(warehouse: Path, report: RunReport) -> None:
    """Write the report to a file under `runs/`."""
    keep(warehouse, report.to_json())


def keep(warehouse: Path, document: Mapping[str, Any]) -> None:
    """Write a changed record back, in the form of this version."""
    current, *earlier = _places(warehouse, document["run"])
    storage.write(current, gzip.compress(json.dumps(document).encode()))
    for place in earlier:
        place.unlink(missing_ok=True)


def find(warehouse: Path, run: str) -> dict[str, Any]:
    """Return the record of a run, by the run's name, its branch's, or a unique part of the name.

    Raises UnknownNameError, and StorageError if the record is damaged.
    """
    wanted = run.removeprefix(PREFIX)
    named = [name for name in places(warehouse) if wanted and wanted in name]
    if len(named) != 1:
        what = "is the name of several runs" if named else "is no run that left a record"
        raise UnknownNameError(f"{run!r} {what}", hint="`log` lists the runs that reached main")
    document = load(warehouse, named[0])
    if document is None:
        place = places(warehouse)[named[0]]
        raise StorageError(f"the record of the run is damaged: {place}", hint="nothing reads it")
    return document


def is_kept(warehouse: Path, run_id: str) -> bool:
    """Return whether a run has a record, damaged or not; a run that was killed has none."""
    return any(place.exists() for place in _places(warehouse, run_id))


def load(warehouse: Path, run_id: str) -> dict[str, Any] | None:
    """Return the record of a run; None if it has none, or a damaged one."""
    records = (small_files.read(place, read) for place in _places(warehouse, run_id))
    return next((record for record in records if record is not None), None)


def read(raw: bytes) -> dict[str, Any]:
    """Return the record that a file holds. Raises an error of any kind if it is damaged."""
    document: dict[str, Any] = json.loads(decompressed(raw))
    _ = document["run"], document["status"], [node["step"] for node in document["nodes"]]
    return document


def decompressed(raw: bytes) -> bytes:
    """Return the JSON of a record, uncompressed. Raises an error for a cut or foreign file."""
    if raw[:2] == _GZIP:
        return gzip.decompress(raw)
    json.loads(raw)
    return raw


def _places(warehouse: Path, run_id: str) -> list[Path]:
    return [warehouse / "runs" / f"{run_id}{form}" for form in _FORMS]
