"""Draw a pipeline: a `Picture` becomes a file whose suffix says how it is drawn."""

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

__all__ = ["Box", "Picture", "draw"]

_TEXTS: dict[str, Callable[[Picture], str]] = {
    ".svg": svg,
    ".html": html,
    ".mmd": mermaid,
    ".dot": dot,
}
_SUFFIXES = (*_TEXTS, ".png")


def draw(picture: Picture, path: Path) -> None:
    """Write the picture to `path`, as its suffix says.

    Raises ConfigError for a suffix that stands for no format and for a folder that is missing.
    """
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise ConfigError(
            f"cannot draw {path}: no format has the suffix {path.suffix!r}",
            hint=f"give the file one of the suffixes {', '.join(_SUFFIXES)}",
        )
    if not path.parent.is_dir():
        raise ConfigError(
            f"cannot draw {path}: there is no folder {path.parent}",
            hint="create the folder first, or write to another one",
        )
    # A lone surrogate has no UTF-8 form: a name that holds one is still worth a picture.
    path.write_bytes(
        png(picture) if suffix == ".png" else _TEXTS[suffix](picture).encode(errors="replace")
    )
