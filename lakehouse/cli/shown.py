"""Text as a terminal may show it: nothing in it moves the cursor, changes a colour or hides."""

from __future__ import annotations

import re
import unicodedata

_SPACE = "Zs"
_BETWEEN = ("\n", "\t")


def escaped(text: str) -> str:
    r"""The text with each character that is not seen, or acted upon, as an escape such as \x1b."""
    if text.isprintable():
        return text
    return "".join(character if _is_seen(character) else _escape(character) for character in text)


def lines(text: str) -> str:
    """The same for text of several lines, which stay lines; tabs stay, too."""
    return "".join(
        part if part in _BETWEEN else escaped(part) for part in re.split(r"([\n\t])", text)
    )


def _is_seen(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == _SPACE


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
