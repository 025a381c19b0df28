"""`diff`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

import lakehouse
from lakehouse.catalogs import MAIN
from lakehouse.cli.output import Output, format_option, table
from lakehouse.errors import FOUND_PROBLEMS

if TYPE_CHECKING:
    from lakehouse.history.diff import TableDiff
    from lakehouse.history.diff.rows import ColumnDiff, Row, RowDiff

_WIDEST = 40
"""Characters of a value that are shown, at most."""


class Refs(click.ParamType[tuple[str, str]]):
    """Parameter that is two refs such as 4045f7d..main; main where a side is left out."""

    name = "A..B"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        before, dots, after = value.partition("..")
        if not dots:
            self.fail(f"{value!r} is one ref; write two of them as main..{value}", param, ctx)
        return before or MAIN, after or MAIN


@click.command()
@click.argument("refs", metavar="A..B", type=Refs())
@click.argument("name", metavar="[TABLE]", required=False)
@click.option("--exit-code", "strict", is_flag=True, help="Exit with 1 if there is a difference.")
@format_option
def diff(*, refs: tuple[str, str], name: str | None, strict: bool, style: str) -> None:
    """Compare two refs: the tables that differ, or the rows of one TABLE."""
    lake, (before, after) = lakehouse.open(), refs
    if name is None:
        diffs = lake.diff(before, after)
        text = table([_line(table_diff) for table_diff in diffs]) if diffs else "no differences"
    else:
        one = lake.diff_table(before, after, name)
        diffs = [one] if one else []
        text = "\n".join(_detail(one)) if one else "no differences"
    Output(style).result([asdict(table_diff) for table_diff in diffs], text)
    if strict and diffs:
        click.get_current_context().exit(FOUND_PROBLEMS)


def _line(table_diff: TableDiff) -> dict[str, Any]:
    rows = table_diff.rows
    return {
        "table": table_diff.table,
        "": table_diff.what,
        "rows before": table_diff.rows_before,
        "rows after": table_diff.rows_after,
        "added": rows.added if rows else None,
        "removed": rows.removed if rows else None,
        "changed": rows.changed if rows else None,
        "columns": "; ".join(rows.schema) if rows else "",
    }


def _detail(changed: TableDiff) -> Iterator[str]:
    if changed.rows is None:
        count = changed.rows_after or changed.rows_before or 0
        yield f"{changed.table} was {changed.what}: {count} rows"
        return
    rows = changed.rows
    counts = f"{rows.added} rows added, {rows.removed} removed, {rows.changed} changed"
    by = f"by {', '.join(rows.key)}" if rows.key else "compared as wholes"
    yield f"{changed.table}: {counts}; {by}"
    yield from rows.schema
    for what, pairs in rows.examples.items():
        total = getattr(rows, what)
        yield ""
        yield what if total == len(pairs) else f"{what}, the first {len(pairs)} of {total}"
        yield table(
            _changed(rows, pairs) if what == "changed" else [_alone(*pair) for pair in pairs]
        )
    columns = [_column(column) for column in rows.columns if _is_worth_a_line(rows, column)]
    if columns:
        yield ""
        yield "columns, among these rows"
        yield table(columns)


def _alone(before: Row | None, after: Row | None) -> dict[str, Any]:
    return {name: _short(value) for name, value in (after or before or {}).items()}


def _changed(rows: RowDiff, pairs: Sequence[tuple[Row | None, Row | None]]) -> list[dict[str, Any]]:
    """Return, for each row, its key and the columns that differ in any row, as `before → after`."""
    differing = [
        column.column
        for column in rows.columns
        if any(
            before and after and before[column.column] != after[column.column]
            for before, after in pairs
        )
    ]
    return [
        {
            **{name: after[name] for name in rows.key},
            **{name: _move(before[name], after[name]) for name in differing},
        }
        for before, after in pairs
        if before and after
    ]


def _is_worth_a_line(rows: RowDiff, column: ColumnDiff) -> bool:
    """Return whether a column differs, or has a smallest value while whole rows differ."""
    whole = rows.added or rows.removed
    return bool(column.differs or (whole and column.smallest != (None, None)))


def _column(column: ColumnDiff) -> dict[str, Any]:
    return {
        "column": column.column,
        "differs in": column.differs,
        "smallest": _move(*column.smallest),
        "largest": _move(*column.largest),
        "mean": _move(*column.mean),
        "nulls": _move(*column.nulls),
    }


def _move(before: Any, after: Any) -> str:
    """Return a value as text, as `before → after` if it changed."""
    return _short(before) if before == after else f"{_short(before)} → {_short(after)}"


def _short(value: Any) -> str:
    if value is None:
        return "·"
    shown = f"{value:.6g}" if isinstance(value, float) else str(value)
    return shown if len(shown) <= _WIDEST else shown[: _WIDEST - 1] + "…"
