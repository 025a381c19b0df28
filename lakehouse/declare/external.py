"""Tables that others write, as inputs of models.

They are Parquet files, an Iceberg table, a table of Postgres, or one of the same catalog.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from lakehouse.declare.argument_types import require_types
from lakehouse.declare.copies import CopySpec
from lakehouse.declare.project_code import shown
from lakehouse.declare.requirements import require, require_name
from lakehouse.declare.written_types import type_of
from lakehouse.errors import DeclarationError
from lakehouse.table_names import name_of, schema_of

if TYPE_CHECKING:
    import ibis

_SCHEMA = "external"
"""Schema of a table that is declared without one."""
_OURS = ("raw", "quarantine", "lakehouse", "seeds", "marts")
_REFERENCE = re.compile(r"\$\{[A-Z0-9_]+\}")


@dataclass(frozen=True)
class _Declared:
    """What all tables of others have: columns with their types, as text."""

    types: Mapping[str, str] = field(repr=False, hash=False)
    kind: ClassVar[str] = "external"

    def columns(self) -> ibis.Schema:
        """Return the columns, with their declared types."""
        import ibis

        return ibis.schema({name: type_of(written) for name, written in self.types.items()})


@dataclass(frozen=True)
class ParquetFiles(_Declared):
    """Parquet files: a file, all those in a folder, or those that a pattern fits."""

    path: str

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True)
class IcebergTable(_Declared):
    """An Iceberg table, by its folder or by a metadata file."""

    path: str

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True)
class NeighbourTable(_Declared):
    """An Iceberg table that others keep on main of the same catalog."""

    table: str

    def __str__(self) -> str:
        return f"{self.table} of others on main"


@dataclass(frozen=True)
class PostgresTable(_Declared):
    """A table or view of a Postgres; `address` may refer to variables of the environment."""

    table: str
    address: str = field(repr=False)

    def __str__(self) -> str:
        # Whatever else an address is, it may hold a password.
        at = self.address if _REFERENCE.fullmatch(self.address) else "an address"
        return f"{self.table} in the Postgres at {at}"


def external(
    table: str,
    *,
    columns: Mapping[str, str],
    path: str | None = None,
    iceberg: str | None = None,
    postgres: str | None = None,
) -> CopySpec:
    """Declare a table that others write, as an input of models by its bare name.

    `columns` gives the type of each column that is read, such as "int64". The table lies at `path`,
    Parquet files (a file, a folder or a pattern), at `iceberg`, the folder of an Iceberg table, or
    in the Postgres at the address `postgres`, such as "${CRM_POSTGRES_URL}", under the same name.
    Without any of them, it is an Iceberg table that others keep on main of the same Nessie, such as
    "crm.customers"; its copy is "external.customers". A run copies a table if it changed. Raises
    DeclarationError, which says what to write instead.
    """
    arguments = locals()
    caller = sys._getframe(1)  # noqa: SLF001 - no function is decorated that would have a place
    file, line = Path(caller.f_code.co_filename), caller.f_lineno
    try:
        require_types(external, {**arguments, "columns": {}})
        schema, name = (schema_of(table), name_of(table)) if "." in table else (_SCHEMA, table)
        places = sum(place is not None for place in (path, iceberg, postgres))
        is_neighbour = not places and "." in table
        if is_neighbour:
            schema = _SCHEMA
        require_name("the name of the table", name)
        require_name("the schema of the table", schema)
        require(
            schema not in _OURS,
            f"the schema {schema!r} holds tables of this project: name another",
        )
        require(
            places == 1 or is_neighbour,
            "a table of others is at one place: give `path`, `iceberg` or `postgres`, or, for one"
            " that others keep on main, its name with its schema",
        )
        types = _types(columns)
    except DeclarationError as error:
        raise DeclarationError(
            error.message,
            hint=error.hint or "correct the argument of `external` in this place",
            place=f"{shown(str(file))}:{line}",
        ) from None
    origin: ParquetFiles | IcebergTable | PostgresTable | NeighbourTable
    if is_neighbour:
        origin = NeighbourTable(types, table)
    elif path is not None:
        origin = ParquetFiles(types, path)
    elif iceberg is not None:
        origin = IcebergTable(types, iceberg)
    else:
        origin = PostgresTable(types, table, postgres or "")
    return CopySpec(name, schema, origin, file, line, caller.f_globals.get("__name__", ""))


def _types(columns: object) -> Mapping[str, str]:
    require(
        isinstance(columns, Mapping) and columns,
        '`columns` gives each column a type, such as {"id": "int64"}',
    )
    assert isinstance(columns, Mapping)
    for name, written in columns.items():
        require(isinstance(name, str), f"the name of a column is text, got {name!r}")
        try:
            type_of(written)
        except DeclarationError as error:
            raise DeclarationError(
                f"the type of the column {name!r} {error.message}", hint=error.hint
            ) from None
    return dict(columns)
