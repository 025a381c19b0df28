"""Requirements on references: every table that a model or a check reads is one of the project's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from lakehouse.declare import sql_files
from lakehouse.declare.copies import CopySpec
from lakehouse.declare.project_code import place_of
from lakehouse.declare.specs import IngestionSpec, ModelSpec, QualitySpec
from lakehouse.errors import ProjectError, choices
from lakehouse.table_names import name_of

Tables: TypeAlias = Mapping[str, IngestionSpec | CopySpec | ModelSpec]
_KNOWN = "known tables"


def require_known(tables: Tables, readers: Sequence[ModelSpec | QualitySpec]) -> None:
    """Raise ProjectError, with the place, for a reader of a table that no function builds."""
    for reader in readers:
        if isinstance(reader, QualitySpec):
            _require_tables_of_check(reader, tables)
        else:
            _require_tables_of_sql(reader, tables)
        _require_parameters(reader, tables)


def _require_tables_of_check(check: QualitySpec, tables: Tables) -> None:
    known = sorted(spec.table for spec in tables.values())
    for does, table in _tables_of(check):
        if table not in known:
            namesake = tables.get(name_of(table))
            raise ProjectError(
                f"{check.name} {does} {table!r}, which no function builds",
                hint=choices(_KNOWN, namesake.table if namesake else table, known),
                place=place_of(check.function),
            )


def _tables_of(check: QualitySpec) -> Iterator[tuple[str, str]]:
    """Yield the tables that a check names with their schemas, and what it does with each."""
    yield "checks", check.table
    for rule in check.checks:
        yield from (("compares with", other) for other in rule.others)


def _require_tables_of_sql(model: ModelSpec, tables: Tables) -> None:
    sql = sql_files.sql_of(model.function)
    if sql is None:
        return
    known = sorted(spec.table for spec in tables.values())
    for named in sql.text.tables():
        table = tables.get(sql.name_of(named))
        if table is None or named.schema not in ("", table.schema):
            message, hint = f"{model.table} reads {named.written!r}, which no function builds", ""
            namesakes = [each for each in known if name_of(each) == named.name]
            if not named.schema and namesakes:
                message, hint = _shared(model.table, named.name, namesakes)
            near = table.table if table else named.written
            raise sql.text.error(message, named.line, hint=hint or choices(_KNOWN, near, known))


def _require_parameters(reader: ModelSpec | QualitySpec, tables: Tables) -> None:
    name_of_reader = reader.table if isinstance(reader, ModelSpec) else reader.name
    for name in reader.inputs:
        if name not in tables:
            message = f"{name_of_reader} reads {name!r}, which no function builds"
            hint = choices(_KNOWN, name, sorted(tables))
            namesakes = [key for key in tables if name_of(tables[key].table) == name]
            if namesakes:
                message, hint = _shared(name_of_reader, name, namesakes)
            raise ProjectError(message, hint=hint, place=place_of(reader.function))


def _shared(reader: str, name: str, namesakes: Sequence[str]) -> tuple[str, str]:
    """Return the message and the cure for a name that several schemas have."""
    return f"{reader} reads {name!r}, which several schemas have", f"write {' or '.join(namesakes)}"
