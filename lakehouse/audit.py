"""Asking checks: all of a table at once.

A run asks about the windows that it changed. What fails is asked once more, for a few rows to show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import ibis

from lakehouse import clock, evidence
from lakehouse.catalogs import StoredTable
from lakehouse.checks import FreshnessCheck, ReferenceCheck, Rule, Tolerance
from lakehouse.compile import ROWS, Compiled, Statement, count_of
from lakehouse.declare import ModelSpec, QualitySpec, View
from lakehouse.engines import Engine, Question, Source
from lakehouse.engines.sql import having, quoted, where
from lakehouse.materialize import left, source
from lakehouse.plan import stored_parents
from lakehouse.windows import ALL_TIME, Window, Windows, union

_COUNT = ibis.schema({ROWS: "int64"})
MANY_ROWS = 1_000_000
"""Rows of a table from which on what may be too many is counted first."""


@dataclass(frozen=True)
class CheckResult:
    """What one rule found."""

    check: str
    table: str
    label: str
    blocking: bool
    passed: bool
    failures: int
    rows: int | None = None
    """The rows that were looked at; None if they were not counted."""
    examples: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    """A few of the offending rows."""
    sql: str = ""
    """What `query` finds all of them by; empty if there are none to show."""

    @property
    def summary(self) -> str:
        """What it found, in a line."""
        return evidence.summary(vars(self))

    def told(self, ref: str) -> str:
        """What it found, with a few rows, and the command that shows all of them on a ref."""
        return evidence.told(vars(self), ref)


@dataclass(frozen=True)
class Offending:
    """Where to look for offending rows: those in `window`, of sources cut to `reach`."""

    statement: Statement
    sources: Sequence[Source]
    window: Window
    reach: Window
    time_column: str | None

    def condition(self, dialect: str) -> str:
        """That a row lies in the window; empty if all do, or cannot tell."""
        if self.window == ALL_TIME or self.time_column not in self.statement.schema:
            return ""
        return where((self.window,), None, self.time_column, self.statement.schema, dialect)

    def select(self, dialect: str, what: str = "*") -> str:
        """The statement of these rows."""
        condition = self.condition(dialect)
        if what == "*" and not condition:
            return self.statement.sql
        inside = f" WHERE {condition}" if condition else ""
        return f"SELECT {what} FROM ({self.statement.sql}) AS offending{inside}"


@dataclass(frozen=True)
class _Count:
    """A count that is asked for: a column of what a question is answered."""

    question: Question
    column: str = ROWS
    exactly: Question | None = None
    """Asked if that is more than none, and may be too many."""


@dataclass(frozen=True)
class _Part:
    """One rule of a `@quality`, None for its function, and what its result is made of."""

    spec: QualitySpec
    rule: Rule | None
    found: Offending | None
    failures: _Count | None
    rows: _Count | None

    @property
    def questions(self) -> list[Question]:
        """What has to be asked for it."""
        return [count.question for count in (self.failures, self.rows) if count]


@dataclass(frozen=True)
class Audit:
    """What checks are asked of: the tables of a ref, where they changed."""

    engine: Engine
    compiled: Compiled
    tables: Mapping[str, StoredTable]
    changed: Mapping[str, Windows]
    """The windows of each stored table, by bare name, that are to be looked at."""
    until: datetime | None
    """The end of what the sources were asked for: only if that is about the present, tables have
    to be fresh. None: they have not."""

    def of(self, name: str) -> list[CheckResult]:
        """Ask all checks of a table, those of all its `@quality`, at once."""
        specs = [*self.compiled.project.checks_of(name)]
        parts = [*self._ready(name, specs)]
        for spec in specs:
            parts += self._others(spec)
        asked = dict.fromkeys(question for part in parts for question in part.questions)
        answers = zip(asked, self.engine.counts([*asked]), strict=True) if asked else ()
        found = dict(answers)
        return [self._result(part, found) for part in parts]

    def _ready(self, name: str, specs: Sequence[QualitySpec]) -> Iterator[_Part]:
        """The ready checks of a table: one question for all that look at the same window."""
        asked: dict[Window, list[tuple[QualitySpec, int]]] = {}
        for spec in specs:
            for place, rule in enumerate(spec.checks):
                if not rule.others and self._is_due(rule, name):
                    window = ALL_TIME if rule.about_all else self._hull(name)
                    asked.setdefault(window, []).append((spec, place))
        for window, several in asked.items():
            counted = self._counts(name, several, window)
            for spec, place in several:
                yield self._ready_part(spec, place, window, counted)

    def _others(self, spec: QualitySpec) -> Iterator[_Part]:
        """What a `@quality` compares with other tables, and its function."""
        for place, rule in enumerate(spec.checks):
            statement = self.compiled.checks[spec.name].rules[place]
            names = [spec.inputs[0], *(other.split(".", 1)[1] for other in rule.others)]
            if rule.others and statement is not None and any(map(self._touched, names)):
                found = self._compared(spec, rule, statement, names)
                yield self._part(spec, rule, found)
        function = self.compiled.checks[spec.name].function
        if function is not None and any(map(self._touched, spec.inputs)):
            found = self._reaching(spec, function, spec.inputs)
            yield self._part(spec, None, found)

    def _ready_part(
        self, spec: QualitySpec, place: int, window: Window, counted: Mapping[str, _Count]
    ) -> _Part:
        """One ready check; `counted` are the counts of all of them."""
        rule, own = spec.checks[place], self._source(spec.inputs[0])
        statement = self.compiled.checks[spec.name].rules[place]
        found = None
        if statement is not None:
            statement = self._of_those_expected(rule, statement)
            found = Offending(statement, [own], window, window, own.time_column)
        failures = counted.get(count_of(spec, place))
        if failures is None and found is not None:
            return self._part(spec, rule, found)
        rows = counted.get(count_of(spec, place, ROWS), counted[ROWS])
        return _Part(spec, rule, found, failures, rows)

    def _of_those_expected(self, rule: Rule, statement: Statement) -> Statement:
        """Nobody who left has to be fresh."""
        gone = None
        if isinstance(rule, FreshnessCheck):
            gone = left(self.compiled, self.tables, rule.by)
        if gone is None:
            return statement
        sql = f"SELECT * FROM ({statement.sql}) AS old WHERE NOT coalesce({having(gone)}, false)"
        return Statement(sql, statement.schema)

    def _counts(
        self, name: str, several: Sequence[tuple[QualitySpec, int]], window: Window
    ) -> dict[str, _Count]:
        """The counts of some ready checks of a table in a window, in one scan of it.

        Of many rows suspects are counted first, each in a scan of their own.
        """
        every = self.compiled.counts.get(name)
        if every is None:
            return {}
        own = self._source(name)
        columns = [
            ROWS,
            *(count_of(*each, what) for each in several for what in ("failures", ROWS)),
        ]
        columns = [each for each in columns if each in every.schema]
        # Of a window, few rows are looked at.
        is_large = window == ALL_TIME and own.most_rows >= MANY_ROWS
        suspects = self.compiled.suspects if is_large else {}
        exact = [each for each in columns if each not in suspects]
        question = Question(_some(every, exact), [own], window)
        return {column: _Count(question, column) for column in exact} | {
            column: _Count(
                Question(suspects[column], [own], window),
                exactly=Question(_some(every, [column]), [own], window),
            )
            for column in columns
            if column in suspects
        }

    def _compared(
        self, spec: QualitySpec, rule: Rule, statement: Statement, names: Sequence[str]
    ) -> Offending:
        """Where a comparison looks; all of what a reference points to."""
        if not isinstance(rule, ReferenceCheck):
            return self._reaching(spec, statement, names)
        own, *others = map(self._source, dict.fromkeys(names))
        window = ALL_TIME if any(map(self._touched, names[1:])) else self._hull(names[0])
        uncut = [replace(other, time_column=None) for other in others]
        return Offending(statement, [own, *uncut], window, window, own.time_column)

    def _reaching(self, spec: QualitySpec, statement: Statement, names: Sequence[str]) -> Offending:
        """Where something looks that reads the tables together: all of them, or so far as told."""
        own, sources = self._source(spec.inputs[0]), [*map(self._source, dict.fromkeys(names))]
        window = reach = ALL_TIME
        if spec.reach is not None and own.time_column is not None:
            touched = union(each for name in names for each in self._touched(name))
            window = Window(touched[0].start, touched[-1].end)
            reach = window.widen(*spec.reach)
        return Offending(statement, sources, window, reach, own.time_column)

    def _part(self, spec: QualitySpec, rule: Rule | None, found: Offending) -> _Part:
        """A rule whose offending rows take a question of their own."""
        sql = found.select(self.engine.dialect, f"count(*) AS {ROWS}")
        failures, rows = _Count(Question(Statement(sql, _COUNT), found.sources, found.reach)), None
        if _tolerance(spec, rule).max_percent is not None:
            own = spec.inputs[0]
            count = Statement(f"SELECT count(*) AS {ROWS} FROM {quoted(own)}", _COUNT)
            rows = _Count(Question(count, [self._source(own)], found.window))
        return _Part(spec, rule, found, failures, rows)

    def _result(self, part: _Part, answers: Mapping[Question, Mapping[str, int]]) -> CheckResult:
        """What became of a rule."""
        spec, rule, found = part.spec, part.rule, part.found
        failures, rows = (
            answers[count.question][count.column] if count else None
            for count in (part.failures, part.rows)
        )
        if failures and part.failures and part.failures.exactly:
            [exactly] = self.engine.counts([part.failures.exactly])
            (failures,) = exactly.values()
        failures = failures or 0
        label = (spec.function.__doc__ or spec.name).strip().splitlines()[0]
        result = CheckResult(
            check=spec.name,
            table=spec.table,
            label=label if rule is None else rule.label,
            blocking=spec.blocking,
            passed=_tolerance(spec, rule).bears(failures, rows or 0),
            failures=failures,
            rows=rows,
        )
        if not failures or found is None:
            return result
        dialect, schema = self.engine.dialect, found.statement.schema
        names = {name: each.table for name, each in self.compiled.project.tables.items()}
        sql = found.select(dialect)
        few = Statement(f"SELECT * FROM ({sql}) AS few LIMIT {evidence.EXAMPLES}", schema)
        return replace(
            result,
            examples=evidence.examples(
                self.engine.rows(few, found.sources, found.reach),
                rule.columns_used if rule else (),
            ),
            sql=evidence.readable(sql, names, dialect),
        )

    def _source(self, name: str) -> Source:
        return source(self.compiled, name, self.tables)

    def _is_due(self, rule: Rule, name: str) -> bool:
        """Freshness is asked even of a table that did not change, if the run is about now."""
        if isinstance(rule, FreshnessCheck):
            limit = timedelta(hours=rule.max_age_hours)
            return self.until is not None and clock.now() - self.until < limit
        return bool(self._touched(name))

    def _hull(self, name: str) -> Window:
        """From the start of the first window that changed to the end of the last."""
        touched = self._touched(name)
        if self._source(name).time_column is None:
            return ALL_TIME
        return Window(touched[0].start, touched[-1].end)

    def _touched(self, name: str) -> Windows:
        """The windows of a table that changed; a view changes with what it rests on."""
        model = self.compiled.models.get(name)
        if model is None or not isinstance(model.spec.kind, View):
            return self.changed.get(name, ())
        return union(
            window
            for each in stored_parents(self.compiled.project, name)
            for window in self._seen(model.spec, each)
        )

    def _seen(self, view: ModelSpec, parent: str) -> Iterator[Window]:
        """The windows of a view that change with a parent."""
        windows = self.changed.get(parent, ())
        has_time = self.compiled.project.tables[parent].time_column is not None
        told = has_time and view.time_column is not None
        yield from windows if told or not windows else (ALL_TIME,)


def _some(counts: Statement, columns: Sequence[str]) -> Statement:
    """Some columns of a row of counts; what is not asked for is not counted."""
    schema = ibis.schema({name: counts.schema[name] for name in columns})
    sql = f"SELECT {', '.join(map(quoted, schema))} FROM ({counts.sql}) AS counts"
    return Statement(sql, schema)


def _tolerance(spec: QualitySpec, rule: Rule | None) -> Tolerance:
    return spec.tolerance if rule is None else spec.tolerance_of(rule)
