"""Running checks: the ready ones of a table in one query, custom ones one query each.

A run asks about the windows that it changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lakehouse.catalogs import StoredTable
from lakehouse.checks import FreshnessCheck
from lakehouse.compile import Compiled, split_checks
from lakehouse.declare import ModelSpec, QualitySpec, View
from lakehouse.engines import Engine, Source
from lakehouse.materialize import source
from lakehouse.plan import stored_parents
from lakehouse.windows import ALL_TIME, Window, Windows, union

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class CheckResult:
    """What one rule found."""

    check: str
    table: str
    label: str
    blocking: bool
    failures: int

    @property
    def passed(self) -> bool:
        """Whether no row offends."""
        return self.failures == 0


def run_check(
    engine: Engine,
    compiled: Compiled,
    spec: QualitySpec,
    tables: Mapping[str, StoredTable],
    *,
    changed: Mapping[str, Windows],
    window: Window,
) -> list[CheckResult]:
    """Check a table where a run changed it; `changed` has the windows of each stored table.

    Freshness is asked even of an unchanged table, if the run is about the present.
    """
    check = compiled.checks[spec.name]
    own = source(compiled, spec.inputs[0], tables)
    touched = _touched(compiled, own.name, changed)
    rules, fresh = split_checks(spec.checks)
    results: list[CheckResult] = []
    if check.rules is not None and touched:
        cut = Window(touched[0].start, touched[-1].end)
        counts = _counts(engine.rows(check.rules, [own], cut))
        results += [_result(spec, rule.label, counts[i]) for i, rule in enumerate(rules)]
    if check.freshness is not None and any(_about_now(rule, window) for rule in fresh):
        counts = _counts(engine.rows(check.freshness, [own]))
        results += [_result(spec, rule.label, counts[i]) for i, rule in enumerate(fresh)]
    if check.offending is not None and any(_touched(compiled, n, changed) for n in spec.inputs):
        label = (spec.function.__doc__ or spec.name).strip().splitlines()[0]
        inputs = [source(compiled, name, tables) for name in spec.inputs]
        span = _span(spec, own, [_touched(compiled, name, changed) for name in spec.inputs])
        column = own.time_column if own.time_column in check.offending.schema else None
        failures = engine.count(check.offending, inputs, span, column)
        results.append(_result(spec, label, failures))
    return results


def _counts(row: pa.Table) -> list[int]:
    """The counts of a statement's one row; what counted nothing is 0."""
    return [column[0].as_py() or 0 for column in row.columns]


def _result(spec: QualitySpec, label: str, failures: int) -> CheckResult:
    return CheckResult(spec.name, spec.table, label, spec.blocking, failures)


def _about_now(check: FreshnessCheck, window: Window) -> bool:
    """A run is about the present if it reaches into the time a table may be old."""
    return datetime.now(UTC) - window.end < timedelta(hours=check.max_age_hours)


def _span(spec: QualitySpec, own: Source, touched: Sequence[Windows]) -> tuple[Window, Window]:
    """Where a custom check looks for offending rows, and how far its inputs reach."""
    if spec.reach is None or own.time_column is None:
        return ALL_TIME, ALL_TIME
    windows = union(window for each in touched for window in each)
    hull = Window(windows[0].start, windows[-1].end)
    return hull, hull.widen(*spec.reach)


def _touched(compiled: Compiled, name: str, changed: Mapping[str, Windows]) -> Windows:
    """The windows of a table that this run changed; a view changes with what it rests on."""
    model = compiled.models.get(name)
    if model is None or not isinstance(model.spec.kind, View):
        return changed.get(name, ())
    return union(
        window
        for each in stored_parents(compiled.project, name)
        for window in _seen(compiled, model.spec, each, changed.get(each, ()))
    )


def _seen(compiled: Compiled, view: ModelSpec, parent: str, windows: Windows) -> Windows:
    """The windows of a view that change with a parent."""
    has_time = compiled.project.tables[parent].time_column is not None
    if not windows or (has_time and view.time_column is not None):
        return windows
    return (ALL_TIME,)
