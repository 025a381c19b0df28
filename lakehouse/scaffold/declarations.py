"""Declarations added to a project: an ingestion, a model or a check to be filled in."""

from __future__ import annotations

import keyword
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lakehouse.config import Settings
from lakehouse.declare import project
from lakehouse.declare.project import RESERVED_SCHEMAS, Project
from lakehouse.errors import UnknownNameError, UsageError, choices
from lakehouse.scaffold.imports import with_imports
from lakehouse.scaffold.template_files import text
from lakehouse.table_names import name_of

_IBIS = "import ibis"
_TABLES = "import ibis.expr.types as ir"


@dataclass(frozen=True)
class Added:
    """A declaration that was written to a file."""

    name: str
    path: Path


def new_ingestion(settings: Settings, name: str) -> Added:
    """Write the ingestion of `raw.<name>` to a module of its own."""
    known = project.load(settings)
    _require_new(name, known)
    path = _folder(settings, settings.ingestion) / f"{name}.py"
    title = "".join(part.capitalize() for part in name.split("_"))
    _write(path, text("new/ingestion.py", name=name, title=title))
    return Added(f"raw.{name}", path)


def new_model(settings: Settings, table: str, reads: Sequence[str]) -> Added:
    """Write the model of `table` ('schema.name') to the module of its schema.

    `reads` are the tables that it reads, by their names.
    """
    schema, _, name = table.rpartition(".")
    if not schema:
        raise UsageError(f"{table!r} has no schema", hint=f"write it as silver.{table}")
    known = project.load(settings)
    _require_new(name, known)
    _require_name(schema)
    if schema in RESERVED_SCHEMAS:
        raise UsageError(
            f"the schema {schema!r} is taken: it holds {RESERVED_SCHEMAS[schema]}",
            hint=f"choose another one, such as silver.{name}",
        )
    parents = [_known(parent, known) for parent in reads]
    parameters = ", ".join(f"{parent}: ir.Table" for parent in parents)
    code = text("new/model.py", name=name, parameters=parameters, first=parents[0])
    path = _folder(settings, settings.models) / f"{schema}.py"
    _append(path, code, f'"""Tables of the schema `{schema}`."""', [_TABLES], ["Table", "model"])
    return Added(table, path)


def new_check(settings: Settings, name: str, table: str) -> Added:
    """Write a check of `table` to the module `checks` of the models."""
    known = project.load(settings)
    _require_new(name, known)
    bare = _known(table, known)
    code = text("new/check.py", name=name, table=known.tables[bare].table, bare=bare)
    path = _folder(settings, settings.models) / "checks.py"
    head = '"""What has to hold before a run reaches main."""'
    _append(path, code, head, [_IBIS, _TABLES], ["RowCountCheck", "quality"])
    return Added(name, path)


def _folder(settings: Settings, package: str) -> Path:
    return settings.root.joinpath(*package.split("."))


def _require_name(name: str) -> None:
    is_word = name.isidentifier() and name.isascii() and not keyword.iskeyword(name)
    if not is_word or name != name.lower():
        raise UsageError(
            f"{name!r} cannot be the name of a function",
            hint="use small letters, digits and _, and begin with a letter",
        )


def _require_new(name: str, known: Project) -> None:
    _require_name(name)
    names = {name_of(spec.table): spec for spec in known.tables.values()}
    taken = names.get(name) or known.checks.get(name)
    if taken is not None:
        raise UsageError(f"the project has {taken.table} already", hint="choose another name")


def _known(table: str, known: Project) -> str:
    """Return the bare name of a table of the project."""
    name = known.name_of(known.qualified(table))
    if not name:
        raise UnknownNameError(
            f"no function builds {table!r}", hint=choices("tables", name_of(table), known.tables)
        )
    return name


def _write(path: Path, code: str) -> None:
    if path.exists():
        raise UsageError(f"{path} exists already", hint="choose another name")
    path.write_text(code, encoding="utf-8")


def _append(
    path: Path, code: str, head: str, imports: Iterable[str], names: Collection[str]
) -> None:
    """Add code to the end of a module, which begins with `head` if it is new, and its imports."""
    module = path.read_text(encoding="utf-8") if path.exists() else head
    with_them = with_imports(module.rstrip(), imports, names)
    path.write_text(f"{with_them}\n\n\n{code}", encoding="utf-8")
