"""The running reading of the DAG: what each kind of node does, on the branch of one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from lakehouse import branches, code, dag, evidence, materialize, plan, release
from lakehouse.audit import Audit, CheckResult
from lakehouse.catalogs import Commit, DataFile, StoredTable
from lakehouse.dag import Step
from lakehouse.declare import IngestionSpec
from lakehouse.errors import CheckFailedError
from lakehouse.ingest.drift import news
from lakehouse.ingest.fetch import Done, Fetch, Fetched, fetch_all
from lakehouse.ingest.journal import Journal, unfinished
from lakehouse.ingest.merge import Landing, Merge
from lakehouse.ingest.quarantine import (
    Quarantine,
    judged_again,
    quarantine_table,
    too_many,
)
from lakehouse.ingest.validate import Validated, validate
from lakehouse.plan import Decision, Reason
from lakehouse.request import Listener, Request
from lakehouse.runs import NodeReport
from lakehouse.session import Session
from lakehouse.tasks import Tasks
from lakehouse.windows import ALL_TIME, Window, Windows

_AT_ONCE = 2
"""Tables that are built at the same time: while one is committed, the next is computed."""


@dataclass(frozen=True)
class Outcome:
    """What became of a model or of a function's checks."""

    report: NodeReport | None = None
    checks: list[CheckResult] = field(default_factory=list)


