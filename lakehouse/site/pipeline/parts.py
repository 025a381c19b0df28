"""Parts that pages about a pipeline share: links, times, sizes, states, tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from lakehouse.pages.html import Content, Html, tag
from lakehouse.site.folder import content_name
from lakehouse.site.values import NOTHING, shown

_PLAIN = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,120}")
_UNITS = ("bytes", "KB", "MB", "GB", "TB")
_STEP = 1000
_LONG = 40
"""Characters of a cell from which on it may have several lines."""


def file_name(name: str) -> str:
    """Return a file's name for a table or a run: its own name, where every system takes that."""
    return name if _PLAIN.fullmatch(name) else content_name(name)


def table_path(table: str) -> str:
    """Return where the page of a table lies in the folder of the site."""
    return f"tables/{file_name(table)}.html"


def run_path(run: str) -> str:
    """Return where the page of a run lies."""
    return f"runs/{file_name(run.lower())}.html"


def link(path: str, text: str, up: str = "") -> Html:
    """Return a link to a file of the site; `up` leads from the page to the folder."""
    return tag("a", text, href=f"{up}{path}")


def moment(at: datetime | None, zone: ZoneInfo) -> Html | str:
    """Return an instant as local time of the project."""
    if at is None:
        return NOTHING
    return tag("time", shown(at.replace(microsecond=0), zone), datetime=at.isoformat())


def ago(at: datetime | None, zone: ZoneInfo) -> Html | str:
    """Return an instant, which the script of the page turns into how long ago it is."""
    if at is None:
        return NOTHING
    return tag("time", shown(at, zone), datetime=at.isoformat(), data_ago=True)


def size(count: int) -> str:
    """Return a number of bytes as people read it."""
    number, unit = float(count), 0
    while number >= _STEP and unit < len(_UNITS) - 1:
        number, unit = number / _STEP, unit + 1
    return f"{number:.{0 if unit == 0 else 1}f} {_UNITS[unit]}"


def seconds(length: float) -> str:
    """Return a length of time in seconds, with as many digits as matter."""
    return f"{length:.2f} s" if length < 10 else f"{length:.0f} s"  # noqa: PLR2004


def number(count: int | None) -> str:
    """Return a number of rows with its thousands apart."""
    return NOTHING if count is None else f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def rows(count: int) -> str:
    """Return a number of rows in words."""
    return f"{number(count)} row{'' if count == 1 else 's'}"


def state(word: str) -> Html:
    """Return a state as a word with a colour."""
    return tag("span", word, class_=f"state {re.sub('[^a-z]+', '-', word.lower())}")


def table(
    caption: str, headings: Sequence[str], rows: Iterable[Sequence[Content]], numbers: str = ""
) -> Html:
    """Return a table that scrolls by itself; `numbers` has `r` at the place of right columns."""
    classes = [
        "number" if place < len(numbers) and numbers[place] == "r" else None
        for place in range(len(headings))
    ]
    lines = [
        tag(
            "tr",
            (
                tag("td", cell, class_=c or _long(cell))
                for cell, c in zip(row, classes, strict=True)
            ),
        )
        for row in rows
    ]
    if not lines:
        return tag("p", "none", class_="quiet")
    head = tag(
        "tr", (tag("th", h, scope="col", class_=c) for h, c in zip(headings, classes, strict=True))
    )
    whole = tag("table", tag("thead", head), tag("tbody", lines))
    return tag("div", whole, class_="scroll", role="region", aria_label=caption, tabindex="0")


def _long(cell: Content) -> str | None:
    """Return the class of a cell with a text that has to be broken into lines."""
    is_long = isinstance(cell, str) and not isinstance(cell, Html) and len(cell) > _LONG
    return "long" if is_long else None


def facts(pairs: Iterable[tuple[str, Content]]) -> Html:
    """Return names with values, side by side; those without a value are left out."""
    shown_pairs = ((name, value) for name, value in pairs if value not in (None, ""))
    return tag(
        "dl",
        (
            tag("div", tag("dt", name), tag("dd", value, class_="value"))
            for name, value in shown_pairs
        ),
        class_="figures small",
    )
