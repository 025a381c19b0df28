from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingestion.documents import FIELDS, parse, to_table

TEXT = st.text(st.characters())  # lone surrogates too
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
JSON = st.recursive(
    SCALARS.filter(lambda value: value not in (float("inf"), float("-inf"))),
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=8,
)
ENTRIES = st.dictionaries(st.sampled_from(sorted(FIELDS.values())) | TEXT, JSON)


def row(document: Any) -> dict[str, Any]:
    rows: list[dict[str, Any]] = to_table("anna", [document]).to_pylist()
    assert len(rows) == 1
    return rows[0]


@pytest.mark.long
@settings(deadline=None)
@given(st.lists(JSON | ENTRIES))
@example([{"_id": "\ud800", "date": 2**70, "sgv": {"\udfff": [1]}}, None, [], "", 1, True])
def test_every_document_is_a_row_whose_payload_is_the_document(documents: list[Any]) -> None:
    table = to_table("anna", documents)
    table.validate(full=True)
    assert [json.loads(payload) for payload in table["payload"].to_pylist()] == documents


@pytest.mark.long
@settings(deadline=None)
@given(st.lists(JSON | ENTRIES))
def test_what_is_sent_is_what_is_read(documents: list[Any]) -> None:
    sent = json.dumps(documents)
    assert parse(sent.encode()) == json.loads(sent, parse_int=_as_javascript)


def _as_javascript(digits: str) -> int | float:
    whole = int(digits)
    return whole if -(2**63) <= whole < 2**64 else float(whole)


@pytest.mark.parametrize("column", FIELDS)
def test_each_field_has_its_column(column: str) -> None:
    found = row({FIELDS[column]: "x"})
    assert found[column] == "x"
    implied = {"type"} if column == "sgv" else set()
    assert {name for name in FIELDS if found[name] is not None} == {column, *implied}


def test_the_columns_are_text_but_for_the_instant() -> None:
    types = {field.name: field.type for field in to_table("anna", []).schema}
    assert types.pop("reading_timestamp") == pa.timestamp("us", tz="UTC")
    assert list(types) == ["site", *FIELDS, "payload"]
    assert set(types.values()) == {pa.string()}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (121, "121"),
        (122.5, "122.5"),
        (120.0, "120"),
        (1767322876609.9592, "1767322876609.9592"),
        (1e22, "1e+22"),
        ("121", "121"),
        ("", ""),
        (True, "true"),
        (False, "false"),
        ({"a": [1, None]}, '{"a":[1,null]}'),
        ([], "[]"),
        ("a\ud800", "a\\ud800"),
        ("é\x00", "é\x00"),
        (None, None),
    ],
)
def test_a_value_becomes_its_shortest_text(value: Any, text: str | None) -> None:
    assert row({"sgv": value})["sgv"] == text


def test_a_missing_field_is_null() -> None:
    assert row({})["sgv"] is None


@pytest.mark.parametrize("document", [None, 1, "x", [1], True])
def test_what_is_no_object_is_a_row_without_fields(document: Any) -> None:
    found = row(document)
    assert {found[name] for name in (*FIELDS, "reading_timestamp")} == {None}
    assert found["site"] == "anna"


def test_the_payload_is_compact_and_keeps_the_order_of_fields() -> None:
    assert row({"z": 1, "a": "é", "sgv": 1.0})["payload"] == '{"z":1,"a":"é","sgv":1.0}'


