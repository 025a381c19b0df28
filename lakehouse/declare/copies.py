"""Copies: tables that a run reads as a whole from outside, such as a seed or a table of others.

A copy holds exactly the rows of its origin. It is written anew when they changed, and its children
are rebuilt then; as long as they are the same, nothing is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from lakehouse.declare.project_code import shown

if TYPE_CHECKING:
    import ibis


class Origin(Protocol):
    """Where the rows of a copy come from; `str` names the place, without secrets."""

    kind: ClassVar[str]
    """What people call such a table: 'seed' or 'external'."""

    def columns(self) -> ibis.Schema:
        """Return the columns, with the types that are declared or inferred."""
        ...


@dataclass(frozen=True)
class CopySpec:
    """A table that is copied as a whole from its origin."""

    name: str
    schema: str
    origin: Origin
    file: Path = field(repr=False)
    """The file that declares it."""
    line: int | None = None
    module: str = ""
    """The module that declares it; empty for a seed."""
    name_in_schema: str = ""
    """Its name within the schema, if another schema has a table of it; empty: `name`."""
    time_column: ClassVar[None] = None
    key: ClassVar[tuple[str, ...]] = ()

    @property
    def table(self) -> str:
        """The qualified name of the table."""
        return f"{self.schema}.{self.name_in_schema or self.name}"

    @property
    def place(self) -> str:
        """The file, and the line if there is one, as errors show it."""
        return shown(str(self.file)) + (f":{self.line}" if self.line else "")

    @property
    def description(self) -> str:
        """Nothing: no function says what the table is."""
        return ""

    @property
    def declared(self) -> Mapping[str, str]:
        """How the table is kept, by argument, as text; its columns are not part of it."""
        return {"from": str(self.origin)}


def stored_columns(spec: CopySpec) -> ibis.Schema:
    """Return the columns of the table, with the types that tables store."""
    import ibis

    from lakehouse.declare.column_types import stored

    return ibis.schema({name: stored(kind) for name, kind in spec.origin.columns().items()})


def fingerprint(columns: ibis.Schema) -> str:
    """Hash of the columns of a copy; 16 characters."""
    return hashlib.sha256(repr(columns).encode()).hexdigest()[:16]
