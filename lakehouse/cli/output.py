"""What commands say: results to stdout as text or JSON, everything else to stderr.

All of it passes through here, so that nothing a source sent reaches a terminal as it is, and any
encoding of the terminal will do.
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

from lakehouse.cli import documents
from lakehouse.cli.shown import escaped, lines
from lakehouse.errors import LakehouseError

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


_WITHOUT_UNICODE = str.maketrans({"─": "-", "→": "->", "…": "...", "·": "-"})


class OutputError(LakehouseError):
    """The result cannot be written to where it is wanted."""


@dataclass(frozen=True)
class Output:
    """Says things in one of two styles."""

    style: str = "text"
    verbose: bool = False

    @classmethod
    def of_arguments(cls, arguments: Sequence[str]) -> Output:
        """The style that the arguments ask for, known even when they are wrong otherwise."""
        pairs = zip(arguments, [*arguments[1:], ""], strict=True)
        is_json = any(pair == ("--format", "json") or pair[0] == "--format=json" for pair in pairs)
        return cls("json" if is_json else "text")

    def result(self, document: Any, text: str) -> None:
        """The outcome of a command, once. Raises OutputError if stdout does not take it."""
        if sys.stdout is None:
            raise OutputError("there is nothing to write the result to", hint="stdout is closed")
        shown = self._json(document) if self.style == "json" else lines(text)
        try:
            _write(sys.stdout, shown + "\n")
        except OSError as error:
            raise OutputError(
                f"the result could not be written: {error.strerror}",
                hint="what the command did stands; say where stdout is to go",
            ) from None

    def error(self, message: str, *, hint: str = "") -> None:
        """What went wrong, in one line, and what to do."""
        if self.style == "json" and sys.stdout is not None:
            with suppress(OSError):  # that may be what went wrong
                _write(sys.stdout, self._json({"error": message, "hint": hint}) + "\n")
        self._line(f"error: {message}" + (f"\n→ {hint}" if hint else ""))

    def trace(self, error: Exception) -> None:
        """Where in the code an error came from."""
        self._line("".join(traceback.format_exception(error)).rstrip())

    def _json(self, document: Any) -> str:
        text = documents.to_json(document)
        return text if _takes(sys.stdout, text) else documents.to_json(document, only_ascii=True)

    def progress(self, message: str) -> None:
        """What is going on now; one line that replaces itself, on a terminal only."""
        if sys.stderr is not None and sys.stderr.isatty():
            _write(sys.stderr, f"\r\033[K{escaped(message)[:100]}")

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
        """A message of its own; what it holds of further lines is set in."""
        self.done()
        if sys.stderr is not None:
            with suppress(OSError):
                _write(sys.stderr, lines(message).replace("\n", "\n  ") + "\n")

    def done(self) -> None:
        """Take the progress line away."""
        self.progress("")


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as aligned columns; numbers to the right."""
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
        return escaped(" ".join(documents.to_json(value).split("\n")))
    return escaped(str(documents.plain(value)))


def _write(to: TextIO, text: str) -> None:
    """Write and let go of it at once; nothing is wrong if whoever read it has gone."""
    if not _takes(to, text):
        encoding = to.encoding
        text = text.translate(_WITHOUT_UNICODE)
        text = text.encode(encoding, "backslashreplace").decode(encoding)
    with suppress(BrokenPipeError):
        to.write(text)
        to.flush()


def _takes(to: TextIO, text: str) -> bool:
    """Whether a stream's encoding has all of the text's characters."""
    try:
        text.encode(to.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
