"""Raw tables of made-up people, written as they would stand after a backfill, but at once."""

from __future__ import annotations

from datetime import date

from bench.synthetic.people import ENTRIES, SITES, milliseconds
from lakehouse.catalogs import TableChange
from lakehouse.declare.raw_columns import (
    GONE_AT,
    GONE_RUN,
    INGESTED_AT,
    RUN_ID,
    fingerprint,
    kept,
)
from lakehouse.engines.sql import columns, literal, typed
from lakehouse.plan import file_spans
from lakehouse.plan.state import Change, TableState
from lakehouse.session import Session
from lakehouse.windows import ALL_TIME, Window

_A_DAY = 288
_RUN = "history"


def write(session: Session, people: int, first: date, last: date) -> None:
    """Put the readings of these days, and the people, on main in one commit."""
    (window,) = session.days(first, last)
    session.catalog.create_branch(_RUN)
    _write(session, "sites", [SITES.replace("$people", str(people))], window, people)
    pieces = [
        ENTRIES.replace("$people", str(people))
        .replace("$start", str(milliseconds(piece)[0]))
        .replace("$end", str(milliseconds(piece)[1]))
        for piece in window.pieces(file_spans.MONTH)
    ]
    days = (last - first).days + 1
    _write(session, "glucose_entries", pieces, window, people * days * _A_DAY)
    session.catalog.merge(_RUN, run_id=_RUN, message="made up")


def _write(session: Session, name: str, pieces: list[str], window: Window, rows: int) -> None:
    spec = session.project.ingestions[name]
    schema, folder = kept(spec), f"{session.catalog.location(spec.table)}/data"
    covered = (window,) if spec.time_column else ()
    span = file_spans.file_span(rows, covered)
    files = []
    for piece in pieces:
        marks = f"{literal(_RUN)} AS {RUN_ID}, now() AS {INGESTED_AT}"
        made = f"SELECT *, {marks}, NULL AS {GONE_AT}, NULL AS {GONE_RUN} FROM ({piece})"
        statement = typed(f"SELECT {columns(schema)} FROM ({made})", schema, "duckdb")
        written, _ = session.duckdb.copy(statement, folder, spec.time_column, span)
        files += written
    state = TableState(fingerprint(spec), (Change(_RUN, (ALL_TIME,)),), covered=covered)
    change = TableChange(spec.table, schema.to_pyarrow(), (), files, state)
    session.catalog.write(_RUN, change)
