"""Checks of the decorators' arguments; each error says what is wrong and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lakehouse.checks import Rule
from lakehouse.declare.kinds import Incremental
from lakehouse.errors import DeclarationError
from lakehouse.windows import GRAINS

_NAME = re.compile(r"[a-z_][a-z0-9_]*")


class Naming:
    """Context that puts the name of the decorated function before the message of an error."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.name = f"{function.__module__}.{function.__qualname__}"

    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, DeclarationError):
            raise DeclarationError(f"{self.name}: {error.message}", hint=error.hint) from None


def require(condition: object, message: str) -> None:
    """Raise DeclarationError with `message` unless the condition is true."""
    if not condition:
        raise DeclarationError(message)


def require_name(argument: str, name: str) -> None:
    """Raise DeclarationError unless `name` is in snake case, without a schema."""
    require(
        _NAME.fullmatch(name),
        f"`{argument}` is a name in snake case without a schema, got {name!r}",
    )


def require_table(argument: str, table: str) -> None:
    """Raise DeclarationError unless `table` is a qualified name."""
    require(
        re.fullmatch(r"[a-z0-9_]+\.[a-z0-9_]+", table),
        f"`{argument}` is 'schema.name', such as 'silver.readings', got {table!r}",
    )


def require_rule(check: object) -> None:
    """Raise DeclarationError unless `check` is a rule with valid limits and table names."""
    if not isinstance(check, Rule):
        msg = f"`checks` holds checks such as NullCheck(columns=[...]), got {check!r}"
        raise DeclarationError(msg)
    _ = check.tolerance  # raises for a limit below 0
    for other in check.others:
        require_table("to", other)


def require_incremental(kind: Incremental) -> None:
    """Raise DeclarationError unless `kind` has a time column or a key, and a known grain."""
    require(
        kind.time_column is not None or kind.key,
        "`Incremental` needs a `time_column`, a `key` or both, such as key='site'",
    )
    if kind.time_column is not None:
        require_name("time_column", kind.time_column)
    reach = kind.before or kind.after
    require(
        kind.time_column is not None or not reach,
        "`lookback` and `lookahead` need a `time_column` to go by",
    )
    require(kind.grain in GRAINS, f"`grain` is one of {', '.join(GRAINS)}, got {kind.grain!r}")


def require_freshness(hours: tuple[float, float] | None) -> None:
    """Raise DeclarationError unless `hours` is None or (warn, fail), in ascending order."""
    if hours is None:
        return
    pair = isinstance(hours, tuple) and [type(hour) in (int, float) for hour in hours]
    require(
        pair == [True, True] and 0 < hours[0] <= hours[1],
        f"`freshness_hours` is (warn, fail) in hours, such as (1, 24), got {hours!r}",
    )
