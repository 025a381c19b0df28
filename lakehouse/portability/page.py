"""Writes the page of the documentation about what engines understand differently.

`python -m lakehouse.portability.page > docs/reference/portability.md`
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import ibis.expr.operations as ops

from lakehouse.portability import DIALECTS
from lakehouse.portability.rules import RULES, Rule, undefined

_ABOUT = """\
# What engines understand differently

Every model means the same on DuckDB and on Trino: `make test-stack` runs the whole recording, and
odd data, through both, and compares every table, row for row, floats to 1e-9. What compiles for
both and means something else is found by `check --portable`, by the rules below. This page is
written by `python -m lakehouse.portability.page`.

A line is accepted with `# portable: ok <reason>` in its statement. `notyet` means that Ibis or an
engine may mend it one day, `never` that it lies in what is asked for, `notimpl` that this framework
could help and does not.

| rule | | what differs | how to write it |
|---|---|---|---|
"""
_UNDEFINED = """
## Operations that one engine lacks

The rule `undefined` finds operations of Ibis that it translates for one of the engines alone
(`notyet`). Those about geometry are left out here.

| engine | lacks |
|---|---|
"""


def page() -> str:
    """The page, in Markdown."""
    lines = dict.fromkeys(f"| {' | '.join(_cells(rule))} |\n" for rule in RULES)
    return "".join((_ABOUT, *lines, _UNDEFINED, *_lacking()))


def _cells(rule: Rule) -> Iterator[str]:
    for text in (f"`{rule.name}`", f"`{rule.word}`", rule.trap, rule.cure):
        yield text.replace("|", "\\|")


def _lacking() -> Iterator[str]:
    operations = {each for each in vars(ops).values() if _is_whole(each)}
    for dialect in DIALECTS:
        others = [each for each in DIALECTS if each != dialect]
        names = sorted(
            f"`{each.__name__}`"
            for each in operations
            if any(undefined(each, [dialect])) and not any(undefined(each, others))
        )
        yield f"| {dialect} | {', '.join(names)} |\n"


def _is_whole(operation: object) -> bool:
    return (
        isinstance(operation, type)
        and issubclass(operation, ops.Value)
        and not operation.__name__.startswith("Geo")
    )


if __name__ == "__main__":
    sys.stdout.write(page())
