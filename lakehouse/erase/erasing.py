"""The whole of an erasure: a run that erases, then what no run reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.erase import leftovers
from lakehouse.erase.leftovers import Holder
from lakehouse.errors import UnknownNameError, choices
from lakehouse.ingest.erased_rows import ErasedKey
from lakehouse.plan.selectors import select
from lakehouse.records.listener import Listener, Silence
from lakehouse.records.run_records import RunReport
from lakehouse.run.attempts import run
from lakehouse.run.erasing import Erasure
from lakehouse.run.request import Request
from lakehouse.windows import ALL_TIME

if TYPE_CHECKING:
    from lakehouse.session import Session

_SILENCE = Silence()
_ELSEWHERE = (
    "it is built from other raw tables, too: erase the key there; or raw rows were archived, and"
    " it keeps what was built from them"
)


@dataclass(frozen=True)
class Erased:
    """What an erasure did, and who still holds rows of the key."""

    report: RunReport
    rows: Mapping[str, int]
    """Rows that were erased, by table."""
    removed: tuple[Holder, ...]
    """What was removed besides."""
    kept: tuple[Holder, ...]
    """What still holds such rows, with what to do about it."""


def key_of(session: Session, table: str, values: Mapping[str, str]) -> ErasedKey:
    """Return the key that columns of a raw table have with these values, given as text.

    Raises UnknownNameError for a table, a column or a value that there cannot be.
    """
    known = {spec.table: spec for spec in session.project.ingestions.values()}
    spec = known.get(session.project.qualified(table))
    if spec is None:
        raise UnknownNameError(
            f"{table!r} is no raw table", hint=choices("raw tables", table, known)
        )
    key = ErasedKey(spec, dict(values))
    key.require_known(session.duckdb)
    return key


def counted(session: Session, key: ErasedKey) -> list[Holder]:
    """Return all that holds rows of a key, and change nothing."""
    found = leftovers.on_main(session, key)
    archived = sum(rows for _, rows in leftovers.archived(session, key))
    found += [Holder("archive", archived)] if archived else []
    pages = leftovers.staged(session)
    found += [Holder(f"staged pages of {len(pages)} runs", None)] if pages else []
    return [*found, *leftovers.elsewhere(session, key), *leftovers.keepers(session, key)]


def erase(session: Session, key: ErasedKey, listener: Listener = _SILENCE) -> Erased:
    """Erase the rows of a key from its raw table and all that is built from it.

    Raises LakehouseError; main is then as it was, or without the rows, and erasing again does what
    is left to do.
    """
    erasure = Erasure(key)
    names = select(session.project, f"{key.spec.table}+")
    request = Request((ALL_TIME,), names, message=erasure.message, edit=erasure)
    report = run(session, request, listener)
    erased = {node.node: node.counts["erased"] for node in report.nodes if "erased" in node.counts}
    removed = leftovers.sweep(session, key)
    kept = [
        *leftovers.on_main(session, key, _ELSEWHERE),
        *leftovers.elsewhere(session, key),
        *leftovers.keepers(session, key),
    ]
    return Erased(report, erased, tuple(removed), tuple(kept))
