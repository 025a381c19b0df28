"""What users write: `@ingestion`, `@model` and `@quality`, and the specs they attach.

A decorator checks its arguments where they stand, attaches a frozen spec to the function, and
returns that same function, callable as before. Nothing is registered anywhere.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

from lakehouse.checks import Rule, Tolerance
from lakehouse.errors import DeclarationError
from lakehouse.windows import GRAINS, Grain, parse_duration

Function = TypeVar("Function", bound=Callable[..., Any])

_SPEC = "__lakehouse_spec__"
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_CRON_FIELDS = 5


@dataclass(frozen=True)
class View:
    """Not stored: computed where it is read.

    `time_column` lets the changes of a parent pass through as windows of time, `key` as keys.
    """

    time_column: str | None = None
    key: str | Sequence[str] = ()


@dataclass(frozen=True)
class Table:
    """Stored, and rebuilt as a whole when a parent changed."""


@dataclass(frozen=True)
class Incremental:
    """Stored, and rebuilt only where inputs changed: by windows of time, by key, or by both.

    By windows of `time_column`: `grain` is the unit that is always rebuilt as a whole. A row may
    depend on inputs up to `lookback` before the start of its grain and up to `lookahead` after
    the end of it. By `key`, columns such as a site: a row depends only on inputs with the same
    values there; inputs without these columns may change every row.
    """

    time_column: str | None = None
    grain: Grain = "day"
    lookback: str | timedelta = timedelta()
    lookahead: str | timedelta = timedelta()
    key: str | Sequence[str] = ()

    @property
    def before(self) -> timedelta:
        """`lookback` as a length of time."""
        return _duration("lookback", self.lookback)

    @property
    def after(self) -> timedelta:
        """`lookahead` as a length of time."""
        return _duration("lookahead", self.lookahead)


Kind: TypeAlias = View | Table | Incremental


@dataclass(frozen=True)
class IngestionSpec:
    """A function that yields rows of one source for one window."""

    name: str
    function: Callable[..., Any] = field(repr=False)
    unique_key: tuple[str, ...]
    validation_schema: Any
    time_column: str | None
    group: str | None
    cron: str | None
    freshness_hours: tuple[float, float] | None
    overlap: timedelta
    max_quarantine_percent: float | None
    retention: timedelta | None
    schema: str = "raw"

    @property
    def table(self) -> str:
        """The qualified name of the table that the rows land in."""
        return f"{self.schema}.{self.name}"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the function's parameters."""
        return parameters(self.function)


@dataclass(frozen=True)
class ModelSpec:
    """A function from Ibis tables to one Ibis table."""

    name: str
    schema: str
    function: Callable[..., Any] = field(repr=False)
    kind: Kind
    group: str | None
    tags: tuple[str, ...]

    @property
    def table(self) -> str:
        """The qualified name of the table."""
        return f"{self.schema}.{self.name}"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the function's parameters: the tables it reads."""
        return parameters(self.function)

    @property
    def time_column(self) -> str | None:
        """The column whose windows the table is built by, if it has one."""
        return None if isinstance(self.kind, Table) else self.kind.time_column

    @property
    def key(self) -> tuple[str, ...]:
        """The columns whose values the table is built by; none for a table rebuilt as a whole."""
        if isinstance(self.kind, Table):
            return ()
        return (self.kind.key,) if isinstance(self.kind.key, str) else tuple(self.kind.key)


@dataclass(frozen=True)
class QualitySpec:
    """Checks of one table: ready ones, and a function that returns offending rows."""

    name: str
    table: str
    function: Callable[..., Any] = field(repr=False)
    checks: tuple[Rule, ...]
    blocking: bool
    tolerance: Tolerance
    """Of the function, and of each ready check that has none of its own."""
    reach: tuple[timedelta, timedelta] | None
    """How far the function looks before and after the windows that changed; None: everywhere."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tables it reads: its own, the function's parameters, those of comparisons."""
        others = [other for rule in self.checks for other in rule.others]
        named = (table.split(".", 1)[1] for table in (self.table, *others))
        return tuple(dict.fromkeys((*named, *parameters(self.function))))

    def tolerance_of(self, rule: Rule) -> Tolerance:
        """What a ready check may find and still be good."""
        return rule.tolerance or self.tolerance

    def is_strict(self, rule: Rule) -> bool:
        """Whether a ready check holds of every row."""
        return rule.where is None and self.tolerance_of(rule) == Tolerance()


