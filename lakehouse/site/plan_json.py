"""Plans of pages as JSON, and back: each dataclass as an object with its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import ibis

from lakehouse.compile import cache
from lakehouse.compile.compiler import Statement
from lakehouse.pages import blocks
from lakehouse.pages.decorators import Choice
from lakehouse.site.charts import Drawn
from lakehouse.site.page_plan import PlannedPage, Unread

_KIND = "$"
"""Key of the name of a dataclass; `%` begins keys that are texts of the project."""
_BLOCKS = (
    *(blocks.Text, blocks.Figure, blocks.Figures, blocks.Notices),
    *(blocks.Chart, blocks.Rows, blocks.Columns),
)
_KINDS: dict[str, type] = {
    kind.__name__: kind for kind in (PlannedPage, Choice, Drawn, Unread, Statement, *_BLOCKS)
}


def to_json(value: Any) -> Any:
    """Return a plan, or a part of one, as JSON has it. Raises TypeError for what is no part."""
    if isinstance(value, ibis.Schema):
        return {_KIND: "Schema", **{f"%{name}": str(kind) for name, kind in value.items()}}
    if is_dataclass(value) and _KINDS.get(type(value).__name__) is type(value):
        parts = {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
        return {_KIND: type(value).__name__, **parts}
    if isinstance(value, Mapping):
        return {f"%{_text(key)}": to_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(part) for part in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"{type(value).__name__} is no part of a page")


def from_json(value: Any) -> Any:
    """Return what `to_json` was given; tuples stand for all lists."""
    if isinstance(value, list):
        return tuple(map(from_json, value))
    if not isinstance(value, dict):
        return value
    parts = {key.removeprefix("%"): from_json(part) for key, part in value.items() if key != _KIND}
    kind = value.get(_KIND)
    if kind is None:
        return parts
    return cache.schema_of(parts) if kind == "Schema" else _KINDS[kind](**parts)


def _text(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the key {key!r} is no text")
    return key
