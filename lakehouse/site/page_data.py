"""The data of a page: a file for each value of its first choice, and one for what all share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from lakehouse.pages.decorators import Choice
from lakehouse.pages.html import script_json
from lakehouse.site.blocks import Piece, values_of
from lakehouse.site.folder import content_name
from lakehouse.site.values import compact, shown


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
        whole = {i: _block(piece, None, split, zone) for i, piece in shared.items()}
        head["shared"] = _add(files, name, whole)
    for value in options[split] if split else ():
        blocks = {i: _block(piece, value, split, zone) for i, piece in apart.items()}
        head["files"][shown(value, zone)] = _add(files, name, blocks)
    return head, files


def _add(files: dict[str, str], page: str, blocks: Mapping[int, Any]) -> str:
    """Add a data file, and return its path; a name that follows from the content."""
    text = script_json(blocks)
    path = f"data/{page}/{content_name(text)}.js"
    files[path] = f"lakehouse.data({script_json(path)},{text});\n"
    return path


def _block(piece: Piece, value: Any, split: str | None, zone: ZoneInfo) -> dict[str, Any]:
    """Return the rows of a piece for a value of the choice that data are split by."""
    import pyarrow as pa

    columns = dict(piece.columns)
    for choice, values in piece.chosen_by.items():
        if choice != split:
            texts = [shown(v, zone) for v in values]
            columns[f"?{choice}"] = pa.chunked_array([pa.array(texts, pa.string())])
    if split is not None and split in piece.chosen_by:
        chosen = [str(own) == str(value) for own in piece.chosen_by[split]]
        mask = pa.array(chosen, pa.bool_())
        columns = {name: column.filter(mask) for name, column in columns.items()}
        columns.pop(split, None)
    rows = len(next(iter(columns.values()))) if columns else 0
    return {"n": rows, "c": {name: compact(column) for name, column in columns.items()}}
