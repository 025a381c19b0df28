"""Types of arguments: what is given must fit what a decorator, a kind or a check declares.

A text is no list: where a list of names is meant, one name is taken whole or refused, and never
split into its letters.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from lakehouse.errors import DeclarationError

_NOUNS = {
    str: "text",
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    types.NoneType: "None",
    Decimal: "a Decimal",
    date: "a date",
    timedelta: "a timedelta",
    Any: "a value",
}
_SHOWN = 60
"""Characters of a wrong argument that an error shows, at most."""


def require_types(declaration: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Raise DeclarationError for the first argument that does not fit its annotation."""
    for name, kind in _annotations(declaration).items():
        if name in arguments and not _fits(arguments[name], kind):
            msg = f"`{name}` is {_noun(kind)}, got {_shown(arguments[name])}"
            raise DeclarationError(msg)


@cache
def _annotations(declaration: Callable[..., Any]) -> dict[str, Any]:
    """The types of the arguments of a function or a dataclass, as far as they can be resolved."""
    try:
        return get_type_hints(declaration)
    except (NameError, TypeError, AttributeError):  # a check of the user, annotated loosely
        return {}


def _fits(value: Any, kind: Any) -> bool:
    form = _FORMS.get(get_origin(kind))
    if form is not None:
        return form(value, get_args(kind))
    if kind in (int, float):
        wanted = int if kind is int else (int, float)
        return isinstance(value, wanted) and not isinstance(value, bool)
    return kind is Any or not isinstance(kind, type) or isinstance(value, kind)


def _fits_any(value: Any, kinds: Sequence[Any]) -> bool:
    return any(_fits(value, kind) for kind in kinds)


def _fits_pair(value: Any, kinds: Sequence[Any]) -> bool:
    is_pair = isinstance(value, tuple) and len(value) == len(kinds)
    return is_pair and all(map(_fits, value, kinds))


def _fits_list(value: Any, kinds: Sequence[Any]) -> bool:
    is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    return is_list and all(_fits(item, kinds[0]) for item in value)


def _fits_mapping(value: Any, kinds: Sequence[Any]) -> bool:
    key, item = kinds
    return isinstance(value, Mapping) and all(
        _fits(name, key) and _fits(each, item) for name, each in value.items()
    )


_FORMS: Mapping[Any, Callable[[Any, Sequence[Any]], bool]] = {
    Union: _fits_any,
    types.UnionType: _fits_any,
    Literal: lambda value, texts: isinstance(value, str) and value in texts,
    Callable: lambda value, _: callable(value),
    tuple: _fits_pair,
    Sequence: _fits_list,
    Mapping: _fits_mapping,
}
"""How a value fits a type that is made of others, by its origin."""


def _noun(kind: Any) -> str:
    """What a type is called in a message."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _either(dict.fromkeys(map(_noun, parts)))
    if origin is Literal:
        return _either(map(repr, parts))
    if origin in (tuple, Sequence):
        several = f"{_noun(parts[0]).removeprefix('a ')}s"
        return f"a pair of {several}" if origin is tuple else f"a list of {several}"
    if origin is Mapping:
        return f"a dict of {_noun(parts[1])} by {_noun(parts[0])}"
    return "a function" if origin is Callable else _NOUNS.get(kind) or f"{kind.__name__}(…)"


def _either(nouns: Iterable[str]) -> str:
    *most, last = nouns
    return f"{', '.join(most)} or {last}" if most else last


def _shown(value: Any) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__} itself: write {value.__name__}(…)"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
