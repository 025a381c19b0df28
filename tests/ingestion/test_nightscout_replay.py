from __future__ import annotations

import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
import requests

from ingestion.query import Query
from ingestion.recording import Recording
from ingestion.replay import Documents, ReplayServer

ROOT = Path(__file__).parents[2]
FOUR = [{"_id": str(date), "type": "sgv", "date": date, "sgv": 100} for date in (3, 1, 4, 2)]


SINCE_EVER = {"find[date][$gte]": 0}


def get(
    server: ReplayServer, query: dict[str, Any], path: str = "entries.json"
) -> requests.Response:
    return requests.get(f"{server.url}/api/v1/{path}", params=query, timeout=5)


def dates(server: ReplayServer, query: dict[str, Any], path: str = "entries.json") -> list[Any]:
    return [document["date"] for document in get(server, query, path).json()]


def days(first: datetime, count: int) -> Query:
    start = first.timestamp() * 1000
    return Query(count=0, start=start, end=start + count * 86_400_000)


# The server


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({"find[date][$gte]": 2}, [4, 3, 2]),
        ({"find[date][$gt]": 2}, [4, 3]),
        ({"find[date][$lt]": 3}, [2, 1]),
        ({"find[date][$lte]": 3}, [3, 2, 1]),
        ({"find[date][$gte]": 2, "find[date][$lt]": 4}, [3, 2]),
        ({"find[date][$gte]": "3-ish"}, [4, 3]),
        ({"find[date][$gte]": "2024-03-15T00:00:00Z"}, []),
        ({"find[date][$lt]": "2024-03-15T00:00:00Z"}, [4, 3, 2, 1]),
    ],
)
def test_finds_by_date_newest_first(conditions: dict[str, Any], found: list[int]) -> None:
    with ReplayServer(Documents(FOUR)) as server:
        assert dates(server, conditions) == found


def test_fractions_of_a_millisecond_lie_between() -> None:
    with ReplayServer(Documents([{"date": 1.5}, {"date": 2}])) as server:
        assert dates(server, {"find[date][$gt]": 1, "find[date][$lt]": 2}) == [1.5]


def test_an_answer_is_cut_to_the_newest_count() -> None:
    with ReplayServer(Documents(FOUR)) as server:
        assert dates(server, {**SINCE_EVER, "count": 2}) == [4, 3]


def test_ten_are_answered_when_no_count_is_asked_for() -> None:
    with ReplayServer(Documents(FOUR * 5)) as server:
        assert len(dates(server, SINCE_EVER)) == 10


def test_a_count_of_zero_is_everything() -> None:
    with ReplayServer(Documents(FOUR * 5)) as server:
        assert len(dates(server, {**SINCE_EVER, "count": 0})) == 20


@pytest.mark.parametrize("name", ["count", "find[date][$gte]", "find[date][$lt]"])
@pytest.mark.parametrize("text", ["abc", ""])
def test_what_is_no_number_is_a_server_error(name: str, text: str) -> None:
    with ReplayServer(Documents(FOUR)) as server:
        assert get(server, {**SINCE_EVER, name: text}).status_code == 500


def test_a_count_is_the_number_that_it_begins_with() -> None:
    with ReplayServer(Documents(FOUR)) as server:
        assert len(dates(server, {**SINCE_EVER, "count": "3abc"})) == 3


def test_without_a_condition_the_last_four_days_are_meant() -> None:
    now = datetime.now(UTC)
    ages = [timedelta(days=3), timedelta(days=5)]
    aged = [{"date": (now - age).timestamp() * 1000, "age": age.days} for age in ages]
    with ReplayServer(Documents(aged)) as server:
        assert [document["age"] for document in get(server, {}).json()] == [3]


def test_a_date_that_is_no_number_is_never_found() -> None:
    odd = [{"date": "2"}, {"date": None}, {"date": True}, {}, None, 7]
    with ReplayServer(Documents(odd)) as server:
        assert dates(server, SINCE_EVER) == []


def test_sensor_glucose_can_be_asked_for_alone() -> None:
    with ReplayServer(
        Documents([{"type": "mbg", "date": 1}, {"type": "sgv", "date": 2}])
    ) as server:
        assert dates(server, SINCE_EVER) == [2, 1]
        assert dates(server, SINCE_EVER, "entries/sgv.json") == [2]


def test_what_is_added_is_served() -> None:
    documents = list(FOUR)
    with ReplayServer(Documents(documents)) as server:
        documents.append({"date": 5})
        assert dates(server, {"find[date][$gte]": 4}) == [5, 4]


def test_an_unknown_condition_is_not_ignored() -> None:
    with ReplayServer(Documents(FOUR)) as server:
        assert get(server, {"find[dateString][$gte]": "2024"}).status_code == 500


