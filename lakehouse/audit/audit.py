"""Asking the checks of a table: their counts come from as few scans of the table as possible.

A run asks about the windows that it changed. A check that fails is asked again for sample rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import ibis

from lakehouse.audit.inquiry import Answers, Inquiry, ask
from lakehouse.audit.offending import Offending
from lakehouse.audit.parts import Count, Part
from lakehouse.build.builds import departed_keys, source
from lakehouse.catalogs import StoredTable
from lakehouse.checks import FreshnessCheck, ReferenceCheck, Rule, sample_rows
from lakehouse.checks.result import CheckResult
from lakehouse.compile.compiler import ROWS, Compiled, Statement, count_of
from lakehouse.declare.project_code import named
from lakehouse.declare.specs import ModelSpec, QualitySpec
from lakehouse.engines import Engine, Question, Source
from lakehouse.engines.sql import having, identifier
from lakehouse.plan.what_to_build import stored_parents
from lakehouse.system import clock
from lakehouse.windows import ALL_TIME, Window, Windows, union

_COUNT = ibis.schema({ROWS: "int64"})
MANY_ROWS = 1_000_000
"""A table with so many rows is large.

There, a cheap upper bound of the failures is counted first, and the exact number only if the bound
is above zero.
"""


@dataclass(frozen=True)
class Audit:
    """Asks the checks of tables of a ref, about the windows that changed."""

    engine: Engine
    compiled: Compiled
    tables: Mapping[str, StoredTable]
    changed: Mapping[str, Windows]
    """Windows to look at, by bare name of a stored table."""
    until: datetime | None
    """End of the fetched time; None: freshness is not checked.

    A freshness check is asked only if this end is less than the check's `max_age_hours` ago.
    """

    def of(self, name: str) -> list[CheckResult]:
        """Ask all checks of a table at once, whichever `@quality` declares them."""
        specs = [*self.compiled.project.checks_of(name)]
        if not specs:
            return []
        functions = (spec.function for spec in specs)
        with named(f"the checks of {specs[0].table} cannot be asked", *functions):
            [results] = ask(self.engine, [self.inquiry(name)])
        return results

    def inquiry(self, name: str) -> Inquiry:
        """Return all checks of a table, to be asked, also together with those of others."""
        specs = [*self.compiled.project.checks_of(name)]
        several = (part for spec in specs for part in self._several_tables(spec))
        parts = [*self._ready(name, specs), *several]
        asked = [*dict.fromkeys(question for part in parts for question in part.questions)]

        def conclude(counts: Answers) -> list[CheckResult]:
            answers = dict(zip(asked, counts, strict=True))
            return [self._result(part, answers) for part in parts]

        return Inquiry(asked, conclude)

    def _ready(self, name: str, specs: Sequence[QualitySpec]) -> Iterator[Part]:
        """Yield the ready checks that read only this table.

        Those about the same window share a question.
        """
        by_window: dict[Window, list[tuple[QualitySpec, int]]] = {}
        for spec in specs:
            for place, rule in enumerate(spec.checks):
                if not rule.others and self._is_due(rule, name):
                    window = ALL_TIME if rule.about_all else self._span(name)
                    by_window.setdefault(window, []).append((spec, place))
        for window, rules in by_window.items():
            counted = self._counts(name, rules, window)
            for spec, place in rules:
                yield self._ready_part(spec, place, window, counted)

    def _several_tables(self, spec: QualitySpec) -> Iterator[Part]:
        """Yield the parts of a `@quality` that may read several tables."""
        for place, rule in enumerate(spec.checks):
            statement = self.compiled.checks[spec.name].rules[place]
            names = [spec.inputs[0], *map(spec.name_of, rule.others)]
            if rule.others and statement is not None and any(map(self._changed_windows, names)):
                offending = self._comparison(spec, rule, statement, names)
                yield self._part(spec, rule, offending)
        function = self.compiled.checks[spec.name].function
        if function is not None and any(map(self._changed_windows, spec.inputs)):
            offending = self._joint_scan(spec, function, spec.inputs)
            yield self._part(spec, None, offending)

    def _ready_part(
        self, spec: QualitySpec, place: int, window: Window, counted: Mapping[str, Count]
    ) -> Part:
        """Return one ready check; `counted` are the counts of all of them, by column."""
        rule, table = spec.checks[place], self._source(spec.inputs[0])
        statement = self.compiled.checks[spec.name].rules[place]
        offending = None
        if statement is not None:
            statement = self._without_departed(rule, statement)
            offending = Offending(statement, [table], window, window, table.time_column)
        failures = counted.get(count_of(spec, place))
        if failures is None and offending is not None:
            return self._part(spec, rule, offending)
        rows = counted.get(count_of(spec, place, ROWS), counted[ROWS])
        return Part(spec, rule, offending, failures, rows)

    def _without_departed(self, rule: Rule, statement: Statement) -> Statement:
        """Exclude keys that the source no longer lists from a freshness check."""
        departed = None
        if isinstance(rule, FreshnessCheck):
            departed = departed_keys(self.compiled, self.tables, rule.keys)
        if departed is None:
            return statement
        sql = (
            f"SELECT * FROM ({statement.sql}) AS old WHERE NOT coalesce({having(departed)}, false)"
        )
        return Statement(sql, statement.schema)

    def _counts(
        self, name: str, rules: Sequence[tuple[QualitySpec, int]], window: Window
    ) -> dict[str, Count]:
        """Return where each count of some ready checks of a table comes from, by column.

        One scan of the window serves all, except that in a large table each check with a cheap
        upper bound has a scan of its own for that bound.
        """
        every = self.compiled.counts.get(name)
        if every is None:
            return {}
        table = self._source(name)
        columns = [
            ROWS,
            *(count_of(*rule, what) for rule in rules for what in ("failures", ROWS)),
        ]
        columns = [column for column in columns if column in every.schema]
        # Only a question about all time reads many rows.
        is_large = window == ALL_TIME and table.most_rows >= MANY_ROWS
        suspects = self.compiled.suspects if is_large else {}
        exact = [column for column in columns if column not in suspects]
        question = Question(_some(every, exact), [table], window)
        return {column: Count(question, column) for column in exact} | {
            column: Count(
                Question(suspects[column], [table], window),
                exactly=Question(_some(every, [column]), [table], window),
            )
            for column in columns
            if column in suspects
        }

    def _comparison(
        self, spec: QualitySpec, rule: Rule, statement: Statement, names: Sequence[str]
    ) -> Offending:
        """Return the offending rows of a comparison; a ReferenceCheck reads whole other tables."""
        if not isinstance(rule, ReferenceCheck):
            return self._joint_scan(spec, statement, names)
        first, *others = map(self._source, dict.fromkeys(names))
        window = ALL_TIME if any(map(self._changed_windows, names[1:])) else self._span(names[0])
        uncut = [replace(other, time_column=None) for other in others]
        return Offending(statement, [first, *uncut], window, window, first.time_column)

    def _joint_scan(
        self, spec: QualitySpec, statement: Statement, names: Sequence[str]
    ) -> Offending:
        """Return the offending rows of a check over several tables.

        They are searched in all rows or, with a `lookback`, in the changed windows.
        """
        first, sources = self._source(spec.inputs[0]), [*map(self._source, dict.fromkeys(names))]
        window = reach = ALL_TIME
        if spec.reach is not None and first.time_column is not None:
            changed = union(part for name in names for part in self._changed_windows(name))
            window = Window(changed[0].start, changed[-1].end)
            reach = window.widen(*spec.reach)
        return Offending(statement, sources, window, reach, first.time_column)

    def _part(self, spec: QualitySpec, rule: Rule | None, offending: Offending) -> Part:
        """Return the part of a rule or a function whose failures need a question of their own."""
        sql = offending.select(self.engine.dialect, f"count(*) AS {ROWS}")
        failures = Count(Question(Statement(sql, _COUNT), offending.sources, offending.reach))
        rows = None
        if spec.tolerance_of(rule).max_percent is not None:
            name = spec.inputs[0]
            count = Statement(f"SELECT count(*) AS {ROWS} FROM {identifier(name)}", _COUNT)
            rows = Count(Question(count, [self._source(name)], offending.window))
        return Part(spec, rule, offending, failures, rows)

    def _result(self, part: Part, answers: Mapping[Question, Mapping[str, int]]) -> CheckResult:
        """Return the result of a rule, with sample rows if it found any."""
        spec, rule, offending = part.spec, part.rule, part.offending
        failures, rows = (
            answers[count.question][count.column] if count else None
            for count in (part.failures, part.rows)
        )
        if failures and part.failures and part.failures.exactly:
            [exactly] = self.engine.counts([part.failures.exactly])
            (failures,) = exactly.values()
        label = (spec.function.__doc__ or spec.name).strip().splitlines()[0]
        result = CheckResult(
            check=spec.name,
            table=spec.table,
            label=label if rule is None else rule.label,
            blocking=spec.blocking,
            passed=spec.tolerance_of(rule).allows(failures or 0, rows or 0),
            failures=failures or 0,
            rows=rows,
            finding=spec.finding,
        )
        if not failures or offending is None:
            return result
        dialect, schema = self.engine.dialect, offending.statement.schema
        names = {name: known.table for name, known in self.compiled.project.tables.items()}
        sql = offending.select(dialect)
        few = Statement(f"SELECT * FROM ({sql}) AS few LIMIT {sample_rows.EXAMPLES}", schema)
        return replace(
            result,
            examples=sample_rows.examples(
                self.engine.rows(few, offending.sources, offending.reach),
                rule.columns_used if rule else (),
            ),
            sql=sample_rows.readable(sql, names, dialect),
        )

    def _source(self, name: str) -> Source:
        return source(self.compiled, name, self.tables)

    def _is_due(self, rule: Rule, name: str) -> bool:
        """Return whether the table changed, or, for freshness, the fetched time ends recently."""
        if isinstance(rule, FreshnessCheck):
            limit = timedelta(hours=rule.max_age_hours)
            return self.until is not None and clock.now() - self.until < limit
        return bool(self._changed_windows(name))

    def _span(self, name: str) -> Window:
        """Return the span from the start of the first changed window to the end of the last."""
        changed = self._changed_windows(name)
        if self._source(name).time_column is None:
            return ALL_TIME
        return Window(changed[0].start, changed[-1].end)

    def _changed_windows(self, name: str) -> Windows:
        """Return the windows of a table that changed; those of a view are its stored parents'."""
        model = self.compiled.models.get(name)
        if model is None or not model.spec.is_view:
            return self.changed.get(name, ())
        return union(
            window
            for parent in stored_parents(self.compiled.project, name)
            for window in self._changed_through(model.spec, parent)
        )

    def _changed_through(self, view: ModelSpec, parent: str) -> Iterator[Window]:
        """Yield a view's windows that changed with a parent.

        They are all time unless both have a time column.
        """
        windows = self.changed.get(parent, ())
        has_time = self.compiled.project.tables[parent].time_column is not None
        share_time = has_time and view.time_column is not None
        yield from windows if share_time or not windows else (ALL_TIME,)


def _some(counts: Statement, columns: Sequence[str]) -> Statement:
    """Return a statement of some of the counts; engines skip the others."""
    schema = ibis.schema({name: counts.schema[name] for name in columns})
    sql = f"SELECT {', '.join(map(identifier, schema))} FROM ({counts.sql}) AS counts"
    return Statement(sql, schema)
