"""Options that several commands share: days, times, numbers of rows, selections of tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from typing import Any

import click

from lakehouse.catalogs import MAIN
from lakehouse.interface.selection import Selection

_FIRST, _LAST = date(1, 1, 2), date(9998, 12, 30)
"""Days whose instants exist in every time zone, as do those of the day after."""


AT_MOST = click.IntRange(1, 1_000_000_000)
"""Type of options that limit how many lines are shown."""


class Day(click.ParamType[date]):
    """Parameter that is a calendar day such as 2024-03-15."""

    name = "date"

    def convert(self, value: Any, param: Any, ctx: Any) -> date:
        try:
            day = date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date; write it as 2024-03-15", param, ctx)
        if not _FIRST <= day <= _LAST:
            self.fail(f"{value} is not between {_FIRST} and {_LAST}", param, ctx)
        return day


force_option = click.option(
    "--force", is_flag=True, help="Allow days that have not begun; they do not count as fetched."
)


class Moment(click.ParamType[datetime]):
    """Parameter that is a time such as 2024-03-15T18:00, local to the project without an offset."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time; write it as 2024-03-15T18:00", param, ctx)
        if not _FIRST <= moment.date() <= _LAST:
            self.fail(f"{value} is not between {_FIRST} and {_LAST}", param, ctx)
        return moment


def _joined(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> str | None:
    """Return the values of an option that may be repeated as one text; None without any."""
    return " ".join(values) if values else None


def selection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options `--select`, `--exclude` and `--state`, as argument `selection`."""

    @click.option(
        "--select",
        metavar="S",
        multiple=True,
        callback=_joined,
        help="Only these tables: name, mrt_*, +name (and parents), name+, @name, tag:, group:,"
        " layer:, kind:, path:, state:modified; a space joins, a comma intersects.",
    )
    @click.option(
        "--exclude", metavar="S", multiple=True, callback=_joined, help="But not these tables."
    )
    @click.option(
        "--state", metavar="REF", default=MAIN, show_default=True, help="What state: compares with."
    )
    @wraps(command)
    def selecting(*, select: str | None, exclude: str | None, state: str, **rest: Any) -> None:
        command(selection=Selection(select, exclude, state), **rest)

    return selecting
