"""A day of which most was refused, or that is empty, is told, and ends no run of others."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import loopback
import pytest
from authority import Authority, serving
from loopback import Scripted

from ingestion.replay import Documents, ReplayServer
from lakehouse.errors import FOUND_PROBLEMS

DAY = "2024-03-15"
MIDNIGHT = int(datetime(2024, 3, 15, tzinfo=UTC).timestamp() * 1000)
MINUTE = 60_000
HOURS = 24 * 60 * MINUTE


def entries(*sgv, day=0, step=5, **fields):
    return [
        {
            "_id": f"{day}-{place}",
            "type": "sgv",
            "date": MIDNIGHT + day * HOURS + place * step * MINUTE,
            "sgv": value,
            **fields,
        }
        for place, value in enumerate(sgv)
    ]


@pytest.fixture
def documents(monkeypatch):
    found = []
    with ReplayServer(Documents(found)) as server:
        monkeypatch.setenv("NIGHTSCOUT_URL", server.url)
        yield found


def findings(report):
    return [check for check in report["checks"] if check["finding"] and not check["passed"]]


@pytest.mark.long
def test_a_day_in_mmol_is_told_with_the_reason(lakehouse, documents):
    documents += entries(5.6, 6, 7.2, 11.1, 4.9)
    code, report = lakehouse("run", "--date", DAY)
    assert code == FOUND_PROBLEMS
    (found,) = findings(report)
    (day,) = found["examples"]
    assert (day["site"], day["day"], day["fetched"], day["rejected"]) == ("home", DAY, 5, 4)
    assert "mmol/L" in day["reason"]


@pytest.mark.long
def test_the_other_days_are_published(lakehouse, documents):
    documents += [*entries(*[1810] * 9), *entries(*[110] * 9, day=1)]
    code, report = lakehouse("backfill", "--from", DAY, "--to", "2024-03-16")
    assert (code, report["status"]) == (FOUND_PROBLEMS, "done")
    sql = "select reading_date, total_readings from marts.mrt_glucose_overview"
    _, rows = lakehouse("query", sql, "--on", "postgres")
    assert rows == [{"reading_date": "2024-03-16", "total_readings": 9}]
    assert [row["day"] for row in findings(report)[0]["examples"]] == [DAY]


@pytest.mark.long
def test_half_of_a_day_is_not_most_of_it(lakehouse, documents):
    documents += [*entries(100, 100, 100), *entries("high", "low", "?", day=0.2)]
    code, report = lakehouse("run", "--date", DAY)
    assert (code, findings(report)) == (0, [])


@pytest.mark.long
def test_a_person_whose_rows_have_no_time_of_the_window_is_told(lakehouse, monkeypatch):
    """As of a server that compares its own times, and gives out dates in seconds."""
    seconds = entries(*[100] * 5)
    for each in seconds:
        each["date"] //= 1000

    class Everything:
        def find(self, _):
            return seconds

    with ReplayServer(Everything()) as server:
        monkeypatch.setenv("NIGHTSCOUT_URL", server.url)
        code, report = lakehouse("run", "--date", DAY)
    assert code == FOUND_PROBLEMS
    (day,) = findings(report)[0]["examples"]
    assert (day["site"], day["day"], day["rejected"]) == ("home", None, 5)
    assert "date is probably in seconds" in day["reason"]


@pytest.mark.long
def test_an_empty_day_among_others_is_told(lakehouse, documents):
    documents += [*entries(100, 100), *entries(100, 100, day=2)]
    code, report = lakehouse("backfill", "--from", DAY, "--to", "2024-03-17")
    assert code == FOUND_PROBLEMS
    (found,) = findings(report)
    assert found["check"] == "no_day_between_two_others_is_empty"
    assert found["examples"][0]["empty_day"] == "2024-03-16"


@pytest.mark.long
def test_of_22_people_the_18_who_can_be_read_are_published(lakehouse, tmp_path):
    toml = Path("lakehouse.toml")
    with ExitStack() as servers:
        good = [f"site{number:02}" for number in range(18)]
        urls = {
            site: servers.enter_context(ReplayServer(Documents(entries(*[100] * 12)))).url
            for site in good
        }
        bad = {
            "broken": loopback.status(500),
            "refused": loopback.status(401),
            "hung": loopback.silence,
        }
        urls |= {site: servers.enter_context(Scripted(bad[site])).url for site in bad}
        forged = Authority(tmp_path).certificate()
        urls["forged"] = servers.enter_context(serving(forged, loopback.documents()))
        blocks = "".join(
            f'[[nightscout.sites]]\nsite = "{site}"\nurl = "{url}"\n' for site, url in urls.items()
        )
        toml.write_text(f"[project]\n[nightscout]\ntimeout = 0.5\nattempts = 1\n{blocks}")
        code, report = lakehouse("run", "--date", DAY)
    assert (code, report["status"]) == (FOUND_PROBLEMS, "incomplete")
    assert {one["key"]["site"] for one in report["unread"]} == {*bad, "forged"}
    sql = "select distinct site from marts.mrt_glucose_overview order by site"
    _, rows = lakehouse("query", sql, "--on", "postgres")
    assert [row["site"] for row in rows] == good
