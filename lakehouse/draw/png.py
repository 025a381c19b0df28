"""The picture as a PNG: its SVG, drawn at twice the size."""

from __future__ import annotations

from lakehouse.draw.picture import Picture
from lakehouse.draw.svg import svg

_SCALE = 2.0
_FONT = "Source Sans Pro"
"""A font that comes as a package; what it lacks is drawn with the fonts of the machine."""
_FACES = ("SourceSansPro", "SourceSansProSemibold")


def png(picture: Picture) -> bytes:
    """The picture as the bytes of a PNG file."""
    from font_source_sans_pro import font_files_ttf
    from resvg_py import svg_to_bytes

    return svg_to_bytes(
        svg_string=svg(picture),
        zoom=_SCALE,
        font_files=[font_files_ttf[face] for face in _FACES],
        font_family=_FONT,
        sans_serif_family=_FONT,
    )
