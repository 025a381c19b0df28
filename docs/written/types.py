"""The matrix of types: every sample goes from a source to Postgres, and the page tells what came.

The project that carries them has one raw table with a column for each declared type, and one mart.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import ibis.expr.datatypes as dt
import pandera.ibis
import pyarrow as pa

from docs.written.markdown import table
from docs.written.type_samples import DECLARED, REFUSED, REJECTED, SAMPLES
from lakehouse import Table, config, ingestion, model, postgres
from lakehouse.compile.compiler import Compiled, compile_project
from lakehouse.declare.column_types import stored
from lakehouse.declare.project import collect
from lakehouse.engines.sql import sql_type
from lakehouse.errors import ProjectError
from lakehouse.plan.selectors import select
from lakehouse.postgres import reading
from lakehouse.records.listener import Silence
from lakehouse.run.attempts import run
from lakehouse.run.request import Request
from lakehouse.session import Session
from lakehouse.windows import ALL_TIME

COLUMNS = {written: f"c{place}" for place, written in enumerate(DECLARED)}
"""The column of each declared type."""


@dataclass(frozen=True)
class Carried:
    """What came of the samples: rows by number, each with its value, and reasons of rejected rows.

    The rows of a mart are those of a mart in Postgres.
    """

    raw: Mapping[int, Any]
    mart: Mapping[int, Any]
    reasons: Mapping[int, str]
    types: Mapping[str, str]
    """Postgres' types of the mart, by column."""


def matrix(about: str) -> str:
    """Return a part of the page: the `declared` types, or what came of the `values`."""
    return _types() if about == "declared" else _values()


def numbered() -> Iterator[tuple[int, str, str, Any, Any]]:
    """Yield the number, declared type, Arrow type, value and expectation of each sample."""
    numbers = count()
    for sample in SAMPLES:
        values = _values_of(sample.yielded)
        for value, expected in zip(values, sample.expected, strict=True):
            yield next(numbers), sample.declared, str(sample.yielded.type), value, expected


def carry(folder: Path, environment: Mapping[str, str]) -> Carried:
    """Run the samples through the project, in a home of its own."""
    (folder / "lakehouse.toml").write_text("[project]\n")
    settings = config.load(folder, environment)
    compiled = _compiled(settings.engine)
    with Session(settings) as session:
        session.project, session.compiled = compiled.project, compiled
        session.compiled_for_duckdb = _compiled("duckdb")
        names = select(compiled.project, None)
        run(session, Request((ALL_TIME,), names, message="samples"), Silence())
        rejected = session.query("SELECT id, reasons FROM quarantine.samples").to_pylist()
        raw = session.query("SELECT * FROM raw.samples").to_pylist()
        address = session.start_postgres().result()
        types = reading.query(
            address,
            "SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute"
            " WHERE attrelid = 'marts.kept'::regclass AND attnum > 0",
        )
        mart = reading.query(address, "SELECT * FROM marts.kept")
    return Carried(
        _by_number(raw),
        _by_number(mart),
        {int(row["id"]): row["reasons"] for row in rejected},
        {row["name"]: row["type"] for row in types},
    )


def outcome(carried: Carried, number: int, expected: Any) -> str:
    """Say what came of a value: kept, in quarantine, or something that may not be."""
    if number in carried.reasons:
        words = f"quarantine: {carried.reasons[number].partition(': ')[2]}"
        return words if expected == REJECTED else f"CHANGED: {words}"
    if number not in carried.raw:
        return "LOST"
    found = [_as_read(rows[number], expected) for rows in (carried.raw, carried.mart)]
    if expected == REJECTED or found != [expected, expected]:
        return f"CHANGED: {found}"
    return "kept"


@cache
def carried() -> Carried:
    """What came of the samples on one machine."""
    with TemporaryDirectory() as place:
        (Path(place) / "lakehouse.toml").write_text("[project]\n")
        with postgres.serving(config.load(Path(place), {})) as address:
            folder = Path(place) / "home"
            folder.mkdir()
            return carry(folder, {"LAKEHOUSE_POSTGRES_URL": address.reveal()})


def _types() -> str:
    rows = []
    for written, column in COLUMNS.items():
        kind = _kind(written)
        held = [sql_type(stored(kind), dialect) for dialect in ("duckdb", "trino")]
        rows.append([f"`{written}`", *held, carried().types[column]])
    refused = [[f"`{written}`", _told(annotation)] for written, annotation in REFUSED.items()]
    return (
        table(["declared as", "in DuckDB", "in Trino", "in Postgres"], rows)
        + "\nThese are refused when the project is compiled:\n\n"
        + table(["declared as", "what is told"], refused)
    )


def _values() -> str:
    rows = [
        [f"`{written}`", kind, f"`{value!r}`", outcome(carried(), number, expected)]
        for number, written, kind, value, expected in numbered()
    ]
    return table(["declared as", "yielded as", "value", "what comes of it"], rows)


def _told(annotation: Any) -> str:
    try:
        compile_project(collect([_module({"c": annotation})]), "duckdb")
    except ProjectError as error:
        return f"{error.message.partition('raw.samples: ')[2]}; {error.hint}"
    return "nothing"


@cache
def _compiled(dialect: str) -> Compiled:
    by_column = {column: DECLARED[written] for written, column in COLUMNS.items()}
    return compile_project(collect([_module(by_column)]), dialect)


def _kind(written: str) -> dt.DataType:
    columns = (
        _compiled("duckdb").project.ingestions["samples"].validation_schema.to_schema().columns
    )
    return columns[COLUMNS[written]].dtype.type


def _module(columns: Mapping[str, Any]) -> ModuleType:
    """A module with the ingestion of all samples, and a mart of all columns."""
    module = ModuleType("samples.marts")
    fields: dict[str, Any] = {name: pandera.ibis.Field(nullable=True) for name in columns}
    annotations = {"__annotations__": {"id": int, **columns}}
    schema = type("Samples", (pandera.ibis.DataFrameModel,), {**fields, **annotations})

    def samples() -> Iterator[pa.Table]:
        numbers = count()
        for sample in SAMPLES:
            ids = [next(numbers) for _ in sample.expected]
            yield pa.table({"id": ids, COLUMNS[sample.declared]: sample.yielded})

    def kept(samples: Any) -> Any:
        return samples.select("id", *COLUMNS.values())

    for function in (samples, kept):
        function.__module__ = module.__name__
    ingestion(table_name="samples", unique_key="id", validation_schema=schema)(samples)
    model(kind=Table())(kept)
    vars(module).update(samples=samples, kept=kept)
    sys.modules[module.__name__] = module  # resources of an ingestion are looked up in there
    return module


def _by_number(rows: list[dict[str, Any]]) -> dict[int, Any]:
    """The one value of each row that is not null, by the row's number; None if all are."""
    values = (
        (row["id"], [row[column] for column in COLUMNS.values() if row[column] is not None])
        for row in rows
    )
    return {number: found[0] if found else None for number, found in values}


def _values_of(array: pa.Array) -> list[Any]:
    if pa.types.is_timestamp(array.type) and array.type.unit == "ns":
        array = array.cast(pa.string())
    return [*array.to_pylist()]


def _as_read(value: Any, expected: Any) -> Any:
    """A value as Python has what is expected: Arrow hands a map over as its entries."""
    if isinstance(expected, dict) and isinstance(value, list):
        return dict(value)
    return bytes(value) if isinstance(value, memoryview) else value