@pytest.mark.parametrize(
    ("date", "instant"),
    [
        (1767322876609, datetime(2026, 1, 2, 3, 1, 16, 609000, UTC)),
        (1767322876609.9592, datetime(2026, 1, 2, 3, 1, 16, 609959, UTC)),
        (1767322876609.123, datetime(2026, 1, 2, 3, 1, 16, 609123, UTC)),
        (1767322876609.9998, datetime(2026, 1, 2, 3, 1, 16, 609999, UTC)),
        ("1767322876609", datetime(2026, 1, 2, 3, 1, 16, 609000, UTC)),
        ("1767322876609.5", datetime(2026, 1, 2, 3, 1, 16, 609500, UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-0.001, datetime(1969, 12, 31, 23, 59, 59, 999999, UTC)),
        (-62135596800000, datetime(1, 1, 1, tzinfo=UTC)),
        (253402300799999, datetime(9999, 12, 31, 23, 59, 59, 999000, UTC)),
    ],
)
def test_the_instant_is_exact_to_the_microsecond(date: Any, instant: datetime) -> None:
    assert row({"date": date})["reading_timestamp"] == instant


@pytest.mark.parametrize(
    "date",
    [
        None,
        True,
        [],
        {},
        "",
        "soon",
        "NaN",
        "Infinity",
        "2024-03-15T00:00:00Z",
        -62135596800001,
        253402300800000,
        253402300800000.0,
        10**30,
        1e300,
        "1e999999",
        "1e-99999999999999999999",
        "\ud800",
    ],
)
def test_what_is_no_instant_is_null(date: Any) -> None:
    found = row({"date": date, "sgv": 100})
    assert found["reading_timestamp"] is None
    assert found["sgv"] == "100"


@pytest.mark.parametrize(
    "body", [b"", b"[1", b"[nan]", b"[undefined]", b"<p>", b'["\xff"]', b"[1]x"]
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any of the parsers' own
        parse(body)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 5000])
def test_a_number_beyond_a_double_is_kept_as_text(number: str) -> None:
    assert parse(f'[{{"sgv":{number}}}]'.encode()) == [{"sgv": number}]


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_javascript_calls_a_number_spoils_one_field(constant: str) -> None:
    body = f'[{{"_id":"a","sgv":{constant}}},{{"_id":"b","sgv":100}}]'.encode()
    assert parse(body) == [{"_id": "a", "sgv": constant}, {"_id": "b", "sgv": 100}]


@pytest.mark.parametrize("kind", ["SGV", " sgv ", "Sgv\n", None, "", "  "])
def test_a_type_is_read_as_meant(kind: Any) -> None:
    document = {"type": kind, "sgv": 100}
    found = row(document)
    assert found["type"] == "sgv"
    assert json.loads(found["payload"]) == document


def test_an_entry_with_sgv_and_without_a_type_is_sensor_glucose() -> None:
    assert row({"sgv": 100})["type"] == "sgv"


@pytest.mark.parametrize("document", [{}, {"mbg": 90}, {"sgv": None}, {"sgv": "", "type": ""}])
def test_without_sgv_a_missing_type_is_missing(document: dict[str, Any]) -> None:
    assert row(document)["type"] is None


def test_another_type_with_sgv_keeps_its_type() -> None:
    assert row({"type": "MBG", "sgv": 100})["type"] == "mbg"


def test_lone_surrogates_are_read() -> None:
    assert parse(b'["\\ud800", -3, 1.5]') == ["\ud800", -3, 1.5]


@pytest.mark.parametrize("depth", [300, 900])
def test_nesting_that_the_fast_writer_refuses_is_kept(depth: int) -> None:
    text = "[" * depth + "]" * depth
    assert row(parse(text.encode()))["payload"] == text


def test_nesting_without_end_is_no_exception() -> None:
    found = row({"_id": "a", "sgv": parse(b"[" * 1020 + b"]" * 1020)})
    assert (found["_id"], found["payload"]) == ("a", None)


def test_megabytes_of_text_are_one_field() -> None:
    text = "x" * 5_000_000
    assert row({"device": text})["device"] == text


@pytest.mark.long
def test_fifty_thousand_documents_take_less_than_a_second() -> None:
    documents = [
        {"_id": str(n), "date": 1710460800000 + n, "sgv": n, "device": "d", "type": "sgv"}
        for n in range(50_000)
    ]
    started = time.process_time()
    to_table("anna", documents)
    assert time.process_time() - started < 1