Spec: TypeAlias = IngestionSpec | ModelSpec | QualitySpec


def ingestion(  # noqa: PLR0913 - each is a keyword that users write
    *,
    table_name: str,
    unique_key: str | Sequence[str],
    validation_schema: Any,
    time_column: str | None = None,
    group: str | None = None,
    cron: str | None = None,
    freshness_hours: tuple[float, float] | None = None,
    overlap: str | timedelta = timedelta(),
    max_quarantine_percent: float | None = None,
    retention: str | timedelta | None = None,
) -> Callable[[Function], Function]:
    """Declare that the function yields Arrow tables of `raw.<table_name>` for a `Window`.

    `unique_key` names the columns that identify a row, `validation_schema` is the Pandera model
    that rows must satisfy, `time_column` the instant that windows are about. `freshness_hours`
    is `(warn, fail)`; `overlap` is how far before its own window a run reads again what it read
    earlier. If more than `max_quarantine_percent` of the rows that a run fetched are rejected, the
    run fails as by a blocking check. `retention` is how long rows stay, such as '3y', before
    `maintain` moves them to the archive. Raises DeclarationError, naming the function and the cure.
    """

    def declare(function: Function) -> Function:
        with _Where(function):
            key = (unique_key,) if isinstance(unique_key, str) else tuple(unique_key)
            _require(key, "`unique_key` names at least one column, such as ('site', '_id')")
            _require(
                hasattr(validation_schema, "to_schema"),
                "`validation_schema` is a pandera.ibis DataFrameModel",
            )
            _require_name("table_name", table_name)
            _require_freshness(freshness_hours)
            if cron is not None:
                _require(
                    len(cron.split()) == _CRON_FIELDS,
                    f"`cron` has five fields, such as '0 * * * *', got {cron!r}",
                )
            again = _duration("overlap", overlap)
            _require(
                time_column is not None or not again, "`overlap` needs a `time_column` to go by"
            )
            kept = None if retention is None else _duration("retention", retention)
            _require(
                time_column is not None or kept is None,
                "`retention` needs a `time_column` to go by",
            )
            _require(
                time_column is not None or freshness_hours is None,
                "`freshness_hours` needs a `time_column` to go by",
            )
            most = max_quarantine_percent
            _require(
                most is None or 0 <= most <= 100,  # noqa: PLR2004
                f"`max_quarantine_percent` lies between 0 and 100, got {most!r}",
            )
            spec = IngestionSpec(
                name=table_name,
                function=function,
                unique_key=key,
                validation_schema=validation_schema,
                time_column=time_column,
                group=group,
                cron=cron,
                freshness_hours=freshness_hours,
                overlap=again,
                max_quarantine_percent=max_quarantine_percent,
                retention=kept,
            )
        return _attach(function, spec)

    return declare


def model(
    *, kind: Kind | None = None, group: str | None = None, tags: Sequence[str] = ()
) -> Callable[[Function], Function]:
    """Declare that the function builds the table `<module>.<function>` from its parameters.

    `kind` is a `View()`, a `Table()` (the default) or an `Incremental(...)`.
    Raises DeclarationError, naming the function and the cure.
    """

    def declare(function: Function) -> Function:
        with _Where(function):
            _require(
                kind is None or isinstance(kind, View | Table | Incremental),
                f"`kind` is View(), Table() or Incremental(...), got {kind!r}",
            )
            if isinstance(kind, Incremental):
                _require_incremental(kind)
            _require(
                parameters(function),
                "a model names the tables it reads as parameters, it has none",
            )
            spec = ModelSpec(
                name=function.__name__,
                schema=function.__module__.rpartition(".")[2],
                function=function,
                kind=kind or Table(),
                group=group,
                tags=tuple(tags),
            )
        return _attach(function, spec)

    return declare


