"""What is known of each construct: whether engines agree, and if not, who says so."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import ibis.expr.operations as ops

from differences.answers import Answer, Failed, Failure
from differences.comparing import difference
from differences.constructs import Construct
from differences.listed import reason
from differences.odd_rows import KEY, NAME
from lakehouse.patches.ibis_trino_operations import MENDED
from lakehouse.portability import traps_in

DECLARED = {NAME: frozenset({frozenset({KEY})})}


class Verdict(StrEnum):
    """What is known of a construct."""

    EQUAL = "equal"
    """Engines agree."""
    MENDED = "mended"
    """Engines agree, as this framework writes the operation differently for one of them."""
    FLAGGED = "flagged"
    """Engines differ, and `check --portable` says so."""
    LISTED = "listed"
    """Engines differ, for a reason that is listed."""
    UNFLAGGED = "unflagged"
    """Engines differ, and nobody says so."""
    CAUTIOUS = "flagged though equal"
    """Engines agree on the odd rows, but the operation is a trap."""


@dataclass(frozen=True)
class Judged:
    """A construct with its verdict."""

    name: str
    verdict: Verdict
    because: str
    """The names of traps, or the reason why it is listed."""
    difference: str
    """How the answers differ; empty if they do not."""


def judge(
    constructs: Sequence[Construct], duckdb: Mapping[str, Answer], trino: Mapping[str, Answer]
) -> Iterator[Judged]:
    """Yield the verdict on each construct."""
    for construct in constructs:
        name = construct.name
        answers = (duckdb[name], trino[name])
        differs = difference(*answers)
        traps = flags(construct, answers)
        listed = reason(construct)
        because = ", ".join(traps) or (listed if differs else "")
        yield Judged(name, _verdict(construct, differs, traps, listed), because, differs)


def flags(construct: Construct, answers: Collection[Answer] = ()) -> list[str]:
    """Return the names of the rules of `check --portable` that find a construct.

    It also finds what cannot be compiled for one of the engines.
    """
    found = sorted({trap.name for trap in traps_in(construct.subject, DECLARED)})
    undefined = any(
        isinstance(answer, Failed) and answer.failure is Failure.NOT_DEFINED for answer in answers
    )
    return found or (["not-compiled"] if undefined else [])


def is_mended(construct: Construct) -> bool:
    """Return whether an operation of a construct is written differently for Trino."""
    return bool(construct.subject.find(MENDED, filter=ops.Value))


def _verdict(construct: Construct, differs: str, traps: Sequence[str], listed: str) -> Verdict:
    if not differs and traps:
        return Verdict.CAUTIOUS
    if not differs:
        return Verdict.MENDED if is_mended(construct) else Verdict.EQUAL
    if traps:
        return Verdict.FLAGGED
    return Verdict.LISTED if listed else Verdict.UNFLAGGED
