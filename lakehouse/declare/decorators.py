"""The decorators `@ingestion`, `@model` and `@quality`.

A decorator checks its arguments where they stand, attaches a frozen spec to the function, and
returns that same function, callable as before. Nothing is registered anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from lakehouse.checks import Rule, Tolerance
from lakehouse.checks.rows import A_SCHEMA, is_schema
from lakehouse.checks.rule import Names, names
from lakehouse.declare.argument_types import require_types
from lakehouse.declare.kinds import Incremental, Kind, Table, duration
from lakehouse.declare.news import (
    lag_of,
    require_deletes,
    require_goes_by_windows,
    require_way,
)
from lakehouse.declare.requirements import (
    Naming,
    require,
    require_cron,
    require_freshness,
    require_kind,
    require_name,
    require_parents,
    require_rules,
    require_table,
)
from lakehouse.declare.soft_delete import SoftDelete
from lakehouse.declare.specs import (
    Function,
    IngestionSpec,
    ModelSpec,
    QualitySpec,
    attach,
    parameters,
)


def ingestion(  # noqa: PLR0913 - users write the parameters as keywords
    *,
    table_name: str,
    unique_key: Names,
    validation_schema: Any,
    time_column: str | None = None,
    group: str | None = None,
    cron: str | None = None,
    freshness_hours: tuple[float, float] | None = None,
    overlap: str | timedelta = timedelta(),
    max_quarantine_percent: float | None = None,
    retention: str | timedelta | None = None,
    deletes: Literal["window"] | SoftDelete | None = None,
    cursor: str | None = None,
    lag: str | int | timedelta = timedelta(),
    files: str | None = None,
    naming: Literal["snake_case"] | None = None,
) -> Callable[[Function], Function]:
    """Declare that the function gives back rows of `raw.<table_name>`, for a `Window`.

    `unique_key` names the columns that identify a row, `validation_schema` is the Pandera model
    that rows must satisfy, `time_column` the instant by which rows belong to windows.
    `freshness_hours` is `(warn, fail)`; `overlap` is how much of the time before its window a run
    fetches again, as far as it was ingested earlier. If more than `max_quarantine_percent` of the
    rows that a run fetched are rejected, the run fails as by a blocking check. `retention` is how
    long rows stay, such as '3y', before `maintain` moves them to the archive. With `deletes`
    'window', rows that a window, or the whole of the source, no longer has leave the models; with
    a `SoftDelete`, those of which the source says so. `cursor` names a column that grows with each
    change of a row: the function takes `since`, the newest value that reached main minus the `lag`,
    and gives back rows from there on. `files` is a pattern of files, relative to the project's
    folder: the function takes `file`, the path of one, and is called for each that is new or
    changed. With `naming` 'snake_case', the source's `unitPrice` is the
    column `unit_price`. Raises DeclarationError, which names the function and says what to write
    instead.
    """
    arguments = locals()

    def declare(function: Function) -> Function:
        with Naming(function, "ingestion"):
            require_freshness(freshness_hours)
            require_types(ingestion, arguments)
            key = names(unique_key)
            require(key, "`unique_key` names at least one column, such as ('site', '_id')")
            require(is_schema(validation_schema), f"`validation_schema` {A_SCHEMA}")
            require_name("`table_name`", table_name)
            require_cron(cron)
            require_parents(function, "an ingestion")
            overlap_length = duration("overlap", overlap)
            retained = None if retention is None else duration("retention", retention)
            require(retained != timedelta(), "`retention` is longer than nothing, such as '3y'")
            for argument, given in {"overlap": overlap_length, "retention": retained}.items():
                if given:
                    require_goes_by_windows(argument, time_column, cursor, files)
            require(
                time_column is not None or cursor is not None or freshness_hours is None,
                "`freshness_hours` needs a `time_column` to go by",
            )
            require_way(function, cursor, files)
            require_deletes(deletes, cursor)
            percent = max_quarantine_percent
            require(
                percent is None or 0 <= percent <= 100,  # noqa: PLR2004
                f"`max_quarantine_percent` lies between 0 and 100, got {percent!r}",
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
                overlap=overlap_length,
                max_quarantine_percent=max_quarantine_percent,
                retention=retained,
                deletes=deletes,
                cursor=cursor,
                lag=lag_of(cursor, lag),
                files=files,
                naming=naming,
            )
        return attach(function, spec)

    return declare


def model(
    *,
    name: str | None = None,
    kind: Kind | None = None,
    group: str | None = None,
    tags: Names = (),
    publish: bool | None = None,
    columns: Mapping[str, str] | None = None,
) -> Callable[[Function], Function]:
    """Declare that the function builds the table `<module>.<function>` from its parameters.

    `name` is the table's, if it is not the function's. `kind` is a `View()`, a `Table()` (the
    default) or an `Incremental(...)`. A table of the schema `marts` is published to Postgres,
    unless `publish` is False; one of another schema is if `publish` is True. `columns` says what
    columns mean, by name, for whoever looks at the table.
    Raises DeclarationError, which names the function and says what to write instead.
    """
    arguments = locals()

    def declare(function: Function) -> Function:
        with Naming(function, "model"):
            require_types(model, arguments)
            table_name = function.__name__ if name is None else name
            require_name("the name of a model", table_name)
            if kind is not None:
                require_kind(kind)
            require_parents(function, "a model")
            require(
                parameters(function) or not isinstance(kind, Incremental),
                "an `Incremental` is rebuilt where the tables that it reads change, and this one"
                " reads none: let it be a `Table()`",
            )
            spec = ModelSpec(
                name=table_name,
                schema=function.__module__.rpartition(".")[2],
                function=function,
                kind=kind or Table(),
                group=group,
                tags=names(tags),
                publish=publish,
                columns=dict(columns or {}),
            )
        return attach(function, spec)

    return declare


def quality(
    *,
    table: str,
    checks: Sequence[Rule] = (),
    blocking: bool = True,
    finding: bool = False,
    max_failures: int | None = None,
    max_percent: float | None = None,
    lookback: str | timedelta | None = None,
    lookahead: str | timedelta | None = None,
) -> Callable[[Function], Function]:
    """Declare checks of `table` ('schema.name'); the function may add a custom one.

    The function takes tables by their names and returns the offending rows: none means passed. A
    function without parameters adds nothing to `checks`. It reads whole tables; with `lookback` or
    `lookahead`, only the windows that a run changed and so much time before and after them, so
    that a run need not read all of history. A failed `blocking` check keeps the run out of main;
    another one is a warning, and with `finding` the run ends with exit code 1 as well.
    `max_failures` and `max_percent` are the tolerance of the function, and of each check without
    one of its own. Raises DeclarationError, which names the function and says what to write
    instead.
    """
    arguments = locals()

    def declare(function: Function) -> Function:
        with Naming(function, "quality"):
            require_rules(checks)
            require_types(quality, arguments)
            require_table("table", table)
            require_parents(function, "a check")
            require(
                checks or parameters(function),
                "nothing to check: give `checks`, or a table as a parameter",
            )
            before = duration("lookback", lookback or timedelta())
            after = duration("lookahead", lookahead or timedelta())
            everywhere = lookback is None and lookahead is None
            tolerance = Tolerance(max_failures, max_percent)
            spec = QualitySpec(
                name=function.__name__,
                table=table,
                function=function,
                checks=tuple(checks),
                blocking=blocking,
                finding=finding,
                tolerance=tolerance,
                reach=None if everywhere else (before, after),
            )
        return attach(function, spec)

    return declare