def quality(
    *,
    table: str,
    checks: Sequence[Rule] = (),
    blocking: bool = True,
    max_failures: int | None = None,
    max_percent: float | None = None,
    lookback: str | timedelta | None = None,
    lookahead: str | timedelta | None = None,
) -> Callable[[Function], Function]:
    """Declare checks of `table` ('schema.name'); the function may add one of its own.

    The function's parameters are tables and it returns the offending rows; empty is good. A
    function without parameters adds nothing to `checks`. It sees whole tables, or, if `lookback`
    or `lookahead` is given, the windows that a run changed and so much before and after them: then
    a run need not read all of history. A failed `blocking` check keeps the run out of main.
    `max_failures` and `max_percent` are what the function, and each check that does not say it
    itself, may find and still be good. Raises DeclarationError, naming the function and the cure.
    """

    def declare(function: Function) -> Function:
        with _Where(function):
            _require_table("table", table)
            for check in checks:
                _require_rule(check)
            _require(
                checks or parameters(function),
                "nothing to check: give `checks`, or a table as a parameter",
            )
            far = [_duration("lookback", lookback or timedelta())]
            far += [_duration("lookahead", lookahead or timedelta())]
            everywhere = lookback is None and lookahead is None
            spec = QualitySpec(
                name=function.__name__,
                table=table,
                function=function,
                checks=tuple(checks),
                blocking=blocking,
                tolerance=Tolerance(max_failures, max_percent),
                reach=None if everywhere else (far[0], far[1]),
            )
        return _attach(function, spec)

    return declare


def spec_of(function: object) -> Spec | None:
    """The spec that a decorator attached to `function`, if any."""
    return getattr(function, _SPEC, None)


def parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a function's parameters."""
    return tuple(inspect.signature(function).parameters)


class _Where:
    """Puts the function's name before the message of a declaration that went wrong."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.name = f"{function.__module__}.{function.__qualname__}"

    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, DeclarationError):
            raise DeclarationError(f"{self.name}: {error.message}", hint=error.hint) from None


def _attach(function: Function, spec: Spec) -> Function:
    setattr(function, _SPEC, spec)
    return function


def _require(condition: object, message: str) -> None:
    if not condition:
        raise DeclarationError(message)


def _require_name(argument: str, name: str) -> None:
    _require(
        _NAME.fullmatch(name),
        f"`{argument}` is a name in snake case without a schema, got {name!r}",
    )


def _require_table(argument: str, table: str) -> None:
    _require(
        re.fullmatch(r"[a-z0-9_]+\.[a-z0-9_]+", table),
        f"`{argument}` is 'schema.name', such as 'silver.readings', got {table!r}",
    )


def _require_rule(check: object) -> None:
    if not isinstance(check, Rule):
        msg = f"`checks` holds checks such as NullCheck(columns=[...]), got {check!r}"
        raise DeclarationError(msg)
    _ = check.tolerance  # refuses what cannot be meant
    for other in check.others:
        _require_table("to", other)


def _require_incremental(kind: Incremental) -> None:
    _require(
        kind.time_column is not None or kind.key,
        "`Incremental` goes by a `time_column`, a `key` or both, such as key='site'",
    )
    if kind.time_column is not None:
        _require_name("time_column", kind.time_column)
    reach = kind.before or kind.after
    _require(
        kind.time_column is not None or not reach,
        "`lookback` and `lookahead` need a `time_column` to go by",
    )
    _require(kind.grain in GRAINS, f"`grain` is one of {', '.join(GRAINS)}, got {kind.grain!r}")


def _require_freshness(hours: tuple[float, float] | None) -> None:
    if hours is None:
        return
    pair = isinstance(hours, tuple) and [type(hour) in (int, float) for hour in hours]
    _require(
        pair == [True, True] and 0 < hours[0] <= hours[1],
        f"`freshness_hours` is (warn, fail) in hours, such as (1, 24), got {hours!r}",
    )


def _duration(argument: str, value: str | timedelta) -> timedelta:
    if isinstance(value, timedelta):
        return value
    try:
        return parse_duration(value)
    except ValueError as error:
        msg = f"`{argument}` {error}"
        raise DeclarationError(msg) from None