def test_other_addresses_are_not_there() -> None:
    with ReplayServer(Documents(FOUR)) as server:
        assert get(server, {}, "treatments.json").status_code == 404


@pytest.mark.parametrize("headers", [{}, {"api-secret": "wrong"}, {"api-secret": "hush"}])
def test_a_missing_or_wrong_secret_is_refused(headers: dict[str, str]) -> None:
    with ReplayServer(Documents(FOUR), secret="hush") as server:
        answer = requests.get(f"{server.url}/api/v1/entries.json", headers=headers, timeout=5)
    assert answer.status_code == 401
    assert answer.json() == {
        "status": 401,
        "message": "Unauthorized",
        "description": "Invalid/Missing",
    }


def test_the_sha1_of_the_secret_is_accepted() -> None:
    with ReplayServer(Documents(FOUR), secret="hush") as server:
        headers = {"api-secret": sha1(b"hush").hexdigest()}
        answer = requests.get(f"{server.url}/api/v1/entries.json", headers=headers, timeout=5)
    assert answer.status_code == 200


def test_only_this_machine_is_served() -> None:
    with ReplayServer(Documents(FOUR)) as server:
        assert server.url.startswith("http://127.0.0.1:")


def test_a_closed_server_has_freed_its_port() -> None:
    with ReplayServer(Documents(FOUR)) as server:
        port = int(server.url.rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_the_server_starts_before_the_recording_is_read(tmp_path: Path) -> None:
    file = tmp_path / "readings.csv"
    with ReplayServer(Recording(file)) as server:
        file.write_text("bg_ts,value\n18/10/2023 00:00,10.0")
        assert len(dates(server, SINCE_EVER)) == 1


@pytest.mark.long
def test_the_module_serves_the_recording() -> None:
    command = [sys.executable, "-m", "ingestion.replay", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        query = {"find[date][$gte]": 0, "count": 0}
        answer = requests.get(f"{url}/api/v1/entries.json", params=query, timeout=10)
        process.terminate()
    assert len(answer.json()) == 50_108


# The recording


@pytest.mark.long
def test_the_recording_is_whole() -> None:
    found = Recording().find(Query(count=0))
    assert len(found) == len({document["_id"] for document in found}) == 50_108
    assert found[-1]["dateString"] == "2023-10-18T00:00:00.000Z"
    assert found[0]["dateString"] == "2024-04-12T14:54:00.000Z"


def test_a_day_of_the_recording() -> None:
    found = Recording().find(days(datetime(2024, 3, 15, tzinfo=UTC), 1))
    glucose = [document["sgv"] for document in found]
    assert (len(glucose), min(glucose), max(glucose)) == (288, 88, 211)
    assert round(sum(glucose) / len(glucose), 4) == 149.3715


def test_days_are_counted_in_utc_also_when_summer_time_ends() -> None:
    found = Recording().find(days(datetime(2023, 10, 29, tzinfo=UTC), 1))
    assert len({document["date"] for document in found}) == len(found) == 288


def test_a_document_looks_as_an_uploader_writes_it() -> None:
    assert Recording().find(Query(count=1)) == [
        {
            "_id": "66194b08000000000000c3bb",
            "device": "T1D-UOM 2310",
            "date": 1712933640000,
            "dateString": "2024-04-12T14:54:00.000Z",
            "sgv": 126,
            "direction": "Flat",
            "type": "sgv",
            "utcOffset": 0,
            "sysTime": "2024-04-12T14:54:00.000Z",
        }
    ]


def test_the_direction_follows_the_rate_of_change(tmp_path: Path) -> None:
    values = [10.0, 10.0, 9.5, 8.8, 7.6, 7.6, 8.1, 8.8, 10.0]  # 0.1 mmol/L is 1.8 mg/dL
    lines = [f"18/10/2023 00:{5 * row:02d},{value}" for row, value in enumerate(values)]
    file = tmp_path / "readings.csv"
    file.write_text("\n".join(["bg_ts,value", *lines, "18/10/2023 02:00,10.0"]))
    found = Recording(file).find(Query(count=0))[::-1]
    assert [document.get("direction") for document in found] == [
        None,
        "Flat",
        "FortyFiveDown",
        "SingleDown",
        "DoubleDown",
        "Flat",
        "FortyFiveUp",
        "SingleUp",
        "DoubleUp",
        None,  # after a gap
    ]


@pytest.mark.parametrize("query", [Query(end=0), Query(start=9e12), Query(type="mbg")])
def test_nothing_is_found_outside_the_recording(query: Query) -> None:
    assert Recording().find(query) == []


def test_the_recording_is_cut_to_the_newest_count() -> None:
    day = days(datetime(2024, 3, 15, tzinfo=UTC), 1)
    cut = Query(count=3, start=day.start, end=day.end)
    assert Recording().find(cut) == Recording().find(day)[:3]
