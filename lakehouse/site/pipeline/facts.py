"""What pages about a pipeline show, gathered once: from main, run records, alerts, quarantine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from lakehouse.alerts import desk
from lakehouse.alerts.ledger import Ledger
from lakehouse.audit.freshness import Freshness, FreshnessState, freshness
from lakehouse.audit.quarantine_listing import RejectedCount
from lakehouse.audit.quarantine_listing import count as count_quarantined
from lakehouse.catalogs import Commit, StoredTable
from lakehouse.checks.result import CheckOutcome
from lakehouse.compile.dag import Step
from lakehouse.declare.copies import CopySpec
from lakehouse.declare.kinds import in_words
from lakehouse.declare.project import Project, ordered
from lakehouse.declare.specs import IngestionSpec, ModelSpec
from lakehouse.ingest.quarantine import quarantine_table
from lakehouse.lineage import Lineage
from lakehouse.records import run_records

if TYPE_CHECKING:
    from lakehouse.session import Session
    from lakehouse.site.tables import Tables

_RUNS = 200
"""The newest runs that pages tell of, at most."""
_BUILDS = 25
"""The newest builds of a table that its page lists, at most."""
_COMMITS = 50
_HISTORY = 30
"""The newest results of a check that a page shows, at most."""
_BUILDING = frozenset({Step.MERGE.value, Step.MODEL.value, Step.COPY.value})


class TableHealth(StrEnum):
    """State of a table, the worst that is known of it."""

    FAILED = "failed"
    """A blocking check failed, or its newest rows are too old, or the last run failed in it."""
    WARNING = "warning"
    OK = "ok"
    MISSING = "not built"


@dataclass(frozen=True)
class TableBuild:
    """One time that a run wrote a table."""

    run: str
    started_at: datetime
    reason: str
    windows: str
    rows: int | None
    seconds: float
    note: str


@dataclass(frozen=True)
class CheckHistory:
    """A rule of a table with its results, the newest first."""

    check: str
    label: str
    is_blocking: bool
    results: tuple[tuple[str, CheckOutcome, int], ...]
    """The run, how the check ended, and the number of rows that failed."""

    @property
    def newest(self) -> CheckOutcome:
        """How the check ended when it was asked last."""
        return self.results[0][1]


@dataclass(frozen=True)
class TableFacts:
    """Everything that pages show of one table."""

    spec: IngestionSpec | CopySpec | ModelSpec
    kind: str
    doc: str
    columns: Mapping[str, str]
    """The type of each column."""
    parents: tuple[str, ...]
    """Bare names of the tables that it is made of."""
    children: tuple[str, ...]
    stored: StoredTable | None
    """None for a view, and for a table that is not built yet."""
    quarantined: int
    builds: tuple[TableBuild, ...]
    checks: tuple[CheckHistory, ...]
    freshness: tuple[Freshness, ...]
    is_built: bool

    @property
    def health(self) -> TableHealth:
        """The worst that is known of the table."""
        outcomes = {check.newest for check in self.checks}
        states = {entry.state for entry in self.freshness}
        if CheckOutcome.FAILED in outcomes or FreshnessState.FAIL in states:
            return TableHealth.FAILED
        if not self.is_built:
            return TableHealth.MISSING
        if CheckOutcome.WARNING in outcomes or FreshnessState.WARN in states:
            return TableHealth.WARNING
        return TableHealth.OK

    @property
    def newest(self) -> datetime | None:
        """The time of its newest row; None if it does not declare how fresh it has to be."""
        times = [entry.newest for entry in self.freshness if entry.newest is not None]
        return max(times, default=None)


@dataclass(frozen=True)
class Facts:
    """Everything that pages show of a pipeline."""

    tables: Mapping[str, TableFacts]
    """By bare name, in the order of the DAG."""
    stored: Mapping[str, StoredTable]
    """All stored tables by qualified name: also those of quarantines, and of earlier code."""
    runs: Sequence[Mapping[str, Any]]
    """Run records, the newest first."""
    commits: Sequence[Commit]
    ledger: Ledger
    lineage: Lineage
    quarantine: Sequence[RejectedCount]


def gather(session: Session, tables: Tables) -> Facts:
    """Return the facts of a pipeline at the state of these tables."""
    session.require_home()
    warehouse = session.settings.warehouse
    names = reversed([*run_records.places(warehouse)][-_RUNS:])
    loaded = (run_records.load(warehouse, name) for name in names)
    runs = [record for record in loaded if record is not None]
    commit = tables.commit
    rejected = [] if commit is None else count_quarantined(session, commit.id)
    fresh = [] if commit is None else freshness(session)
    builds, checks = _builds(runs), _checks(runs)
    project = session.project
    children: dict[str, list[str]] = {}
    for model in project.models.values():
        for parent in model.inputs:
            children.setdefault(parent, []).append(model.name)
    found = {
        name: TableFacts(
            spec=spec,
            kind=_kind(spec),
            doc=spec.description,
            columns={c: str(kind) for c, kind in session.compiled.schemas[name].items()},
            parents=spec.inputs if isinstance(spec, ModelSpec) else (),
            children=tuple(children.get(name, ())),
            stored=tables.stored.get(spec.table),
            quarantined=_quarantined(spec, tables.stored),
            builds=tuple(builds.get(spec.table, ())),
            checks=tuple(checks.get(spec.table, ())),
            freshness=tuple(entry for entry in fresh if entry.table == spec.table),
            is_built=tables.has(name),
        )
        for name, spec in _in_order(project)
    }
    return Facts(
        found,
        tables.stored,
        runs,
        session.catalog.log(_COMMITS),
        desk.read_ledger(session.settings),
        session.lineage,
        rejected,
    )


def _in_order(
    project: Project,
) -> Iterator[tuple[str, IngestionSpec | CopySpec | ModelSpec]]:
    """Yield the tables by name, parents before children."""
    yield from (project.ingestions | project.copies).items()
    yield from ((model.name, model) for model in ordered(project))


def _kind(spec: IngestionSpec | CopySpec | ModelSpec) -> str:
    if isinstance(spec, IngestionSpec):
        return "ingestion"
    return spec.origin.kind if isinstance(spec, CopySpec) else in_words(spec.kind)


def _quarantined(
    spec: IngestionSpec | CopySpec | ModelSpec, stored: Mapping[str, StoredTable]
) -> int:
    if not isinstance(spec, IngestionSpec):
        return 0
    table = stored.get(quarantine_table(spec))
    return table.rows if table else 0


def _builds(runs: Sequence[Mapping[str, Any]]) -> dict[str, list[TableBuild]]:
    """Return the newest builds of each table."""
    builds: dict[str, list[TableBuild]] = {}
    for record in runs:
        for node in record["nodes"]:
            known = builds.setdefault(node["node"], [])
            if node["step"] in _BUILDING and len(known) < _BUILDS:
                known.append(
                    TableBuild(
                        run=record["run"],
                        started_at=datetime.fromisoformat(record["started_at"]),
                        reason=node["reason"],
                        windows=node["windows"],
                        rows=node["rows"],
                        seconds=node["seconds"],
                        note=node["note"],
                    )
                )
    return builds


def _checks(runs: Sequence[Mapping[str, Any]]) -> dict[str, list[CheckHistory]]:
    """Return the rules of each table that were asked, with their newest results."""
    results: dict[tuple[str, str, str], list[tuple[str, CheckOutcome, int]]] = {}
    blocking: dict[tuple[str, str, str], bool] = {}
    for record in runs:
        for check in record["checks"]:
            key = (check["table"], check["check"], check["label"])
            blocking.setdefault(key, check["blocking"])
            known = results.setdefault(key, [])
            if len(known) < _HISTORY:
                known.append((record["run"], CheckOutcome.of(check), check["failures"]))
    histories: dict[str, list[CheckHistory]] = {}
    for (table, check, label), found in results.items():
        history = CheckHistory(check, label, blocking[table, check, label], tuple(found))
        histories.setdefault(table, []).append(history)
    return histories
