"""Seeds: CSV files in a folder of the project, each of which is a table of the schema `seeds`.

`countries.csv` is the table `seeds.countries`. A file `countries.toml` beside it may give columns
types, a line each: `population = "int64"`. The types of all other columns are inferred from every
row. An empty field is null.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NoReturn

from lakehouse.declare.copies import CopySpec
from lakehouse.declare.project_code import shown
from lakehouse.declare.requirements import require_name
from lakehouse.declare.written_types import inferred, type_of
from lakehouse.errors import DeclarationError, ProjectError, choices

if TYPE_CHECKING:
    import ibis

SCHEMA = "seeds"
_CSV, _TYPES = ".csv", ".toml"
_QUOTE = 'write a field that holds a comma, a quotation mark or a line break as "…", each " in it'
_ONE_LINE = 'with one field a column, separated by commas; write a field with a comma as "a, b"'
_LONGEST = 10_000_000
"""Characters of a field, at most."""


@dataclass(frozen=True)
class SeedRows:
    """The rows of a seed as text, None for an empty field, and the line where each begins."""

    columns: tuple[str, ...]
    rows: list[list[str | None]]
    lines: list[int]


@dataclass(frozen=True)
class SeedFile:
    """A CSV file of the project."""

    path: Path
    kind: ClassVar[str] = "seed"

    def __str__(self) -> str:
        return f"{self.path.parent.name}/{self.path.name}"

    def columns(self) -> ibis.Schema:
        """Return the columns with their types. Raises ProjectError for a file that is wrong."""
        import ibis

        read = self.read()
        declared = _declared(self.path.with_suffix(_TYPES), read.columns)
        by_column = zip(*read.rows, strict=True) if read.rows else iter([()] * len(read.columns))
        return ibis.schema(
            {
                name: declared.get(name) or inferred(values)
                for name, values in zip(read.columns, by_column, strict=True)
            }
        )

    def read(self) -> SeedRows:
        """Return the rows as text. Raises ProjectError, which names the line that is wrong."""
        csv.field_size_limit(_LONGEST)
        lines = csv.reader(io.StringIO(self._text(), newline=""), strict=True)
        header = _header(self.path, self._next(lines, 1))
        rows: list[list[str | None]] = []
        starts: list[int] = []
        while True:
            start = lines.line_num + 1
            row = self._next(lines, start)
            if row is None:
                return SeedRows(header, rows, starts)
            if not row:  # an empty line
                continue
            if len(row) != len(header):
                wrong(
                    self.path,
                    start,
                    f"the row has {_counted(row)}, and the header has {_counted(header)}",
                    _ONE_LINE,
                )
            rows.append([field or None for field in row])
            starts.append(start)

    def _text(self) -> str:
        raw = self.path.read_bytes()
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            wrong(self.path, line, "the line is not UTF-8", "save the file as UTF-8")
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            wrong(self.path, line, "the line holds a NUL character", "remove it")
        return text

    def _next(self, lines: Iterator[list[str]], start: int) -> list[str] | None:
        try:
            return next(lines, None)
        except csv.Error as error:
            wrong(self.path, start, f"the row cannot be read: {error}", f"{_QUOTE} twice")


def files(folder: Path) -> list[Path]:
    """Return the files of seeds in a folder, and those that give them types, by name."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in paths if path.suffix.lower() in (_CSV, _TYPES))


def find(folder: Path) -> Iterator[CopySpec]:
    """Yield the seeds in a folder, by name. Raises ProjectError for a file that can be none."""
    if not folder.is_dir() and folder.name != SCHEMA:
        raise ProjectError(
            f"the folder of seeds, {folder.name!r}, does not exist",
            hint="create it beside lakehouse.toml, or leave `seeds` out of [project]",
        )
    paths = files(folder)
    names = {path.stem for path in paths if path.suffix == _CSV}
    for path in paths:
        if path.suffix.lower() == _CSV:
            _require_named(path)
            yield CopySpec(path.stem, SCHEMA, SeedFile(path), path)
        elif path.suffix == _TYPES and path.stem not in names:
            raise ProjectError(
                f"it gives types to {path.stem}{_CSV}, which does not exist",
                hint=choices("seeds", path.stem, sorted(names)),
                place=shown(str(path)),
            )


def wrong(path: Path, line: int, message: str, hint: str) -> NoReturn:
    """Raise ProjectError for a line of a file."""
    raise ProjectError(message, hint=hint, place=f"{shown(str(path))}:{line}")


def _require_named(path: Path) -> None:
    try:
        require_name("the name of a seed", path.stem)
    except DeclarationError as error:
        raise ProjectError(error.message, hint="rename the file", place=shown(str(path))) from None
    if path.suffix != _CSV:
        raise ProjectError(
            f"the file ends with {path.suffix!r}",
            hint=f"rename it to {path.stem}{_CSV}",
            place=shown(str(path)),
        )


def _header(path: Path, row: list[str] | None) -> tuple[str, ...]:
    if not row:
        wrong(path, 1, "the file has no header", "write the names of its columns in the first line")
    if len(row) == 1 and (separators := {*row[0]} & {*";\t|"}):
        between = "tabs" if "\t" in separators else f"`{separators.pop()}`"
        wrong(path, 1, f"the fields are separated by {between}", "separate them by commas")
    seen: set[str] = set()
    for name in row:
        if not name or name != name.strip():
            wrong(path, 1, f"{name!r} cannot be the name of a column", "leave no white space there")
        if name.lower() in seen:
            wrong(path, 1, f"the column {name!r} occurs twice", "give one of them another name")
        seen.add(name.lower())
    return tuple(row)


def _declared(path: Path, columns: Sequence[str]) -> dict[str, ibis.DataType]:
    """Return the types that the file beside a seed gives to columns; none without that file."""
    if not path.exists():
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectError(
            f"it is no TOML: {error}",
            hint='write a line such as code = "string"',
            place=shown(str(path)),
        ) from None
    types = {}
    for name, written in document.items():
        if name not in columns:
            raise ProjectError(
                f"the seed has no column {name!r}",
                hint=choices("columns", name, columns),
                place=shown(str(path)),
            )
        try:
            types[name] = type_of(written)
        except DeclarationError as error:
            raise ProjectError(
                f"the type of {name!r} {error.message}", hint=error.hint, place=shown(str(path))
            ) from None
    return types


def _counted(fields: Sequence[str]) -> str:
    return f"{len(fields)} field{'s' if len(fields) != 1 else ''}"
