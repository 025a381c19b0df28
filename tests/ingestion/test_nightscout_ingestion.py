from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from ingestion.documents import FIELDS, to_table
from ingestion.nightscout import glucose_entries, nightscout, sites
from ingestion.replay import Documents, ReplayServer
from ingestion.source import Nightscout
from lakehouse import Settings, Window, config
from lakehouse.compile.quarantine_reasons import quarantine_reasons
from lakehouse.declare.raw_columns import POSITION, declared, landed, optional
from lakehouse.declare.specs import IngestionSpec, spec_of
from lakehouse.engines import duckdb
from lakehouse.ingest.validate import validate

START = datetime(2024, 3, 15, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
MS = int(START.timestamp() * 1000)
MS_NOW = int(datetime.now(UTC).timestamp() * 1000)


def spec(function: Any) -> IngestionSpec:
    found = spec_of(function)
    assert isinstance(found, IngestionSpec)
    return found


@pytest.fixture(autouse=True)
def _no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "SITE", "TIMEZONE", "API_SECRET", "TOKEN"):
        monkeypatch.delenv(f"NIGHTSCOUT_{name}", raising=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / config.FILE).touch()
    return config.load(tmp_path, {})


@pytest.fixture
def demo(settings: Settings) -> Iterator[Nightscout]:
    with closing(nightscout(settings)) as source:
        yield source


def entry(**fields: Any) -> dict[str, Any]:
    return {"_id": "a", "type": "sgv", "date": MS, "sgv": 100, **fields}


# What is read


def test_without_an_address_the_recording_is_read(demo: Nightscout) -> None:
    table = pa.concat_tables(glucose_entries(DAY, demo))
    assert table.num_rows == 288
    assert set(table["site"].to_pylist()) == {"demo"}
    assert sum(map(int, table["sgv"].to_pylist())) == 43_019


def test_the_person_of_the_recording_lives_in_utc(demo: Nightscout) -> None:
    (person,) = pa.concat_tables(sites(demo)).to_pylist()
    assert (person["site"], person["timezone"]) == ("demo", "UTC")


@pytest.mark.long
def test_the_whole_recording_is_read(demo: Nightscout) -> None:
    window = Window(datetime(2023, 10, 1, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC))
    assert sum(table.num_rows for table in glucose_entries(window, demo)) == 50_108


def test_every_answer_is_a_table_of_one_shape(demo: Nightscout) -> None:
    window = Window(START, START + timedelta(days=60))  # to weeks without readings
    tables = list(glucose_entries(window, demo))
    assert len(tables) == 12
    assert tables[-1].num_rows == 0
    assert len({str(table.schema) for table in tables}) == 1


def test_several_people_are_read(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        ReplayServer(Documents([entry(sgv=1)]), secret="of-anna") as anna,
        ReplayServer(Documents([entry(sgv=2)])) as home,
    ):
        monkeypatch.setenv("NIGHTSCOUT_URL", home.url)
        monkeypatch.setenv("NIGHTSCOUT_API_SECRET_ANNA", "of-anna")
        own = {"timezone": "Europe/London", "units": "mmol/L", "target_range": [3.5, 7.8]}
        own |= {"travels": [{"since": date(2024, 1, 12), "timezone": "America/New_York"}]}
        block = {"site": "anna", "url": anna.url, **own}
        configured = replace(settings, sections={"nightscout": {"sites": [block]}})
        with closing(nightscout(configured)) as source:
            rows = pa.concat_tables(glucose_entries(DAY, source)).to_pylist()
            people = pa.concat_tables(sites(source)).to_pylist()
    assert sorted((row["site"], row["_id"], row["sgv"]) for row in rows) == [
        ("anna", "a", "1"),
        ("home", "a", "2"),
    ]
    change = {
        "since": date(2024, 1, 12),
        "timezone": "America/New_York",
        "starts_at": datetime(2024, 1, 12, tzinfo=UTC),
    }
    assert [tuple(person.values()) for person in people] == [
        ("home", "UTC", "mg/dL", 70, 180, []),
        ("anna", "Europe/London", "mmol/L", 63, 141, [change]),
    ]


