"""Widths of text, estimated without a font: an upper bound over the usual sans-serif fonts.

The font sizes of the picture are in pixels.
"""

from __future__ import annotations

import unicodedata

TITLE = 20.0
LABEL = 13.0
NOTE = 11.0
CAPTION = 12.0

_NARROW = frozenset("ijl|!.,:;' ")
_SLIM = frozenset('frt()[]{}-/\\"·`I')
_BROAD = frozenset("mwMW@%&")


def width(text: str, size: float) -> float:
    """Return the width of `text` in pixels at a font size of `size` pixels."""
    return sum(map(_share, text)) * size


def _share(letter: str) -> float:
    """Return the width of a letter as a share of the font size."""
    if letter in _NARROW:
        return 0.34
    if letter in _SLIM:
        return 0.44
    if letter in _BROAD or unicodedata.east_asian_width(letter) in "WF":
        return 1.02
    if unicodedata.combining(letter):
        return 0.0
    return 0.61 if letter.islower() or letter.isdigit() or letter == "_" else 0.78
