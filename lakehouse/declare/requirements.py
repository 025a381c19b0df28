"""Checks of the decorators' arguments; each error says what is wrong and what to write instead."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from lakehouse.checks import Rule
from lakehouse.declare.argument_types import require_types
from lakehouse.declare.kinds import Incremental, Kind
from lakehouse.declare.project_code import place_of
from lakehouse.declare.specs import spec_of
from lakehouse.errors import DeclarationError

MOST_BYTES = 63
"""Bytes of a name in Postgres, which cuts off the rest."""
_HINT = "correct the argument of `@{}` in this place"
_CRON_FIELDS = 5
_ANY_MOMENT = datetime(2024, 1, 1, tzinfo=UTC)
_NAME = re.compile(r"[a-z_][a-z0-9_]*")


class Naming:
    """Context that gives errors of a declaration the place of the decorated function."""

    def __init__(self, function: Callable[..., Any], decorator: str) -> None:
        self.function, self.decorator = function, decorator

    def __enter__(self) -> None:
        function = inspect.unwrap(self.function)
        if not inspect.isfunction(function) or function.__name__ == "<lambda>":
            name = getattr(function, "__name__", type(function).__name__)
            raise DeclarationError(
                f"`@{self.decorator}` stands on {name}, which is no function with a name",
                hint=f"write `@{self.decorator}(…)` on the line above a `def`",
            )
        spec = spec_of(self.function)
        if spec is not None and spec.function is self.function:
            raise DeclarationError(
                f"`@{self.decorator}` is a second decorator of ours on this function",
                hint="one function is one model, one ingestion or one set of checks: write another",
                place=place_of(self.function),
            )

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, DeclarationError) and not error.place:
            raise DeclarationError(
                error.message,
                hint=error.hint or _HINT.format(self.decorator),
                place=place_of(self.function),
            ) from None


def require(condition: object, message: str) -> None:
    """Raise DeclarationError with `message` unless the condition is true."""
    if not condition:
        raise DeclarationError(message)


def require_name(argument: str, name: str) -> None:
    """Raise DeclarationError unless `name` is in snake case, without a schema, and short enough.

    Trino knows no capital letters, and Postgres cuts a longer name off.
    """
    require(
        _NAME.fullmatch(name),
        f"{argument} is a name in snake case without a schema, of the letters a to z, got {name!r}",
    )
    require(
        len(name) <= MOST_BYTES,
        f"{argument} has {MOST_BYTES} letters at most, got {len(name)}: {name!r}",
    )


def require_table(argument: str, table: str) -> None:
    """Raise DeclarationError unless `table` is a qualified name."""
    require(
        re.fullmatch(r"[a-z0-9_]+\.[a-z0-9_]+", table),
        f"`{argument}` is 'schema.name', such as 'silver.readings', got {table!r}",
    )


def require_rules(checks: object) -> None:
    """Raise DeclarationError unless `checks` is a list of rules with valid arguments."""
    if not isinstance(checks, list | tuple):
        msg = f"`checks` is a list of checks such as [NullCheck(columns=[...])], got {checks!r}"
        raise DeclarationError(msg)
    for check in checks:
        _require_rule(check)


def _require_rule(check: object) -> None:
    if not isinstance(check, Rule):
        msg = f"`checks` holds checks such as NullCheck(columns=[...]), got {check!r}"
        raise DeclarationError(msg)
    name = type(check).__name__
    try:
        require_types(type(check), vars(check))
        _ = check.tolerance  # raises for a limit below 0
        require(not check.fault, check.fault)
        require(type(check).label is not Rule.label, f"give the class {name} a `label`")
    except DeclarationError as error:
        raise DeclarationError(f"{name}: {error.message}") from None
    for other in check.others:
        require_table("to", other)


def require_kind(kind: Kind) -> None:
    """Raise DeclarationError unless the arguments of a kind have their types and fit together."""
    require_types(type(kind), vars(kind))
    if not isinstance(kind, Incremental):
        return
    require(
        kind.time_column is not None or kind.key,
        "`Incremental` needs a `time_column`, a `key` or both, such as key='site'",
    )
    if kind.time_column is not None:
        require_name("`time_column`", kind.time_column)
    reach = kind.before or kind.after
    require(
        kind.time_column is not None or not reach,
        "`lookback` and `lookahead` need a `time_column` to go by",
    )


def require_parents(function: Callable[..., Any], what: str) -> None:
    """Raise DeclarationError for a parameter that cannot be the name of a table.

    Also for a coroutine: its result would be no table, as nothing awaits it.
    """
    require(
        not inspect.iscoroutinefunction(function),
        f"{what} is a plain function: write `def` instead of `async def`",
    )
    for name, parameter in inspect.signature(function).parameters.items():
        require(
            parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY),
            f"{what} takes its tables by name, and {name!r} is {parameter.kind.description}:"
            " write each table's name as an ordinary parameter",
        )
        require(
            parameter.default is parameter.empty,
            f"the parameter {name!r} has a default, and every parameter names what is handed to it:"
            " take the default out",
        )


def require_freshness(hours: tuple[float, float] | None) -> None:
    """Raise DeclarationError unless `hours` is None or (warn, fail), in ascending order."""
    pair = isinstance(hours, tuple) and [type(hour) in (int, float) for hour in hours]
    require(
        hours is None or (pair == [True, True] and 0 < hours[0] <= hours[1]),
        f"`freshness_hours` is (warn, fail) in hours, such as (1, 24), got {hours!r}",
    )


def require_cron(cron: str | None) -> None:
    """Raise DeclarationError unless `cron` is None or five fields that a moment can match."""
    if cron is None:
        return
    require(
        len(cron.split()) == _CRON_FIELDS,
        f"`cron` has five fields, such as '0 * * * *', got {cron!r}",
    )
    from cronsim import CronSim, CronSimError

    try:
        comes = next(CronSim(cron, _ANY_MOMENT), None)
    except CronSimError as error:
        msg = f"`cron` is minute, hour, day, month and day of the week, got {cron!r}: {error}"
        raise DeclarationError(msg) from None
    require(comes, f"`cron` is a time that comes, and {cron!r} never does")