def test_with_an_address_no_recording_is_served(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTSCOUT_URL", "https://anna.example.org")
    with closing(nightscout(settings)) as source:
        assert source.replay is None


def test_the_patience_of_the_file_is_the_clients(settings: Settings) -> None:
    section = {"timeout": 3, "attempts": 2}
    with closing(nightscout(replace(settings, sections={"nightscout": section}))) as source:
        (client,) = source.clients
    assert (client.patience.timeout, client.patience.attempts) == (3, 2)


def test_closing_stops_the_server(demo: Nightscout) -> None:
    assert demo.replay is not None
    demo.close()
    with pytest.raises(OSError):  # noqa: PT011 - it has no port any more
        demo.replay._server.socket.getsockname()


# What is declared


def test_the_raw_tables() -> None:
    assert (spec(glucose_entries).table, spec(sites).table) == ("raw.glucose_entries", "raw.sites")


def test_the_columns_of_the_entries_are_those_of_the_documents() -> None:
    assert list(declared(spec(glucose_entries)).names) == to_table("anna", []).schema.names


def test_the_types_of_the_entries() -> None:
    types = {name: str(kind) for name, kind in landed(spec(glucose_entries)).items()}
    whole = [name for name, kind in types.items() if kind == "int64"]
    doubles = [name for name, kind in types.items() if kind == "float64"]
    codes = [name for name, kind in types.items() if kind == "int32"]
    assert whole == ["date"]
    assert codes == ["utc_offset", "trend"]
    assert doubles == ["sgv", "mbg", "noise", "rssi", "filtered", "unfiltered"]
    assert types["is_valid"] == "boolean"
    assert types["reading_timestamp"] == "timestamp('UTC', 6)"
    assert types["_id"] == "string"


def cast(function: Any, *tables: pa.Table) -> list[dict[str, Any]]:
    """The rows as their declared types, each with `reasons`: why it would be set aside."""
    rows = pa.concat_tables(tables)
    rows = rows.append_column(POSITION, pa.array(range(rows.num_rows), pa.int64()))
    engine = duckdb.connect(extensions=["icu"])
    with TemporaryDirectory() as folder:
        parquet.write_table(rows, f"{folder}/rows.parquet")
        validated = validate(
            engine, spec(function), quarantine_reasons(spec(function)), [f"{folder}/rows.parquet"]
        )
    judged = engine.connection.execute(f"SELECT * FROM {validated.table} ORDER BY {POSITION}")
    found: list[dict[str, Any]] = judged.to_arrow_table().to_pylist()
    return found


def reasons(function: Any, *tables: pa.Table) -> list[str]:
    """Why each row would be set aside; empty for a good one."""
    return [row["reasons"] for row in cast(function, *tables)]


def wrong_with(document: Any) -> str:
    (found,) = reasons(glucose_entries, to_table("anna", [document]))
    return found


TWICE = "glucose is above 700 mg/dL: it was probably multiplied by 18 twice"
MMOL = "glucose is a fraction below 33.4: probably mmol/L, not mg/dL"
SECONDS = "date is probably in seconds, not milliseconds"
MICROSECONDS = "date is probably in micro- or nanoseconds, not milliseconds"
SOON = MS_NOW + 20 * 3_600_000


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sgv": "121"},
        {"sgv": 122.5},
        {"sgv": 5},
        {"sgv": 0},
        {"sgv": 1},
        {"sgv": 12.0},
        {"sgv": 38.4},
        {"sgv": 700},
        {"sgv": 100, "type": None},
        {"type": " SGV"},
        {"mbg": ""},
        {"date": MS + 0.9592},
        {"date": str(MS)},
        {"date": 946684800000},
        {"date": SOON},
        {"type": "mbg", "sgv": None, "mbg": 90},
        {"type": "cal", "sgv": None, "slope": 1},
        {"trend": 4.0, "utcOffset": -210, "noise": 1, "rssi": 100, "filtered": 0.5},
    ],
)
def test_a_good_entry(changes: dict[str, Any]) -> None:
    assert wrong_with(entry(**changes)) == ""


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"_id": None}, "_id is missing"),
        ({"_id": ""}, "_id is empty"),
        ({"type": None, "sgv": None}, "type is missing"),
        ({"date": None}, "date is missing; reading_timestamp is missing"),
        (
            {"date": "soon"},
            "date: soon is not a whole number of 64 bits; reading_timestamp is missing",
        ),
        ({"date": 946684799999}, "reading_timestamp is before 2000"),
        ({"date": -62135596800000}, "reading_timestamp is before 2000"),
        ({"date": SOON + 5 * 3_600_000}, "reading_timestamp is more than a day ahead"),
        ({"date": 32503680000000}, "reading_timestamp is more than a day ahead"),
        ({"sgv": -1}, "sgv: greater_than_or_equal_to(0)"),
        ({"sgv": -1.7e308}, "sgv: greater_than_or_equal_to(0)"),
        ({"mbg": -0.5}, "mbg: greater_than_or_equal_to(0)"),
        ({"sgv": 1810}, TWICE),
        ({"sgv": "Infinity"}, TWICE),
        ({"mbg": 700.5}, TWICE),
        ({"sgv": 5.6}, MMOL),
        ({"sgv": "33.3"}, MMOL),
        ({"sgv": 1.7e308}, TWICE),
        ({"sgv": None, "mbg": 5.6, "type": "mbg"}, MMOL),
        ({"date": MS // 1000}, f"reading_timestamp is before 2000; {SECONDS}"),
        ({"date": MS * 1000}, f"reading_timestamp is missing; {MICROSECONDS}"),
        ({"date": MS * 1000_000}, f"reading_timestamp is missing; {MICROSECONDS}"),
        ({"sgv": "NaN"}, "sgv: NaN is not a number; an entry of type sgv has no sgv"),
        ({"sgv": "5,6"}, "sgv: 5,6 is not a number; an entry of type sgv has no sgv"),
        ({"sgv": None}, "an entry of type sgv has no sgv"),
        ({"type": "mbg"}, "an entry of type mbg has no mbg"),
    ],
)
def test_an_entry_to_set_aside(changes: dict[str, Any], reason: str) -> None:
    assert wrong_with(entry(**changes)) == reason


