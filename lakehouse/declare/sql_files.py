"""SQL models: each file of SQL in a folder of `models/` declares the table `<folder>.<file>`.

Comments before the SELECT say how the table is kept (`-- kind: table`), and what it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from inspect import Parameter, Signature
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lakehouse.declare.decorators import model
from lakehouse.declare.kinds import Incremental, Kind, Table, View
from lakehouse.declare.project_code import shown
from lakehouse.errors import ProjectError, choices

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from lakehouse.sql_models.parsed import SqlText, TableName
    from lakehouse.sql_models.select import Note

SUFFIX = ".sql"
_SQL = "__lakehouse_sql__"
_KEYS = ("kind", "group", "tags", "publish")
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]*")
_SETTING = re.compile(r"([A-Za-z_]+)\s*:\s*(.*)")
_MISPLACED = re.compile(rf"(?:--|/\*)\s*(?:{'|'.join(_KEYS)})\s*:")
_KIND = re.compile(r"(\w+)\s*(?:\((.*)\))?")
_ARGUMENT = re.compile(r"\s*(\w+)\s*=\s*(\[[^\]]*\]|\([^)]*\)|'[^']*'|\"[^\"]*\"|[^,]*?)\s*(?:,|$)")
_KINDS: Mapping[str, type[Kind]] = {"table": Table, "view": View, "incremental": Incremental}
_BOOLEANS = {"true": True, "false": False}
_WRITTEN = "such as `-- kind: incremental(time_column=day, lookback=1h)`"


@dataclass(frozen=True)
class SqlModel:
    """The SELECT of a model, and the tables that it names."""

    text: SqlText
    names: Mapping[str, str] = field(default_factory=dict)
    """The names, among the project's tables, of those that schemas share a name of."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the tables that it reads, among those of the project."""
        return tuple(dict.fromkeys(map(self.name_of, self.text.tables())))

    def name_of(self, table: TableName) -> str:
        """Return the name, among the project's tables, of one that the text names."""
        return self.names.get(table.written, table.name)

    def expression(self, tables: Mapping[str, ir.Table], note: Note) -> ir.Table:
        """Return the model as an expression over the tables that it reads, by name.

        Raises ProjectError, with the line, for SQL that DuckDB refuses or that has no equal.
        """
        try:
            return self._expression(tables, note)
        except RecursionError:
            raise self.text.error(
                "it has too many parts within each other",
                self.text.query,
                hint="write `x IN (…)` instead of many OR, or several models",
            ) from None

    def _expression(self, tables: Mapping[str, ir.Table], note: Note) -> ir.Table:
        from lakehouse.sql_models import duckdb_binding, select
        from lakehouse.sql_models.kinds_of_types import differences

        named = {table: tables[self.name_of(table)] for table in self.text.tables()}
        schemas = {table: found.schema() for table, found in named.items()}
        columns = duckdb_binding.bound(self.text, schemas)
        expression = select.expression(self.text, named, note)
        for difference in differences(columns, expression.schema()):
            raise self.text.error(
                f"this SELECT would give {difference}, as DuckDB reads it",
                self.text.query,
                hint="cast the column to the type that it is to have",
            )
        return expression


