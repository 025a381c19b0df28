"""A project to begin with: orders of a shop, from a REST API, a database or files."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from lakehouse import __version__
from lakehouse.config import FILE
from lakehouse.errors import StorageError
from lakehouse.scaffold.template_files import texts

TEMPLATES = ("rest", "database", "files")
"""Kinds of sources that a project can begin with."""
_MORE = PurePosixPath(f"{FILE}.more")
"""Template of the lines that a kind of source adds to `lakehouse.toml`."""


def create(folder: Path, template: str) -> list[str]:
    """Write a project to a folder, which is made if it is missing; return the paths in it.

    Raises StorageError for a folder that is not empty, or that lies in another project.
    """
    place = folder.absolute()
    _require_free(place)
    values = {"name": place.name, "version": __version__}
    project, source = texts("project", **values), texts(template, **values)
    project[PurePosixPath(FILE)] += source.pop(_MORE)
    project |= {PurePosixPath("ingestion") / path: text for path, text in source.items()}
    for path, text in project.items():
        file = place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return sorted(map(str, project))


def _require_free(place: Path) -> None:
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise StorageError(
            f"{place} {'is no folder' if not place.is_dir() else 'is not empty'}",
            hint="name a folder that does not exist yet",
        )
    for above in place.parents:
        if (above / FILE).exists():
            raise StorageError(
                f"{place} would lie in the project of {above}",
                hint="begin outside of it; `lakehouse new` adds to a project",
            )