OPTIONAL = {
    "trend": ["Flat", "", "4.5", 1e300, 2**40, True, [4], {"a": 1}],
    "utcOffset": ["+02:00", "", "60.5", 2**40, False, [], {}],
    "noise": ["Null", "Clean", "", True, [1], {}, "1e999"],
    "rssi": ["", "-60 dB", False, [], {"dB": 60}],
    "filtered": ["", "none", True, [0.5], {}],
    "unfiltered": ["", "none", True, [0.5], {}],
    "isValid": ["", "maybe", [], {}, 0.5],
    "mbg": ["", "none", True, [90], {}],
}
"""Fields that sensor glucose can do without, and values that are not of their type."""


@pytest.mark.sample(3, long=10)
@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in OPTIONAL.items() for value in values]
)
def test_an_optional_field_that_is_none_of_its_type_is_null(field: str, value: Any) -> None:
    document = entry(**{field: value})
    (row,) = cast(glucose_entries, to_table("anna", [document]))
    column = next(name for name, source in FIELDS.items() if source == field)
    assert (row["reasons"], row[column], row["sgv"]) == ("", None, 100)
    assert json.loads(row["payload"]) == document


def test_every_optional_field_of_the_schema_is_tried() -> None:
    columns = {FIELDS[name] for name in optional(spec(glucose_entries))}
    assert columns == set(OPTIONAL)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("sent", "is_valid"),
    [(False, False), ("false", False), ("False", False), (0, False), (True, True), ("true", True)],
)
def test_whether_an_entry_is_valid_is_a_column(sent: Any, is_valid: bool) -> None:  # noqa: FBT001
    (row,) = cast(glucose_entries, to_table("anna", [entry(isValid=sent)]))
    assert (row["reasons"], row["is_valid"]) == ("", is_valid)


def test_text_that_is_no_number_is_a_reason() -> None:
    assert "sgv: abc is not a number" in wrong_with(entry(sgv="abc"))


@pytest.mark.parametrize("document", [None, 7, "x", [], {}])
def test_what_is_no_entry_is_set_aside(document: Any) -> None:
    assert "_id is missing" in wrong_with(document)


@pytest.mark.long
def test_the_recording_is_good(demo: Nightscout) -> None:
    assert set(reasons(glucose_entries, *glucose_entries(DAY, demo))) == {""}


def test_the_people_are_good(demo: Nightscout) -> None:
    assert reasons(sites, *sites(demo)) == [""]