@dataclass(frozen=True)
class _Header:
    """What the comments before a SELECT say."""

    settings: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Values by key, each with its line."""
    doc: str = ""


def of(package: str, folders: list[Path]) -> Iterator[tuple[ModuleType, str]]:
    """Yield a module for each file of SQL in a package, and the schema of the model in it.

    Raises ProjectError, with the line, for a file that is no model.
    """
    for folder in folders:
        for path in sorted(folder.rglob(f"*{SUFFIX}")):
            parts = path.relative_to(folder).with_suffix("").parts
            if any(part.startswith((".", "__")) for part in parts):
                continue
            if len(parts) == 1:
                raise ProjectError(
                    f"the model {parts[0]!r} lies in no schema",
                    hint=f"move it to a folder, such as {package}/silver/{path.name}",
                    place=shown(str(path)),
                )
            if not _SCHEMA.fullmatch(parts[0]):
                raise ProjectError(
                    f"{parts[0]!r}, the folder of the model, cannot be the name of a schema",
                    hint="rename it, in small letters, digits and _",
                    place=shown(str(path)),
                )
            module = ModuleType(f"{package}.{parts[0]}")
            function = _function(path, module.__name__)
            setattr(module, function.__name__, function)
            yield module, parts[0]


def sql_of(function: Any) -> SqlModel | None:
    """Return the SQL that a function stands for; None for a function in Python."""
    found: SqlModel | None = getattr(function, _SQL, None)
    return found


def _function(path: Path, module: str) -> Callable[..., Any]:
    """Return the function that a file of SQL declares: it takes the tables that the SQL reads."""
    from lakehouse.sql_models.parsed import parse

    file = shown(str(path))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(
            f"it cannot be read: {error}", hint="save it as UTF-8", place=file
        ) from None
    header = _header(file, text)
    try:
        sql = SqlModel(parse(file, text))
        function = _select(sql, path, module, header.doc)
    except RecursionError:
        raise ProjectError(
            "it has too many parts within each other",
            hint="write `x IN (…)` instead of many OR, or several models",
            place=file,
        ) from None
    return model(**_arguments(file, header))(function)


def _select(sql: SqlModel, path: Path, module: str, doc: str | None) -> Callable[..., Any]:
    """Return a function that takes the tables that SQL reads, by name, and returns its rows."""

    def select(**tables: Any) -> Any:
        return sql.expression(tables, lambda *_: None)

    select.__name__ = select.__qualname__ = path.stem
    select.__module__, select.__doc__ = module, doc
    select.__code__ = select.__code__.replace(
        co_filename=str(path), co_firstlineno=1, co_name=path.stem
    )
    parameters = [Parameter(name, Parameter.KEYWORD_ONLY) for name in sql.inputs]
    select.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    setattr(select, _SQL, sql)
    return select


def with_names(function: Callable[..., Any], names: Mapping[str, str]) -> Callable[..., Any]:
    """Return a function as it is, or one of SQL that takes the tables of `names` by these.

    `names` are by qualified name.
    """
    sql = sql_of(function)
    if sql is None or not any(table.written in names for table in sql.text.tables()):
        return function
    path = Path(function.__code__.co_filename)
    return _select(replace(sql, names=names), path, function.__module__, function.__doc__)


def _header(file: str, text: str) -> _Header:
    settings: dict[str, tuple[str, int]] = {}
    doc: list[str] = []
    begun = False
    for number, written in enumerate(text.splitlines(), start=1):
        line = written.strip()
        begun = begun or bool(line and not line.startswith("--"))
        if begun:
            _require_no_setting(line, f"{file}:{number}")
            continue
        comment = line.removeprefix("--").strip()
        setting = _SETTING.fullmatch(comment)
        key = setting[1] if setting else ""
        if setting and key in _KEYS:
            if key in settings:
                raise ProjectError(
                    f"`{key}` is given twice", hint="leave one out", place=f"{file}:{number}"
                )
            settings[key] = (setting[2].strip(), number)
        elif key and get_close_matches(key.lower(), _KEYS, cutoff=0.75):
            raise ProjectError(
                f"{key!r} is no setting of a model",
                hint=choices("settings", key.lower(), _KEYS),
                place=f"{file}:{number}",
            )
        else:
            doc.append(comment)
    return _Header(settings, "\n".join(doc).strip())


def _require_no_setting(line: str, place: str) -> None:
    """Raise ProjectError for a comment that looks like a setting, and is in no header."""
    if _MISPLACED.match(line):
        raise ProjectError(
            f"{line!r} stands where no setting is read",
            hint=f"write settings before the SELECT, {_WRITTEN}",
            place=place,
        )


def _arguments(file: str, header: _Header) -> dict[str, Any]:
    """Return the arguments of `@model` that a header gives."""
    arguments: dict[str, Any] = {}
    for key, (value, line) in header.settings.items():
        place = f"{file}:{line}"
        if not value:
            raise ProjectError(f"`{key}` has no value", hint=f"{_WRITTEN}", place=place)
        if key == "kind":
            arguments[key] = _kind(value, place)
        elif key == "tags":
            arguments[key] = _names(value)
        elif key == "publish":
            if value.lower() not in _BOOLEANS:
                raise ProjectError(
                    f"`publish` is true or false, got {value!r}", hint="write true", place=place
                )
            arguments[key] = _BOOLEANS[value.lower()]
        else:
            arguments[key] = value
    return arguments


def _kind(value: str, place: str) -> Kind:
    written = _KIND.fullmatch(value)
    kind = _KINDS.get(written[1].lower()) if written else None
    if written is None or kind is None:
        raise ProjectError(
            f"{value!r} is no kind",
            hint=f"write table, view or incremental, {_WRITTEN}",
            place=place,
        )
    arguments: dict[str, Any] = {}
    known = [*kind.__dataclass_fields__]
    rest = written[2] or ""
    while rest.strip():
        argument = _ARGUMENT.match(rest)
        if argument is None or argument[1] not in known:
            name = argument[1] if argument else rest.strip()
            raise ProjectError(
                f"{written[1].lower()} has no argument {name!r}",
                hint=choices("arguments", name, known) if known else "leave it out",
                place=place,
            )
        names = _names(argument[2])
        arguments[argument[1]] = names if argument[2][:1] in ("[", "(") else names[0]
        rest = rest[argument.end() :]
    return kind(**arguments)


def _names(value: str) -> tuple[str, ...]:
    """Return the words of a list, with or without brackets and quotation marks."""
    words = value.strip().strip("[]()").split(",")
    return tuple(word.strip().strip("'\"") for word in words if word.strip()) or ("",)
