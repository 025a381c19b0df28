"""Output of commands: results to stdout as text or JSON, everything else to stderr.

All output passes through this module. It escapes control characters, which a source may have sent,
and replaces characters that the encoding of the terminal does not have.
"""

from __future__ import annotations

import math
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from lakehouse.cli import json_results
from lakehouse.cli.shown import escaped, lines
from lakehouse.errors import LakehouseError

if TYPE_CHECKING:
    from lakehouse.records.run_records import RunReport

Function = TypeVar("Function", bound=Callable[..., Any])

format_option = click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json"]),
    default="text",
    help="text for people, json for programs: one document and nothing else.",
)


_WITHOUT_UNICODE = str.maketrans({"─": "-", "→": "->", "…": "...", "·": "-"})
"""ASCII for the signs of our own texts."""


class OutputError(LakehouseError):
    """The result could not be written to stdout."""


@dataclass(frozen=True)
class Output:
    """Writes results and messages of a command, as text or as JSON."""

    style: str = "text"
    verbose: bool = False

    @classmethod
    def of_arguments(cls, arguments: Sequence[str]) -> Output:
        """Return output in the style that the arguments ask for, even if others are wrong."""
        pairs = zip(arguments, [*arguments[1:], ""], strict=True)
        is_json = any(pair == ("--format", "json") or pair[0] == "--format=json" for pair in pairs)
        return cls("json" if is_json else "text")

    def result(self, document: Any, text: str) -> None:
        """Write the result of a command to stdout, once. Raises OutputError if that fails."""
        if sys.stdout is None:
            raise OutputError(
                "the result could not be written: stdout is closed", hint="run it with stdout open"
            )
        shown = self._json(document) if self.style == "json" else lines(text)
        try:
            _write(sys.stdout, shown + "\n")
        except OSError as error:
            raise OutputError(
                f"the result could not be written: {error.strerror}",
                hint="the command did its work; direct stdout to a file that takes the result",
            ) from None

    def error(self, message: str, *, hint: str = "") -> None:
        """Write what went wrong, in one line, and what to do."""
        if self.style == "json" and sys.stdout is not None:
            with suppress(OSError):  # stdout itself may be what went wrong
                _write(sys.stdout, self._json({"error": message, "hint": hint}) + "\n")
        self._line(f"error: {message}" + (f"\n→ {hint}" if hint else ""))

    def trace(self, error: Exception) -> None:
        """Write the traceback of an error."""
        self._line("".join(traceback.format_exception(error)).rstrip())

    def _json(self, document: Any) -> str:
        text = json_results.to_json(document)
        return text if _takes(sys.stdout, text) else json_results.to_json(document, only_ascii=True)

    def progress(self, message: str) -> None:
        """Show what is being done, in a line that the next one replaces; on a terminal only."""
        if sys.stderr is not None and sys.stderr.isatty():
            _write(sys.stderr, f"\r\033[K{escaped(message)[:100]}")

    def detail(self, message: str) -> None:
        """Write what was done, if `verbose`."""
        if self.verbose:
            self._line(message)

    def warning(self, message: str) -> None:
        """Write what went wrong although the command goes on."""
        self._line(f"warning: {message}")

    def ended(self, report: RunReport) -> None:  # noqa: ARG002
        """Remove the progress line: a command shows the report as its result."""
        self.done()

    def _line(self, message: str) -> None:
        """Write a message to stderr; lines after its first are indented."""
        self.done()
        if sys.stderr is not None:
            with suppress(OSError):
                _write(sys.stderr, lines(message).replace("\n", "\n  ") + "\n")

    def done(self) -> None:
        """Remove the progress line."""
        self.progress("")


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as text in aligned columns, numbers to the right.

    All rows have the names of the first, in any order.
    """
    if not rows:
        return "no rows"
    names = list(rows[0])
    heads = [escaped(name) for name in names]
    cells = [[_shown(row[name]) for name in names] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    numeric = [
        all(isinstance(row[name], int | float | Decimal | None) for row in rows) for name in names
    ]

    def line(values: Sequence[str]) -> str:
        padded = [
            value.rjust(width) if right else value.ljust(width)
            for value, width, right in zip(values, widths, numeric, strict=True)
        ]
        return "  ".join(padded).rstrip()

    return "\n".join([line(heads), line(["─" * width for width in widths]), *map(line, cells)])


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.6g}"
    if isinstance(value, date | time | Decimal):
        return str(value)
    if isinstance(value, list | dict):
        return escaped(" ".join(json_results.to_json(value).split("\n")))
    return escaped(str(json_results.plain(value)))


def _write(to: TextIO, text: str) -> None:
    """Write a text and flush it; a reader that closed its end of a pipe is no error."""
    if not _takes(to, text):
        encoding = to.encoding
        text = text.translate(_WITHOUT_UNICODE)
        text = text.encode(encoding, "backslashreplace").decode(encoding)
    with suppress(BrokenPipeError):
        to.write(text)
        to.flush()


def _takes(to: TextIO, text: str) -> bool:
    """Return whether the encoding of a stream has all characters of a text."""
    try:
        text.encode(to.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
