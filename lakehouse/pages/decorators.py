"""The decorators `@page` and `@report`: they attach a frozen spec to a function, and return it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lakehouse.declare.specs import parameters
from lakehouse.errors import DeclarationError

Function = TypeVar("Function", bound=Callable[..., Any])
SPAN = ("first", "last")
"""Parameters that give a report the local dates that it is about, both inclusive."""
_SPEC = "__lakehouse_page__"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""What charts take for the name of a parameter."""


@dataclass(frozen=True)
class Choice:
    """Something that who looks at a page chooses from, such as a person or a unit.

    A block whose rows have a column of this name shows the rows of the chosen value only; charts
    know the value as the parameter of this name; and a figure may have a column for each value.
    """

    name: str
    label: str
    values: tuple[str, ...] = ()
    """What can be chosen, the first unless it is chosen; empty: the values of the column."""

    first: str = ""
    """The column with the value that is chosen at first, such as 'people.unit', of a table that the
    function takes, for each value of the choice before it; empty: the first value."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise DeclarationError(
                f"the choice {self.name!r} is no name of a column or a parameter",
                hint="write it in letters, digits and _, such as Choice('site', 'Person')",
            )
        if isinstance(self.values, str) or not all(isinstance(v, str) for v in self.values):
            raise DeclarationError(
                f"the values of the choice {self.name!r} are no texts",
                hint="give a tuple of texts, such as ('°C', '°F')",
            )
        if len(set(self.values)) < len(self.values):
            raise DeclarationError(
                f"the choice {self.name!r} has a value twice", hint="name each value once"
            )


@dataclass(frozen=True)
class Days:
    """Which days a report can be about: those in a column of dates, such as 'orders.day'."""

    column: str
    newest: int
    """Days of a report for which none are asked, up to the newest one there is."""


@dataclass(frozen=True)
class PageSpec:
    """A page of the site, or a report."""

    name: str
    title: str
    function: Callable[..., Any] = field(repr=False)
    choices: tuple[Choice, ...]
    key: str | None = None
    """The column whose value a report is about; None: it is a page of the site."""
    days: Days | None = None
    """Which days a report can be about; None: it is a page of the site."""

    @property
    def tables(self) -> tuple[str, ...]:
        """The bare names of the tables that the function takes."""
        names = parameters(self.function)
        return names if self.key is None else tuple(name for name in names if name not in SPAN)


def page(*, title: str, choices: Sequence[Choice] = ()) -> Callable[[Function], Function]:
    """Declare a page of the site: the function takes tables by their names and returns blocks.

    Raises DeclarationError for a choice that is named twice, or that is none.
    """
    _require_choices(choices)

    def declare(function: Function) -> Function:
        spec = PageSpec(function.__name__, title, function, tuple(choices))
        setattr(function, _SPEC, spec)
        return function

    return declare


def report(
    *, title: str, key: str, days: Days, choices: Sequence[Choice] = ()
) -> Callable[[Function], Function]:
    """Declare a report about one value of the column `key`, for a span of days.

    The function takes tables by their names, each cut to the rows of that value if it has the
    column, and the local dates `first` and `last` (inclusive), and returns blocks. `choices` are
    switches, with values. Raises DeclarationError for a choice that is named twice.
    """
    _require_choices(choices)

    def declare(function: Function) -> Function:
        spec = PageSpec(function.__name__, title, function, tuple(choices), key, days)
        setattr(function, _SPEC, spec)
        return function

    return declare


def page_of(function: Any) -> PageSpec | None:
    """Return what a decorated function declares; None if it is no page."""
    spec = getattr(function, _SPEC, None)
    return spec if isinstance(spec, PageSpec) else None


def _require_choices(choices: Sequence[Choice]) -> None:
    for choice in choices:
        if not isinstance(choice, Choice):
            raise DeclarationError(
                f"{choice!r} is no choice", hint="such as Choice('site', 'Person')"
            )
    names = [choice.name for choice in choices]
    if len(set(names)) < len(names):
        raise DeclarationError(
            f"a page has a choice twice: {', '.join(names)}", hint="name each choice once"
        )
