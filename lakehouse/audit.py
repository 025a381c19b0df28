"""Running checks: the ready ones of a table in one query, custom ones one query each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import ibis

from lakehouse.catalogs import StoredTable
from lakehouse.checks import Check, FreshnessCheck
from lakehouse.compile import Compiled, CompiledCheck
from lakehouse.engines import Engine
from lakehouse.errors import ProjectError
from lakehouse.materialize import source
from lakehouse.plan import stored_parents
from lakehouse.windows import ALL_TIME, Window, Windows


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
    check: CompiledCheck,
    tables: Mapping[str, StoredTable],
    *,
    changed: Mapping[str, Windows],
    window: Window,
) -> list[CheckResult]:
    """Check a table where a run changed it; `changed` has the windows of each stored table.

    Freshness is asked even of an unchanged table, if the run is about the present.
    """
    spec = check.spec
    own = spec.inputs[0]
    touched = _touched(compiled, own, changed)
    due = [each for each in spec.checks if _due(each, touched, window)]
    results = _ready(engine, compiled, check, tables, due, touched)
    if check.offending is not None and any(
        _touched(compiled, name, changed) for name in spec.inputs
    ):
        inputs = [source(compiled, name, tables) for name in spec.inputs]
        count = engine.rows(check.offending.aggregate(rows=check.offending.count()), inputs)
        label = (spec.function.__doc__ or spec.name).strip().splitlines()[0]
        results.append(
            CheckResult(spec.name, spec.table, label, spec.blocking, count["rows"][0].as_py())
        )
    return results


def _ready(
    engine: Engine,
    compiled: Compiled,
    check: CompiledCheck,
    tables: Mapping[str, StoredTable],
    due: list[Check],
    touched: Windows,
) -> list[CheckResult]:
    if not due:
        return []
    spec = check.spec
    own = spec.inputs[0]
    table = ibis.table(compiled.schemas[own], name=own)
    for each in due:
        unknown = [name for name in each.columns_used if name not in table.columns]
        if unknown:
            raise ProjectError(
                f"{spec.name} checks {spec.table}.{unknown[0]}, which is no column of it",
                hint=f"columns: {', '.join(table.columns)}",
            )
    counts = table.aggregate(**{f"c{i}": each.failures(table) for i, each in enumerate(due)})
    fresh = any(isinstance(each, FreshnessCheck) for each in due)
    cut = ALL_TIME if fresh else Window(touched[0].start, touched[-1].end)
    row = engine.rows(counts, [source(compiled, own, tables)], cut).to_pylist()[0]
    return [
        CheckResult(spec.name, spec.table, each.label, spec.blocking, row[f"c{i}"] or 0)
        for i, each in enumerate(due)
    ]


def _due(check: Check, touched: Windows, window: Window) -> bool:
    if isinstance(check, FreshnessCheck):
        return datetime.now(UTC) - window.end < timedelta(hours=check.max_age_hours)
    return bool(touched)


def _touched(compiled: Compiled, name: str, changed: Mapping[str, Windows]) -> Windows:
    """The windows of a table that this run changed; a view changes with what it rests on."""
    if name in changed or name not in compiled.models:
        return changed.get(name, ())
    if compiled.models[name].spec.time_column is None:
        return ()
    parents = [changed.get(each, ()) for each in stored_parents(compiled.project, name)]
    return (ALL_TIME,) if any(parents) else ()
