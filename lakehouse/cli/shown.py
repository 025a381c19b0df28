"""Texts that are safe for a terminal: nothing in them moves the cursor, colours or hides."""

from __future__ import annotations

import re
import unicodedata

_SPACE = "Zs"
_BETWEEN = ("\n", "\t")


def escaped(text: str) -> str:
    r"""Return a text with invisible and control characters as escapes such as \x1b."""
    if text.isprintable():
        return text
    return "".join(character if _is_seen(character) else _escape(character) for character in text)


def lines(text: str) -> str:
    """Return a text of several lines escaped; line breaks and tabs stay."""
    return "".join(
        part if part in _BETWEEN else escaped(part) for part in re.split(r"([\n\t])", text)
    )


def _is_seen(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == _SPACE


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
