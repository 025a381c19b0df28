"""Writes the page of the documentation about differences between the engines.

`python -m lakehouse.portability.page > docs/reference/portability.md`
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import ibis.expr.operations as ops

from lakehouse.portability import DIALECTS
from lakehouse.portability.trap import Trap
from lakehouse.portability.traps import TRAPS
from lakehouse.portability.undefined import undefined

_ABOUT = """\
# What engines understand differently

Every model means the same on DuckDB and on Trino: `make test-stack` runs the whole recording, and
odd data, through both, and compares every table, row for row, floats to 1e-9. Expressions that
compile for both engines but mean different things are found by `check --portable`, with the rules
below. This page is written by `python -m lakehouse.portability.page`.

Where Ibis writes an operation for Trino with another meaning than for DuckDB, it is written anew,
if Trino can say the same. `python -m differences` compares both engines over odd values, one
operation at a time. What differs there has a rule below, or is at an edge that no rule finds: NaN
in an order, in `min()` and `max()` (raw tables hold none); deviations of infinity; totals beyond
2^63 in a window; the capital of ß.

A comment `# portable: ok <reason>` in a statement accepts what is found there, and in SQL
`-- portable: ok <reason>` at the end of the line. The second column
says whether the difference will go away: `notyet` means that Ibis or an engine may remove it one
day, `never` that the operation itself is ambiguous, `notimpl` that this framework could help but
does not.

| rule | | what differs | how to write it |
|---|---|---|---|
"""
_UNDEFINED = """
## Operations that one engine lacks

The rule `undefined` finds operations that Ibis translates for only one of the engines (`notyet`).
Operations on geometries are not listed here.

| engine | lacks |
|---|---|
"""


def page() -> str:
    """Return the page as Markdown."""
    lines = dict.fromkeys(f"| {' | '.join(_cells(rule))} |\n" for rule in TRAPS)
    return "".join((_ABOUT, *lines, _UNDEFINED, *_lacking()))


def _cells(rule: Trap) -> Iterator[str]:
    for text in (f"`{rule.name}`", f"`{rule.word}`", rule.trap, rule.cure):
        yield text.replace("|", "\\|")


def _lacking() -> Iterator[str]:
    """Yield a row for each engine with the operations that only it lacks."""
    operations = {member for member in vars(ops).values() if _is_listed(member)}
    for dialect in DIALECTS:
        others = [other for other in DIALECTS if other != dialect]
        names = sorted(
            f"`{operation.__name__}`"
            for operation in operations
            if any(undefined(operation, [dialect])) and not any(undefined(operation, others))
        )
        yield f"| {dialect} | {', '.join(names)} |\n"


def _is_listed(member: object) -> bool:
    """Return whether a member of Ibis' module is an operation, but not one on geometries."""
    return (
        isinstance(member, type)
        and issubclass(member, ops.Value)
        and not member.__name__.startswith("Geo")
    )


if __name__ == "__main__":
    sys.stdout.write(page())
