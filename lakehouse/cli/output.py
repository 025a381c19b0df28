"""What commands say: results to stdout as text or JSON, everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from lakehouse.runs import RunReport

Function = TypeVar("Function", bound=Callable[..., Any])

format_option = click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json"]),
    default="text",
    help="text for people, json for programs: one document and nothing else.",
)


@dataclass(frozen=True)
class Output:
    """Says things in one of two styles."""

    style: str = "text"
    verbose: bool = False

    @classmethod
    def of_arguments(cls, arguments: Sequence[str]) -> Output:
        """The style that the arguments ask for, known even when they are wrong otherwise."""
        joined = " ".join(arguments)
        return cls("json" if "--format json" in joined or "--format=json" in joined else "text")

    def result(self, document: Any, text: str) -> None:
        """The outcome of a command, once."""
        if self.style == "json":
            text = json.dumps(document, default=_plain, ensure_ascii=False, indent=1)
        sys.stdout.write(text + "\n")

    def error(self, message: str, *, hint: str = "") -> None:
        """What went wrong, in one line, and what to do."""
        if self.style == "json":
            sys.stdout.write(json.dumps({"error": message, "hint": hint}) + "\n")
        sys.stderr.write(f"error: {message}\n" + (f"  → {hint}\n" if hint else ""))

    def progress(self, message: str) -> None:
        """What is going on now; one line that replaces itself, on a terminal only."""
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{message[:100]}")
            sys.stderr.flush()

    def detail(self, message: str) -> None:
        """Something that was done; told to those who asked for it."""
        if self.verbose:
            self._line(message)

    def warning(self, message: str) -> None:
        """Something that went wrong while the rest goes on."""
        self._line(f"warning: {message}")

    def ended(self, report: RunReport) -> None:
        """Nothing: a command shows the report as its result."""

    def _line(self, message: str) -> None:
        self.done()
        sys.stderr.write(message + "\n")

    def done(self) -> None:
        """Take the progress line away."""
        self.progress("")


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as aligned columns; numbers to the right."""
    if not rows:
        return "no rows"
    names = list(rows[0])
    cells = [[_shown(row[name]) for name in names] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    numeric = [
        all(isinstance(row[name], int | float | Decimal | None) for row in rows) for name in names
    ]

    def line(values: Sequence[str]) -> str:
        padded = [
            value.rjust(width) if right else value.ljust(width)
            for value, width, right in zip(values, widths, numeric, strict=True)
        ]
        return "  ".join(padded).rstrip()

    return "\n".join([line(names), line(["─" * width for width in widths]), *map(line, cells)])


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else str(value)
