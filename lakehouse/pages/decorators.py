"""The decorators `@page` and `@report`: they attach a frozen spec to a function, and return it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])
_SPEC = "__lakehouse_page__"


@dataclass(frozen=True)
class Choice:
    """Something that who looks at a page chooses from.

    Without `values`, it is a column, such as `site`, and the choices are its values. With `values`,
    it is a switch, such as a unit: charts know the chosen one as the parameter of that name, and a
    figure may have a column for each value.
    """

    name: str
    label: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class PageSpec:
    """A page of the site, or a report."""

    name: str
    title: str
    function: Callable[..., Any] = field(repr=False)
    choices: tuple[Choice, ...]
    key: str | None = None
    """The column whose value a report is about; None: it is a page of the site."""


def page(*, title: str, choices: Sequence[Choice] = ()) -> Callable[[Function], Function]:
    """Declare a page of the site: the function takes tables by their names and returns blocks."""

    def declare(function: Function) -> Function:
        spec = PageSpec(function.__name__, title, function, tuple(choices))
        setattr(function, _SPEC, spec)
        return function

    return declare


def report(
    *, title: str, key: str, choices: Sequence[Choice] = ()
) -> Callable[[Function], Function]:
    """Declare a report about one value of the column `key`, for a span of days.

    The function takes tables by their names, each cut to the rows of that value if it has the
    column, and the local dates `first` and `last` (inclusive), and returns blocks. `choices` are
    switches, with values.
    """

    def declare(function: Function) -> Function:
        spec = PageSpec(function.__name__, title, function, tuple(choices), key)
        setattr(function, _SPEC, spec)
        return function

    return declare


def page_of(function: Any) -> PageSpec | None:
    """Return what a decorated function declares; None if it is no page."""
    spec = getattr(function, _SPEC, None)
    return spec if isinstance(spec, PageSpec) else None
