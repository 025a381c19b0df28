"""The context of one attempt of a run: its branch, its tables as they change, and its report."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from lakehouse.branches import run_branches
from lakehouse.catalogs import Commit, DataFile, StoredTable
from lakehouse.checks.result import CheckResult
from lakehouse.compile.dag import Step
from lakehouse.declare.specs import IngestionSpec
from lakehouse.engines import Question
from lakehouse.ingest.folder import Folder
from lakehouse.ingest.journal import Journal, unfinished
from lakehouse.records.listener import Listener
from lakehouse.records.run_records import NodeReport, RunStatus, UnreadReport
from lakehouse.run.request import Request
from lakehouse.session import Session
from lakehouse.system import clock
from lakehouse.system.tasks import Tasks
from lakehouse.windows import Window, Windows

_AT_ONCE = 2
"""Tables built at a time: while one is committed, the next is computed."""


@dataclass(frozen=True)
class Outcome:
    """Result of building a model, or of asking the checks of a table."""

    reports: Sequence[NodeReport] = ()
    checks: list[CheckResult] = field(default_factory=list)


Started: TypeAlias = tuple[Future[Outcome], ...]
"""Builds that a node has started, and that must end before the node's table can be read."""


def started(parents: Mapping[str, Any]) -> Started:
    """Return the builds that the parents of a node have started; ingestions start none."""
    return tuple(future for futures in parents.values() for future in futures or ())


@dataclass
class RunContext:
    """State of one attempt of a run; each step reads it and adds to it."""

    session: Session
    request: Request
    run_id: str
    started: datetime
    listener: Listener
    resources: ExitStack
    nodes: list[NodeReport] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    changed: dict[str, Windows] = field(default_factory=dict)
    """Windows that this run changed, by bare table name."""
    uncounted: list[tuple[NodeReport, Question]] = field(default_factory=list)
    """Reports of builds whose new rows are still to be counted, by these questions."""
    written: bool = False
    """Whether the run wrote anything to the branch."""
    held: bool = False
    """Whether the branch passed its checks and waits for a review."""
    commit: Commit | None = None
    published: dict[str, int] | None = None
    failed: dict[Window, str] = field(default_factory=dict)
    """Errors by window, for windows that could not be fetched."""
    unread: list[UnreadReport] = field(default_factory=list)
    """Keys that could not be read."""
    listed: dict[str, Future[list[DataFile]]] = field(default_factory=dict)
    """Files of each raw table, by ingestion: listed while pages are staged, for the first merge."""
    folders: dict[str, Folder] = field(default_factory=dict)
    """The files that ingestions of folders read, by ingestion."""
    since: float = 0.0
    """Start of the current node, by `time.perf_counter`."""

    def __post_init__(self) -> None:
        self.now = clock.steady()
        self.tasks: Tasks[Outcome] = Tasks(_AT_ONCE)
        self.resources.callback(self.tasks.close, self.session.engine.interrupt)
        self.branch = run_branches.branch_of(self.run_id)
        self.session.catalog.create_branch(self.branch)
        self.tables: dict[str, StoredTable] = self.session.catalog.tables(self.branch)
        self.journal = _journal(self.session, self.request, self.run_id)
        self.swept = self.tasks.start((), self._sweep)  # while the source is read

    def begin(self, node: str) -> None:
        """Tell the listener which node begins, and note the time."""
        self.listener.progress(node)
        if self.swept.done():
            self.swept.result()
        self.since = time.perf_counter()

    def report(
        self,
        step: Step,
        node: str,
        *,
        rows: int | None = None,
        note: str = "",
        seconds: float | None = None,
        other: float = 0.0,
    ) -> None:
        """Add a node to the report; `other` are seconds that belong to another node."""
        spent = time.perf_counter() - self.since - other if seconds is None else seconds
        self.nodes.append(NodeReport(node, step, rows=rows, seconds=spent, note=note))

    def finish(self) -> None:
        """Wait for all builds and checks, and report their results in the DAG's order."""
        for outcome in self.tasks.results():
            self.nodes += outcome.reports
            self.checks += outcome.checks

    def keep(self, stored: StoredTable) -> None:
        """Note the new state of a table that was written on the branch.

        Raises the error of an engine whose main is not ours: the branch is then of no use.
        """
        self.swept.result()
        self.tables[stored.name] = stored
        self.written = True
        self.session.expect_publication()

    def _sweep(self) -> Outcome:
        """Let the engine drop what dead processes left. Raises an error if its main is not ours."""
        catalog = self.session.catalog
        self.session.engine.sweep(lambda: [branch.name for branch in catalog.branches()])
        return Outcome()

    def files(self, spec: IngestionSpec) -> list[DataFile]:
        """Return the files of a raw table as it is on the branch."""
        if spec.table not in self.tables:
            return []
        return self.session.catalog.files(self.branch, spec.table, spec.time_column)

    def ingestion(self, node: str) -> IngestionSpec:
        """Return the ingestion that a node such as `entries__validate` belongs to."""
        return self.session.project.ingestions[owner(node)]

    def status(self, failure: BaseException | None) -> RunStatus:
        """Return how the run ended; `failure` is the error that ended it, if any."""
        if failure is not None:
            return RunStatus.FAILED
        if self.failed or self.unread:
            return RunStatus.INCOMPLETE
        if self.held:
            return RunStatus.HELD
        if self.commit or self.published:
            return RunStatus.DONE
        return RunStatus.NOTHING_TO_DO


def owner(node: str) -> str:
    """Return the ingestion or group that a node such as `entries__fetch` belongs to."""
    return node.rpartition("__")[0] or node


def _journal(session: Session, request: Request, run_id: str) -> Journal:
    """Return the journal of this run, or of the unfinished run that it resumes."""
    staging, name = session.settings.warehouse / "staging", request.name
    if request.resume:
        for path in unfinished(staging, name):
            if run_branches.is_free(session.settings, run_branches.branch_of(path.parent.name)):
                return Journal(path, name)
    return Journal(staging / run_id / "journal.jsonl", name)
