"""The columns that a Pandera model declares, also those of types that Pandera has not for Ibis.

These are arrays, structs, UUIDs and JSON. Once they are registered, a field is declared by the Ibis
type itself: `tags: dt.Array(dt.string)`.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from functools import cache
from typing import Any, get_type_hints

import ibis.expr.datatypes as dt
from pandera.engines.ibis_engine import DataType, Engine
from pandera.ibis import DataFrameModel

from lakehouse.errors import ProjectError

_COLLECTIONS = (dict, list, set, tuple)
_CURE = (
    "declare a field as a type of Python or Ibis, such as int, str, dt.Decimal(12, 2),"
    " dt.Timestamp('UTC') or dt.Array(dt.string)"
)


class _Nested(DataType):
    """An array or a struct, of any type."""

    def __init__(self, kind: dt.DataType) -> None:
        object.__setattr__(self, "type", kind)

    @classmethod
    def from_parametrized_dtype(cls, kind: dt.Array | dt.Struct) -> _Nested:
        """Box an Ibis type; Pandera reads from the annotation for which types this is called."""
        return cls(kind)


class _Uuid(DataType):
    """A UUID."""

    type: Any = dt.uuid

    def __init__(self) -> None:
        pass


class _Json(DataType):
    """A JSON document of any shape."""

    type: Any = dt.json

    def __init__(self) -> None:
        pass


@cache
def _register() -> None:
    """Let Pandera know the types; calling it again does nothing."""
    Engine.register_dtype(_Nested)
    Engine.register_dtype(_Uuid, equivalents=[uuid.UUID, dt.UUID, dt.uuid])
    Engine.register_dtype(_Json, equivalents=[dt.JSON, dt.json])


def columns_of(model: Any) -> dict[str, Any]:
    """Return the columns that a Pandera model declares, by name.

    Raises ProjectError, which names the field, for an annotation that is no type of a column.
    """
    _register()
    try:
        columns = dict(model.to_schema().columns)
    except Exception as error:  # noqa: BLE001 - Pandera and Ibis raise errors of many kinds
        place = _misunderstood(model) or f"{model.__name__} cannot be read"
        reason = str(error).partition("\n")[0] or type(error).__name__
        told = "" if "not understood" in reason else f": {reason}"
        raise ProjectError(f"{place}{told}", hint=_CURE) from None
    untyped = [name for name, column in columns.items() if column.dtype is None]
    # Pandera would take the first argument of list[int] for the type.
    fields = model.__fields__.items()
    untyped += [field for field, (annotation, _) in fields if annotation.origin in _COLLECTIONS]
    if untyped:
        raise ProjectError(
            f"the field {untyped[0]!r} of {model.__name__} is declared as a Python collection",
            hint="declare dt.Array(...), dt.Struct({...}) or dt.Map(..., ...)",
        )
    return columns


def _misunderstood(model: Any) -> str:
    """Name the first field whose annotation cannot be read alone; empty if each of them can."""
    with suppress(Exception):
        for name, annotation in get_type_hints(model, include_extras=True).items():
            try:
                alone = {"__annotations__": {name: annotation}}
                alone_model: Any = type(name, (DataFrameModel,), alone)
                alone_model.to_schema()
            except Exception:  # noqa: BLE001 - as above
                written = getattr(annotation, "__name__", None) or str(annotation)
                return f"the field {name!r} of {model.__name__} cannot be of type {written}"
    return ""
