"""Writing a bundle as a folder, or as a ZIP file, which Superset's commands take."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.errors import UsageError

if TYPE_CHECKING:
    from lakehouse.superset.charts import Document

ROOT = "lakehouse_superset"
"""The folder that all files of a ZIP lie in."""
_MADE = (1980, 1, 1, 0, 0, 0)
"""Time of the files in a ZIP: a bundle of the same project is the same, whenever it is made."""
_NEXT_LINE = "\x85"
"""A character that YAML takes for the end of a line, and its library writes as it is."""
_FOLDERS = ("databases", "datasets", "charts", "dashboards")


def write(documents: Mapping[str, Document], place: Path) -> None:
    """Write the documents; a name that ends in `.zip` is a file, any other one a folder.

    What an earlier bundle left there is replaced. Raises UsageError for a folder of other things.
    """
    texts = {path: _yaml(document) for path, document in documents.items()}
    if place.suffix == ".zip":
        _write_zip(texts, place)
    else:
        _write_folder(texts, place)


def _yaml(document: Document) -> str:
    import yaml

    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    if _NEXT_LINE in text:
        text = yaml.safe_dump(document, sort_keys=False)
    return text


def _write_zip(texts: Mapping[str, str], place: Path) -> None:
    from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f"{place.name}.part")
    with ZipFile(beside, "w", ZIP_DEFLATED) as bundle:
        for path, text in texts.items():
            bundle.writestr(ZipInfo(f"{ROOT}/{path}", _MADE), text, ZIP_DEFLATED)
    beside.replace(place)


def _write_folder(texts: Mapping[str, str], place: Path) -> None:
    if place.exists() and any(place.iterdir()) and not (place / "metadata.yaml").is_file():
        raise UsageError(
            f"{place} holds something else than a bundle", hint="name a new or an empty folder"
        )
    for name in _FOLDERS:
        for file in (place / name).rglob("*.yaml"):
            file.unlink()
    for path, text in texts.items():
        file = place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
