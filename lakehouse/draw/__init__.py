"""Drawing the DAG to a file (SVG, HTML, Mermaid, DOT, PNG); what other commands print is not here.

A `Picture` says what to draw; the suffix of the file says in which format.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lakehouse.draw.dot import dot
from lakehouse.draw.html import html
from lakehouse.draw.mermaid import mermaid
from lakehouse.draw.picture import Box, Picture
from lakehouse.draw.png import png
from lakehouse.draw.svg import svg
from lakehouse.errors import ConfigError

__all__ = ["Box", "Picture", "draw", "require_folder"]

_TEXTS: dict[str, Callable[[Picture], str]] = {
    ".svg": svg,
    ".html": html,
    ".mmd": mermaid,
    ".dot": dot,
}
_SUFFIXES = (*_TEXTS, ".png")


def require_folder(path: Path) -> None:
    """Raise ConfigError if the folder that a file is to be written to is missing."""
    if not path.parent.is_dir():
        raise ConfigError(
            f"cannot write {path}: there is no folder {path.parent}",
            hint="create the folder first, or write to another one",
        )


def draw(picture: Picture, path: Path) -> None:
    """Write the picture to `path`, in the format that its suffix names.

    Raises ConfigError for an unknown suffix and for a missing folder.
    """
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise ConfigError(
            f"cannot draw {path}: no format has the suffix {path.suffix!r}",
            hint=f"give the file one of the suffixes {', '.join(_SUFFIXES)}",
        )
    require_folder(path)
    # A name with a lone surrogate cannot be encoded as UTF-8; "replace" draws it with "?" instead.
    path.write_bytes(
        png(picture) if suffix == ".png" else _TEXTS[suffix](picture).encode(errors="replace")
    )
