"""Backend-portable data pipelines from plain Python functions.

The names that a project imports are here; each is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakehouse.checks import (
        AcceptedValuesCheck,
        CustomCheck,
        FreshnessCheck,
        NullCheck,
        PatternCheck,
        RangeCheck,
        ReconciliationCheck,
        ReferenceCheck,
        RowCountCheck,
        SchemaCheck,
        UniqueCheck,
    )
    from lakehouse.config import Settings
    from lakehouse.declare.decorators import ingestion, model, quality
    from lakehouse.declare.external import external
    from lakehouse.declare.kinds import Incremental, Table, View
    from lakehouse.declare.raw_columns import OPTIONAL, ROUNDED
    from lakehouse.declare.soft_delete import SoftDelete
    from lakehouse.declare.unread import Unread
    from lakehouse.errors import ConfigError, SourceError
    from lakehouse.interface import Lakehouse, open  # noqa: A004 - as `gzip.open` is one
    from lakehouse.windows import Window

__version__ = "0.1.0"

_HOME = {
    "AcceptedValuesCheck": "checks",
    "CustomCheck": "checks",
    "FreshnessCheck": "checks",
    "NullCheck": "checks",
    "PatternCheck": "checks",
    "RangeCheck": "checks",
    "ReconciliationCheck": "checks",
    "ReferenceCheck": "checks",
    "RowCountCheck": "checks",
    "SchemaCheck": "checks",
    "UniqueCheck": "checks",
    "Settings": "config",
    "external": "declare.external",
    "Incremental": "declare.kinds",
    "Table": "declare.kinds",
    "View": "declare.kinds",
    "OPTIONAL": "declare.raw_columns",
    "ROUNDED": "declare.raw_columns",
    "SoftDelete": "declare.soft_delete",
    "Unread": "declare.unread",
    "open": "interface",
    "ingestion": "declare.decorators",
    "model": "declare.decorators",
    "quality": "declare.decorators",
    "ConfigError": "errors",
    "SourceError": "errors",
    "Lakehouse": "interface",
    "Window": "windows",
}

__all__ = [
    "OPTIONAL",
    "ROUNDED",
    "AcceptedValuesCheck",
    "ConfigError",
    "CustomCheck",
    "FreshnessCheck",
    "Incremental",
    "Lakehouse",
    "NullCheck",
    "PatternCheck",
    "RangeCheck",
    "ReconciliationCheck",
    "ReferenceCheck",
    "RowCountCheck",
    "SchemaCheck",
    "Settings",
    "SoftDelete",
    "SourceError",
    "Table",
    "UniqueCheck",
    "Unread",
    "View",
    "Window",
    "external",
    "ingestion",
    "model",
    "open",
    "quality",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
