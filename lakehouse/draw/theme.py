"""Appearance of each kind of box: shape, border and colours, for light and dark screens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Shape: TypeAlias = Literal["square", "round", "pill", "step", "hexagon", "octagon"]
Border: TypeAlias = Literal["solid", "dashed", "double", "barred"]


@dataclass(frozen=True)
class Ink:
    """The colours of one kind of box."""

    fill: str
    line: str
    text: str

    @property
    def note(self) -> str:
        """Colour of the second line of text: between `text` and `fill`."""
        return blend(self.text, self.fill, 0.28)


@dataclass(frozen=True)
class Style:
    """Appearance of one kind of box; shape and border tell kinds apart without colours."""

    shape: Shape
    border: Border
    light: Ink
    dark: Ink


@dataclass(frozen=True)
class Paper:
    """The colours of everything but the boxes."""

    ground: str
    band: str
    text: str
    caption: str
    edge: str
    bundle: str


LIGHT = Paper("#ffffff", "#f3f5f8", "#0f172a", "#5b6678", "#7b879a", "#bac5d4")
DARK = Paper("#0d1320", "#161e2e", "#e6ebf3", "#98a5b9", "#7787a0", "#46556f")

STYLES: dict[str, Style] = {
    "resource": Style(
        "pill",
        "solid",
        Ink("#e7ebf1", "#475569", "#0f172a"),
        Ink("#27324a", "#a3b1c6", "#eef2f8"),
    ),
    "fetch": Style(
        "step",
        "solid",
        Ink("#e3f2fd", "#0b74b8", "#082f49"),
        Ink("#0c3350", "#56b4e9", "#e3f3fe"),
    ),
    "stage": Style(
        "step",
        "solid",
        Ink("#dff6f8", "#0b8494", "#083940"),
        Ink("#0a3a42", "#4cc9d9", "#def8fb"),
    ),
    "validate": Style(
        "step",
        "solid",
        Ink("#e9eafe", "#4f52c8", "#1e1b4b"),
        Ink("#272a63", "#9ea4f8", "#e9ebff"),
    ),
    "merge": Style(
        "round",
        "double",
        Ink("#d9e6fd", "#1d4fc4", "#102a6b"),
        Ink("#16306e", "#84aefc", "#e2ecff"),
    ),
    "copy": Style(
        "round",
        "solid",
        Ink("#e5eef7", "#41658a", "#132a41"),
        Ink("#1f3348", "#8fb4d9", "#e6f0fa"),
    ),
    "view": Style(
        "round",
        "dashed",
        Ink("#f8ecfb", "#9a3fb0", "#4a1259"),
        Ink("#42184f", "#dd9bee", "#faeafe"),
    ),
    "table": Style(
        "square",
        "solid",
        Ink("#def5e8", "#067a51", "#053b29"),
        Ink("#07402d", "#3ecf97", "#dcfaea"),
    ),
    "incremental": Style(
        "square",
        "barred",
        Ink("#eef7d6", "#55790c", "#263905"),
        Ink("#2c3f0a", "#a6d13e", "#f0fad7"),
    ),
    "check": Style(
        "hexagon",
        "solid",
        Ink("#fff0cc", "#b06a00", "#4a2c00"),
        Ink("#4b3000", "#f4b740", "#fff2d3"),
    ),
    "audit": Style(
        "pill",
        "double",
        Ink("#fde5bf", "#8f4a00", "#422200"),
        Ink("#573a05", "#ffcf70", "#fff4dc"),
    ),
    "commit": Style(
        "pill",
        "solid",
        Ink("#1e293b", "#1e293b", "#ffffff"),
        Ink("#e6ebf3", "#e6ebf3", "#0f172a"),
    ),
    "publication": Style(
        "octagon",
        "solid",
        Ink("#fee6e0", "#c2410c", "#5a1a04"),
        Ink("#561d0a", "#fb8f63", "#ffe9e1"),
    ),
}


def blend(colour: str, other: str, share: float) -> str:
    """Return `colour` with a `share` (0 to 1) of `other` mixed in; all are `#rrggbb`."""
    pairs = ((int(colour[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
