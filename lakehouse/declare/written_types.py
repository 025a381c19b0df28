"""Types of columns that are written as text, and types inferred from values that are text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, datetime
from typing import TYPE_CHECKING

from lakehouse.errors import DeclarationError

if TYPE_CHECKING:
    import ibis

_EXAMPLES = (
    "string, int64, float64, boolean, date, decimal(12, 2), timestamp(6) or timestamp('UTC', 6)"
)
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,18})", re.ASCII)
_FRACTION = re.compile(r"-?(0|[1-9][0-9]{0,18})\.[0-9]+([eE][+-]?[0-9]{1,2})?", re.ASCII)
"""A number with a point: `12E3` may be the code of an article."""
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MOMENT = rf"{_DAY}[ T][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]{{1,6}})?"
_DATE, _LOCAL = re.compile(_DAY, re.ASCII), re.compile(_MOMENT, re.ASCII)
_INSTANT = re.compile(rf"{_MOMENT}(Z|[+-][0-9]{{2}}:[0-9]{{2}})", re.ASCII)
_INT64 = range(-(2**63), 2**63)
_EXACT = 2**53
"""Whole numbers up to here are doubles."""


def type_of(written: object) -> ibis.DataType:
    """Return the type that a text names. Raises DeclarationError for one that no table holds."""
    import ibis

    from lakehouse.declare.column_types import require_storable
    from lakehouse.errors import ProjectError

    hint = f"write a type such as {_EXAMPLES}"
    if not isinstance(written, str):
        raise DeclarationError(f"is text, got {written!r}", hint=hint)
    try:
        kind = ibis.dtype(written)
        require_storable(ibis.schema({"column": kind}))
    except ProjectError as error:
        raise DeclarationError(f"is {written!r}, which no table holds", hint=error.hint) from None
    except Exception:  # noqa: BLE001 - Ibis raises what its parser raises
        raise DeclarationError(f"is {written!r}, which is no type", hint=hint) from None
    return kind


def inferred(values: Iterable[str | None]) -> ibis.DataType:
    """Return the narrowest type that keeps every one of the values, None being null.

    A column without any value is text. So are numbers with leading zeros, or with more digits than
    their type keeps, and dates and times that are not written as in ISO 8601.
    """
    import ibis

    known = [value for value in values if value is not None]
    for kind, holds in _KINDS.items():
        if known and all(map(holds, known)):
            return ibis.dtype(kind)
    return ibis.dtype("string")


def _is_whole(text: str) -> bool:
    return bool(_WHOLE.fullmatch(text)) and int(text) in _INT64


def _is_double(text: str) -> bool:
    if _WHOLE.fullmatch(text):
        return abs(int(text)) <= _EXACT
    return bool(_FRACTION.fullmatch(text))


def _reads(pattern: re.Pattern[str], parse: Callable[[str], object]) -> Callable[[str], bool]:
    def holds(text: str) -> bool:
        with suppress(ValueError):
            return bool(pattern.fullmatch(text)) and parse(text) is not None
        return False

    return holds


_KINDS: dict[str, Callable[[str], bool]] = {
    "boolean": lambda text: text in ("true", "false"),
    "int64": _is_whole,
    "float64": _is_double,
    "date": _reads(_DATE, date.fromisoformat),
    "timestamp(6)": _reads(_LOCAL, datetime.fromisoformat),
    "timestamp('UTC', 6)": _reads(_INSTANT, datetime.fromisoformat),
}
"""The types that are inferred, and whether each keeps a text; the first that keeps all is taken."""
