"""The data of a page: a file for each value of its first choice, and one for what all share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from lakehouse.pages.decorators import Choice
from lakehouse.pages.html import script_json
from lakehouse.site.blocks import Piece, values_of
from lakehouse.site.folder import content_name
from lakehouse.site.values import Column, compact, shown


def page_data(
    name: str,
    declared: Sequence[Choice],
    pieces: Sequence[Piece],
    zone: ZoneInfo,
    firsts: Mapping[str, Mapping[str, str]],
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what the script of a page has to know of its data, and the data files by path.

    `firsts` has what is chosen at first, by choice, for each value of the choice before.
    """
    options = {choice.name: values_of(choice, pieces) for choice in declared}
    split = next(
        (c.name for c in declared if any(c.name in piece.chosen_by for piece in pieces)), None
    )
    shared = {i: piece for i, piece in enumerate(pieces) if split not in piece.chosen_by}
    apart = {i: piece for i, piece in enumerate(pieces) if split in piece.chosen_by}
    files: dict[str, str] = {}
    head: dict[str, Any] = {
        "split": split,
        "choices": [
            {
                "name": c.name,
                "label": c.label,
                "values": [shown(v, zone) for v in options[c.name]],
                "first": firsts.get(c.name),
            }
            for c in declared
        ],
        "blocks": [piece.spec for piece in pieces],
        "shared": None,
        "files": {},
    }
    if shared:
        whole = {i: _block(_columns(piece, split, zone)) for i, piece in shared.items()}
        head["shared"] = _add(files, name, whole)
    if split:
        parts = {i: _split(piece, split, zone) for i, piece in apart.items()}
        for value in options[split]:
            blocks = {i: _block(part(str(value))) for i, part in parts.items()}
            head["files"][shown(value, zone)] = _add(files, name, blocks)
    return head, files


def _add(files: dict[str, str], page: str, blocks: Mapping[int, Any]) -> str:
    """Add a data file, and return its path; a name that follows from the content."""
    text = script_json(blocks)
    path = f"data/{page}/{content_name(text)}.js"
    files[path] = f"lakehouse.data({script_json(path)},{text});\n"
    return path


def _columns(piece: Piece, split: str | None, zone: ZoneInfo) -> dict[str, Column]:
    """Return what a data file has of a piece: its rows, and what each of them is chosen by."""
    columns = dict(piece.columns)
    for choice, values in piece.chosen_by.items():
        if choice != split:
            columns[f"?{choice}"] = [shown(value, zone) for value in values]
    return columns


def _split(piece: Piece, split: str, zone: ZoneInfo) -> Callable[[str], dict[str, Column]]:
    """Return what gives the rows of a piece for a value, as text, of the choice it is split by."""
    columns = _columns(piece, split, zone)
    columns.pop(split, None)
    places: dict[str, list[int]] = {}
    for place, value in enumerate(piece.chosen_by[split]):
        places.setdefault(str(value), []).append(place)
    return lambda value: {
        name: _at(column, places.get(value, [])) for name, column in columns.items()
    }


def _at(column: Column, places: list[int]) -> Column:
    """Return the rows of a column at these places, in their order."""
    import pyarrow as pa

    if isinstance(column, list):
        return [column[place] for place in places]
    first = places[0] if places else 0
    if not places or places[-1] - first == len(places) - 1:  # they follow each other
        return column.slice(first, len(places))
    return column.take(pa.array(places, pa.int64()))


def _block(columns: Mapping[str, Column]) -> dict[str, Any]:
    """Return rows as a data file has them."""
    rows = len(next(iter(columns.values()))) if columns else 0
    return {"n": rows, "c": {name: compact(column) for name, column in columns.items()}}