@dataclass
class Running:
    """What one attempt of a run knows, and how it does each step."""

    session: Session
    request: Request
    run_id: str
    started: datetime
    listener: Listener
    resources: ExitStack
    nodes: list[NodeReport] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    changed: dict[str, Windows] = field(default_factory=dict)
    """The windows of each stored table that this run touched, by bare name."""
    written: bool = False
    held: bool = False
    """Whether the branch passed its checks and waits for a review."""
    commit: Commit | None = None
    published: dict[str, int] | None = None
    failed: dict[Window, str] = field(default_factory=dict)
    """The windows that could not be fetched, with the error."""
    listed: dict[str, Future[list[DataFile]]] = field(default_factory=dict)
    """The files of each raw table, by ingestion, as they were before anything was merged."""
    since: float = 0.0
    """When the current node began."""

    def __post_init__(self) -> None:
        self.tasks: Tasks[Outcome] = Tasks(_AT_ONCE)
        self.resources.callback(self.tasks.close, self.session.engine.interrupt)
        self.branch = branches.branch_of(self.run_id)
        self.session.catalog.create_branch(self.branch)
        self.tables: dict[str, StoredTable] = self.session.catalog.tables(self.branch)
        self.journal = self._journal()

    def node(
        self, step: Step, name: str, function: Callable[..., Any], parents: Mapping[str, Any]
    ) -> Any:
        self.listener.progress(name)
        self.since = time.perf_counter()
        return getattr(self, f"_{step.value}")(name, function, parents)

    def status(self, failure: BaseException | None) -> str:
        if failure is not None:
            return "failed"
        if self.failed:
            return "incomplete"
        if self.held:
            return "held"
        return "done" if self.commit or self.published else "nothing to do"

    def _resource(self, name: str, function: Callable[..., Any], parents: Mapping[str, Any]) -> Any:
        specs = self.session.project.ingestions.values()
        if self.request.retry or not any(
            name in spec.inputs and spec.name in self.request.selected for spec in specs
        ):
            return None
        value = function(**parents)
        if hasattr(value, "close"):
            self.resources.enter_context(closing(value))
        return value

    def _fetch(self, name: str, function: Callable[..., Any], parents: Mapping[str, Any]) -> Any:
        spec = self._ingestion(name)
        if spec.name not in self.request.selected:
            return None
        if self.request.retry:
            return self._refetch(spec)
        stored = self.tables.get(spec.table)
        state = stored.state if stored else None
        wanted = plan.fetch_windows(spec, self.request.windows, state)
        if not wanted:
            self.listener.warning(f"{spec.table}: that time is archived, and not fetched again")
            return None
        return Fetch(spec, function, parents, wanted)

    def _refetch(self, spec: IngestionSpec) -> Fetch | None:
        """Take what is in quarantine for what the source says."""
        table = quarantine_table(spec)
        if table not in self.tables:
            return None
        files = self.session.catalog.files(self.branch, table)
        rows = judged_again(self.session.duckdb, spec, files)
        return Fetch(spec, lambda **_: iter([rows]), {}, (ALL_TIME,))

    def _stage(self, name: str, _: Callable[..., Any], parents: Mapping[str, Any]) -> Any:
        fetches = {_owner(node): fetch for node, fetch in parents.items() if fetch is not None}
        if not fetches:
            return {}
        # Another process stages pages: meanwhile this one looks up what they will be merged with.
        with ThreadPoolExecutor(1) as beside:
            self.listed |= {
                each: beside.submit(self._files, fetch.spec) for each, fetch in fetches.items()
            }
            fetched = fetch_all(
                fetches,
                group=_owner(name),
                folder=self.journal.path.parent,
                journal=self.journal,
                workers=self.request.workers,
                staging=self.session.staging,
                told=self._tell,
            )
        # The sources are read while their pages are staged: each gets the time it took.
        for each, found in fetched.items():
            note = f"{len(found.failed)} windows failed" if found.failed else ""
            seconds = found.seconds
            self._report(Step.FETCH, f"{each}.fetch", rows=found.rows, seconds=seconds, note=note)
            self.failed |= found.failed
        fetching = sum(found.seconds for found in fetched.values())
        rows = sum(found.rows for found in fetched.values())
        self._report(Step.STAGE, f"{_owner(name)}.stage", rows=rows, other=fetching)
        return fetched

    def _validate(self, name: str, _: Callable[..., Any], parents: Mapping[str, Any]) -> Any:
        # A fetch may be more than fits into memory: it is validated as it is merged.
        return next(iter(parents.values())).get(self._ingestion(name).name)

    def _merge(self, name: str, _: Callable[..., Any], parents: Mapping[str, Any]) -> Any:
        fetched: Fetched | None = next(iter(parents.values()))
        if fetched is None:
            return None
        spec = self._ingestion(name)
        before = self.tables.get(spec.table)
        judgement = self.session.compiled.judgements[spec.name]
        validating, total = 0.0, Landing()
        batches = fetched.batches(self.journal.path.parent)
        is_all = spec.time_column is None and len(batches) == 1 and not self.request.retry
        for paths in batches:
            since = time.perf_counter()
            validated = validate(self.session.duckdb, spec, judgement, paths)
            validating += time.perf_counter() - since
            total += self._land(spec, validated, fetched, is_all=is_all)
        after = self.tables.get(spec.table)
        drift = news(spec, before, after)
        if drift:
            self.listener.warning(f"{spec.table}: {drift}")
        if after is not None and (before is None or after.state.version != before.state.version):
            self.changed[name] = after.state.changes[-1].windows
        rows, note = total.new + total.changed, "; ".join(filter(None, (str(total), drift)))
        self._report(Step.VALIDATE, f"{spec.name}.validate", rows=fetched.rows, seconds=validating)
        self._report(Step.MERGE, spec.table, rows=rows, note=note, other=validating)
        self.nodes[-1].counts = total.counts
        if not self.request.retry:
            self.checks += too_many(self.session.duckdb, spec, total)
        return None

    def _land(
        self,
        spec: IngestionSpec,
        validated: Validated,
        fetched: Fetched,
        *,
        is_all: bool,
    ) -> Landing:
        """Merge what was validated into the raw table and its quarantine."""
        duckdb, catalog = self.session.duckdb, self.session.catalog
        target = (duckdb, catalog, self.branch, spec, self.run_id, self.started)
        by_time = spec.time_column is not None and not self.request.retry
        covered = fetched.covered(self.started) if by_time else ()
        key = plan.key_columns(self.session.project, spec)
        stored = self.tables.get(spec.table)
        listed = self.listed.pop(spec.name, None)
        files = listed.result() if listed else self._files(spec)
        landing, after = Merge(*target).land(validated, stored, files, covered, key, is_all=is_all)
        quarantined = self.tables.get(quarantine_table(spec))
        rejected = Quarantine(*target).update(validated.table, landing.quarantined, quarantined)
        for written in filter(None, (after, rejected)):
            self._keep(written)
        if after is not None:
            made_of = code.parts(self.session.compiled, spec.name)
            code.keep(self.session.settings.warehouse, after.state.fingerprint, made_of)
        return landing

    def _files(self, spec: IngestionSpec) -> list[DataFile]:
        """The files of a raw table as it stands."""
        if spec.table not in self.tables:
            return []
        return self.session.catalog.files(self.branch, spec.table, spec.time_column)

    def _model(self, name: str, *_: Any) -> Any:
        needs = plan.stored_parents(self.session.project, name)
        self.tasks.start(name, needs, lambda: self._build(name))

    def _build(self, name: str) -> Outcome:
        """Bring one model up to date."""
        since = time.perf_counter()
        session, compiled = self.session, self.session.compiled
        model = compiled.models[name]
        decision = self._decide(name)
        if not decision.windows:
            if decision.reason is Reason.VIEW:
                view = materialize.source(compiled, name, self.tables)
                written = session.engine.define(
                    session.catalog, self.branch, model.spec.table, view
                )
                self.written |= written
                return Outcome()
            return Outcome(NodeReport(model.spec.table, Step.MODEL, decision.reason))
        build = materialize.build(compiled, model, decision.dirty, self.tables, self.run_id)
        stored, rows = session.engine.build(session.catalog, self.branch, build)
        code.keep(session.settings.warehouse, model.fingerprint, code.parts(compiled, name))
        self._keep(stored)
        self.changed[name] = decision.windows
        return Outcome(
            NodeReport(
                model.spec.table,
                Step.MODEL,
                decision.reason,
                windows=str(decision.dirty),
                rows=rows,
                seconds=time.perf_counter() - since,
            )
        )

    def _decide(self, name: str) -> Decision:
        compiled = self.session.compiled
        model = compiled.models[name]
        if name not in self.request.selected:
            return Decision(Reason.NOT_SELECTED)
        stored = self.tables.get(model.spec.table)
        parents = {
            each: self.tables[table].state
            for each in plan.stored_parents(compiled.project, name)
            if (table := compiled.project.tables[each].table) in self.tables
        }
        own = stored.state if stored else None
        return plan.decide(compiled, model, own, parents, force=self.request.full_refresh)

    def _check(self, *_: Any) -> Any:
        """All checks of a table are asked at once, when every model has been started."""

    def _start_checks(self) -> None:
        project = self.session.project
        for name in project.tables:
            inputs = {each for spec in project.checks_of(name) for each in spec.inputs}
            if inputs:
                needs = [each for own in inputs for each in plan.stored_with(project, own)]
                self.tasks.start(f"{name} checks", needs, partial(self._examine, name))

    def _examine(self, name: str) -> Outcome:
        """Ask the checks of a table."""
        since = time.perf_counter()
        results = self._audit().of(name)
        if not results:
            return Outcome()
        failed = sum(not result.passed for result in results)
        note = f"{failed} of {len(results)} failed" if failed else f"{len(results)} passed"
        node = f"{self.session.project.tables[name].table}.checks"
        seconds = time.perf_counter() - since
        return Outcome(NodeReport(node, Step.CHECK, seconds=seconds, note=note), results)

    def _audit(self) -> Audit:
        session = self.session
        return Audit(
            session.engine,
            session.compiled,
            dict(self.tables),
            dict(self.changed),
            None if self.request.retry else self.request.hull.end,
        )

    def _commit(self, *_: Any) -> Any:
        self._start_checks()
        for outcome in self.tasks.results():
            self.nodes += [outcome.report] if outcome.report else []
            self.checks += outcome.checks
        self.since = time.perf_counter()
        self._require_good()
        if self.written and self.request.hold:
            self.held = True
        elif self.written:
            self.session.moving.append(self.run_id)
            self.commit = self.session.catalog.merge(
                self.branch, run_id=self.run_id, message=self.request.message
            )
            self._report(Step.COMMIT, dag.COMMIT, note=f"commit {self.commit.id}")

    def _require_good(self) -> None:
        failed = [check for check in self.checks if check.blocking and not check.passed]
        for check in failed:
            self.listener.warning(f"failed: {check.told(self.branch)}")
        if failed:
            first, checks = failed[0], "check" if len(failed) == 1 else "checks"
            sql = first.sql or f"SELECT * FROM {first.table}"
            raise CheckFailedError(
                f"{len(failed)} blocking {checks} failed, the first on {first.summary}",
                hint="main is as it was; the rows are on the branch:"
                f" {evidence.command(sql, self.branch)}",
            )

    def _publish(self, *_: Any) -> Any:
        if self.request.hold:
            return
        self.published = release.publish_head(self.session)
        if self.published is not None:
            rows, marts = sum(self.published.values()), len(self.published)
            note = f"{marts} marts in Postgres"
            self._report(Step.PUBLISH, dag.PUBLICATION, rows=rows, note=note)

    def _journal(self) -> Journal:
        """The journal of this run, or of the one that it resumes."""
        settings = self.session.settings
        staging, name = settings.warehouse / "staging", self.request.name
        if self.request.resume:
            for path in unfinished(staging, name):
                if branches.is_free(settings, branches.branch_of(path.parent.name)):
                    return Journal(path, name)
        return Journal(staging / self.run_id / "journal.jsonl", name)

    def _tell(self, done: Done) -> None:
        """Say how far a fetch in several pieces is."""
        if done.of > 1:
            spent = time.perf_counter() - self.since
            left = spent / done.number * (done.of - done.number)
            said = f"fetched {done.number} of {done.of} windows, {left:.0f} s left"
            self.listener.progress(said)
        window = min(done.pieces.values(), key=lambda each: each.end - each.start)
        if done.error:
            self.listener.warning(f"{window} failed: {done.error}")
        else:
            was = "was fetched before" if done.is_kept else "fetched"
            self.listener.detail(f"{window} {was}")

    def _keep(self, stored: StoredTable) -> None:
        self.tables[stored.name] = stored
        self.written = True
        self.session.start_postgres()  # there will be something to publish

    def _ingestion(self, node: str) -> IngestionSpec:
        return self.session.project.ingestions[_owner(node)]

    def _report(
        self,
        step: Step,
        node: str,
        *,
        rows: int | None = None,
        note: str = "",
        seconds: float | None = None,
        other: float = 0.0,
    ) -> None:
        """Add a node to the report; `other` is time that belongs to another node."""
        spent = time.perf_counter() - self.since - other if seconds is None else seconds
        self.nodes.append(NodeReport(node, step, rows=rows, seconds=spent, note=note))


def _owner(node: str) -> str:
    """The ingestion or group that a node such as `entries__fetch` belongs to."""
    return node.rpartition("__")[0] or node
