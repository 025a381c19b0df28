"""Kinds of models: how a table is kept up to date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from lakehouse.errors import DeclarationError
from lakehouse.windows import Grain, parse_duration


@dataclass(frozen=True)
class View:
    """Kind of a model that is not stored: it is computed wherever it is read.

    A change of a parent is passed on to the view's children as windows of `time_column`, or as
    values of `key`.
    """

    time_column: str | None = None
    key: str | Sequence[str] = ()


@dataclass(frozen=True)
class Table:
    """Kind of a model that is stored, and rebuilt as a whole when a parent changed."""


@dataclass(frozen=True)
class Incremental:
    """Kind of a model that is stored, and rebuilt where inputs changed: by time, by key or by both.

    By time: windows of `time_column` are rebuilt in whole units of `grain`. A row may depend on
    inputs from `lookback` before the start of its unit to `lookahead` after its end.
    By key: `key` names columns, such as a site, and a row depends only on inputs with the same
    values in them. If a changed input lacks these columns, every row is rebuilt.
    """

    time_column: str | None = None
    grain: Grain = "day"
    lookback: str | timedelta = timedelta()
    lookahead: str | timedelta = timedelta()
    key: str | Sequence[str] = ()

    @property
    def before(self) -> timedelta:
        """`lookback` as a timedelta."""
        return duration("lookback", self.lookback)

    @property
    def after(self) -> timedelta:
        """`lookahead` as a timedelta."""
        return duration("lookahead", self.lookahead)


Kind: TypeAlias = View | Table | Incremental


def duration(argument: str, value: str | timedelta) -> timedelta:
    """Parse a length of time such as '2d'. Raises DeclarationError, which names the argument."""
    if isinstance(value, timedelta):
        if value < timedelta():
            msg = f"`{argument}` is less than nothing"
            raise DeclarationError(msg)
        return value
    try:
        return parse_duration(value)
    except ValueError as error:
        msg = f"`{argument}` {error}"
        raise DeclarationError(msg) from None
