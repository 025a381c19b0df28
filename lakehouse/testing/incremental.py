"""The check behind `assert_incremental`: an incremental model can be built by windows.

Hypothesis makes up small inputs from what the project declares about the model's parents: their
types, unique keys and blocking checks. The model is built from them by windows; they change; the
model is refreshed, planned and cut as in a run. The result has to equal one full build.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

import ibis.expr.types as ir
from hypothesis import settings
from hypothesis import strategies as st

from lakehouse.declare.kinds import Incremental
from lakehouse.declare.specs import ModelSpec, spec_of
from lakehouse.errors import DeclarationError
from lakehouse.testing.differences import differences, moment, shown
from lakehouse.testing.inputs import Columns, Revision, histories, parent
from lakehouse.testing.runner import RunModel, require_known
from lakehouse.testing.shrinking import Drawn, plainest, sample, smallest
from lakehouse.testing.trial import Outcome, Trial
from lakehouse.testing.values import cut

_MOST_TRIES = 30
"""Number of inputs that are tried, at most."""


def assert_incremental(
    run_model: RunModel, model: Callable[..., ir.Table] | str, *, columns: Columns | None = None
) -> None:
    """Fail, with the smallest input found, if windows give other rows than one full build.

    It tries 30 inputs, or fewer if the Hypothesis profile has fewer `max_examples`. A model in SQL
    goes by the name of its table.

    `columns` gives values for those columns of the parents that need sensible ones: a Hypothesis
    strategy, or a function of the rest of the row. Raises AssertionError, and DeclarationError for
    a model that is not incremental.
    """
    __tracebackhide__ = True
    spec, kind = _incremental(run_model.function(model))
    known = dict.fromkeys(column for name in spec.inputs for column in run_model.schema(name))
    require_known(columns or (), tuple(known), f"column of what {spec.table} reads")
    parents = {name: parent(run_model, name, kind, columns or {}) for name in spec.inputs}
    trial = Trial(run_model, spec)

    def failure(drawn: Drawn) -> str:
        revisions = {name: parents[name].revision(rows) for name, rows in drawn.items()}
        outcome = trial.outcome(revisions, cut(kind.grain))
        return "\n".join(_report(spec, kind, revisions, outcome))

    strategy = st.fixed_dictionaries({name: histories(rows) for name, rows in parents.items()})
    for number in range(min(_MOST_TRIES, settings().max_examples)):
        drawn = sample(strategy, number)
        if failure(drawn):
            nullable = {name: rows.nullable for name, rows in parents.items()}
            least = plainest(smallest(drawn, failure), nullable, failure)
            raise AssertionError(failure(least))


def _incremental(model: Callable[..., ir.Table]) -> tuple[ModelSpec, Incremental]:
    """Return the spec and the kind of an incremental model. Raises DeclarationError."""
    spec = spec_of(model)
    if isinstance(spec, ModelSpec) and isinstance(spec.kind, Incremental):
        return spec, spec.kind
    name = getattr(spec, "table", getattr(model, "__name__", repr(model)))
    raise DeclarationError(
        f"{name} is not incremental, so it is never built by windows",
        hint="`assert_incremental` is for a model of kind=Incremental(...)",
    )


def _report(
    spec: ModelSpec, kind: Incremental, revisions: Mapping[str, Revision], outcome: Outcome
) -> Iterator[str]:
    """Yield the lines of the message about a wrong outcome; none if the outcome is right."""
    missing, extra = differences(outcome.full, outcome.refreshed)
    if not missing and not extra:
        return
    yield (
        f"{spec.table}: building by {' and '.join(_by(spec))} gives other rows than one full"
        f" build: lookback {_length(kind.lookback)} or lookahead {_length(kind.lookahead)} may be"
        " too short"
        if spec.time_column
        else f"{spec.table}: building by key gives other rows than one full build"
    )
    if spec.time_column:
        yield (
            f"  → a row may depend on rows from `lookback` before its {kind.grain} starts to"
            " `lookahead` after it ends, and on no other rows; rows that tie may come in any order"
        )
    if spec.key:
        yield f"  → a row may depend only on rows with the same {' and '.join(spec.key)}"
    yield from _story(revisions, cut(kind.grain), outcome)
    if missing:
        yield from ("", "only one full build gives:", *shown(missing))
    if extra:
        yield from ("", f"only building by {' and '.join(_by(spec))} gives:", *shown(extra))


def _story(revisions: Mapping[str, Revision], at: datetime, outcome: Outcome) -> Iterator[str]:
    """Yield the lines that show the inputs and the windows that were built from them."""
    for name, revision in revisions.items():
        parts = {
            "that stay": revision.stays,
            "that are removed": revision.goes,
            "that are added": revision.comes,
        }
        for fate, rows in parts.items():
            if rows:
                title = f"{name}, rows {fate}:" if outcome.rebuilt else f"{name}:"
                yield from ("", title, *shown(rows))
    yield from ("", f"built in two windows, before {moment(at)} and from then on")
    if outcome.rebuilt:
        yield f"rebuilt after the change: {outcome.rebuilt}"


def _by(spec: ModelSpec) -> list[str]:
    return ["windows"] * (spec.time_column is not None) + ["key"] * bool(spec.key)


def _length(duration: str | timedelta) -> str:
    if isinstance(duration, str):
        return duration
    return str(duration) if duration else "0"
