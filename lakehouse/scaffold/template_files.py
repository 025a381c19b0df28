"""The texts that projects begin with: files below `templates/`, each with `.txt` at its end."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from string import Template

_SUFFIX = ".txt"
_HIDDEN = {"gitignore": ".gitignore", "github": ".github/workflows"}
"""Names that begin with a dot in a project; tools that pack the framework leave such files out."""


def texts(folder: str, **values: str) -> dict[PurePosixPath, str]:
    """Return the texts of a folder of templates by their paths in a project."""
    top = files(__package__).joinpath("templates", folder)
    return {path: _filled(file, values) for path, file in _below(top, PurePosixPath())}


def text(path: str, **values: str) -> str:
    """Return one text; `path` is its place below `templates/`, without the ending."""
    return _filled(files(__package__).joinpath("templates", path + _SUFFIX), values)


def _filled(file: Traversable, values: dict[str, str]) -> str:
    return Template(file.read_text(encoding="utf-8")).substitute(values)


def _below(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        name = entry.name.removesuffix(_SUFFIX)
        place = path / _HIDDEN.get(name, name)
        if entry.is_dir():
            yield from _below(entry, place)
        elif entry.name.endswith(_SUFFIX):
            yield place, entry
