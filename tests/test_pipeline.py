"""The whole pipeline by its commands: the recording, a changing source, a misbehaving one."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree

import pytest
from loopback import Scripted
from receivers import Mail, Web
from toy import query

from ingestion.replay import Documents, ReplayServer
from lakehouse.errors import COULD_NOT_RUN, FOUND_PROBLEMS

ROOT = Path(__file__).parent.parent
NOON = datetime(2024, 3, 15, 12, tzinfo=UTC)
DAY = "2024-03-15"


def entry(key, minute=0, sgv=100, **fields):
    """A document as an uploader writes it, `minute` minutes after noon."""
    date = int(NOON.timestamp() * 1000) + minute * 60_000
    return {"_id": key, "type": "sgv", "date": date, "sgv": sgv, "device": "x", **fields}


@pytest.fixture
def documents(monkeypatch, lakehouse):
    """What a Nightscout on loopback has; the pipeline reads it."""
    found = []
    with ReplayServer(Documents(found)) as server:
        monkeypatch.setenv("NIGHTSCOUT_URL", server.url)
        yield found


def rows(lakehouse, sql, *options):
    code, found = lakehouse("query", sql, *options)
    assert code == 0
    return found


def test_a_day_of_the_recording_reaches_postgres(lakehouse):
    assert lakehouse("run", "--date", DAY)[0] == 0
    sql = (
        "select total_readings, avg_glucose_mg_dl, min_glucose_mg_dl, max_glucose_mg_dl,"
        " percent_in_range from marts.mrt_glucose_overview where reading_date = date '2024-03-15'"
    )
    (row,) = rows(lakehouse, sql, "--on", "postgres")
    assert row["total_readings"] == 288
    assert row["avg_glucose_mg_dl"] == pytest.approx(149.37152777777777)
    assert (row["min_glucose_mg_dl"], row["max_glucose_mg_dl"]) == (88, 211)
    assert row["percent_in_range"] == pytest.approx(88.19444444444444)


@pytest.mark.long
def test_the_whole_recording_gives_the_expected_figures(lakehouse):
    assert lakehouse("backfill", "--from", "2023-10-18", "--to", "2024-04-12")[0] == 0
    sql = "select * from marts.mrt_glucose_periods where period = 'all'"
    (row,) = rows(lakehouse, sql, "--on", "postgres")
    assert row["reading_count"] == 50_108
    assert row["percent_active"] == pytest.approx(98.0, abs=0.05)
    assert row["gmi"] == pytest.approx(6.407, abs=0.0005)
    assert row["cv_percent"] == pytest.approx(28.59, abs=0.005)
    assert row["percent_in_range"] == pytest.approx(89.26, abs=0.005)
    assert (row["hypo_episodes_level1"], row["hypo_episodes_level2"]) == (90, 4)


@pytest.mark.long
def test_travels_that_change_rebuild_that_person_alone(lakehouse, tmp_path):
    """A reading of every hour of three days: the first of them turns out to have had 28 hours."""
    found = [entry(f"e{hour}", 60 * hour) for hour in range(-12, 60)]
    moved = 'travels = [{ since = 2024-03-16, timezone = "America/New_York" }]\n'
    days = ("--from", DAY, "--to", "2024-03-17")
    sql = "select site, total_readings from marts.mrt_glucose_overview order by site, reading_date"
    counts, built = [], []
    with ReplayServer(Documents(found)) as server:
        for travels in ("", moved, ""):
            people = (
                f'[[nightscout.sites]]\nsite = "{name}"\nurl = "{server.url}"\n{also}'
                for name, also in (("anna", travels), ("ben", ""))
            )
            (tmp_path / "lakehouse.toml").write_text("".join(["[project]\n", *people]))
            code, report = lakehouse("backfill", *days)
            assert code == 0
            counts.append([row["total_readings"] for row in rows(lakehouse, sql)])
            built.append({node["windows"] for node in report["nodes"] if node["step"] == "model"})
    assert counts == [[24, 24, 24] * 2, [28, 24, 20, 24, 24, 24], [24, 24, 24] * 2]
    assert built[1:] == [{"all of site anna"}] * 2


@pytest.mark.long
def test_documents_that_the_server_has_no_more_leave_the_marts(lakehouse, documents):
    documents += [entry(f"e{minute}", minute) for minute in range(0, 60, 5)]
    lakehouse("run", "--date", DAY)
    del documents[3:5]
    documents[0]["sgv"] = "high"
    _, report = lakehouse("run", "--date", "2024-03-16")  # reads the day before again
    (merge,) = (node for node in report["nodes"] if node["node"] == "raw.glucose_entries")
    assert merge["counts"]["gone"] == 3
    sql = "select total_readings from marts.mrt_glucose_overview where reading_date = '2024-03-15'"
    assert rows(lakehouse, sql, "--on", "postgres") == [{"total_readings": 9}]
    raw = "select count(*) as n, count(_gone_run) as gone from raw.glucose_entries"
    assert rows(lakehouse, raw) == [{"n": 12, "gone": 3}]


@pytest.mark.long
def test_a_server_that_suddenly_has_no_day_is_believed_the_second_time(lakehouse, documents):
    documents += [entry(f"e{minute}", minute) for minute in range(0, 60, 5)]
    lakehouse("run", "--date", DAY)
    documents.clear()
    sql = "select count(*) as n from marts.mrt_glucose_overview"
    for remaining in (1, 0):
        _, report = lakehouse("run", "--date", DAY)
        assert rows(lakehouse, sql, "--on", "postgres") == [{"n": remaining}]
    (note,) = (node["note"] for node in report["nodes"] if node["node"] == "raw.glucose_entries")
    assert "12 gone" in note


@pytest.mark.long
def test_marts_in_mmol_are_the_same_in_postgres(lakehouse):
    lakehouse("backfill", "--from", "2024-03-10", "--to", "2024-03-15")
    names = ["overview", "overnight", "hourly_patterns", "agp", "episodes", "periods"]
    for name in names:
        sql = f"select * from marts.mrt_glucose_{name}_mmol order by 1, 2, 3, 4"
        assert rows(lakehouse, sql) == rows(lakehouse, sql, "--on", "postgres") != []


@pytest.mark.long
def test_a_backfill_of_what_is_missing_asks_for_nothing_twice(lakehouse):
    lakehouse("backfill", "--from", "2024-03-10", "--to", "2024-03-12")
    _, report = lakehouse("backfill", "--from", "2024-03-09", "--to", "2024-03-12", "--missing")
    assert report["window"][0].startswith("2024-03-09")
    assert report["window"][1].startswith("2024-03-10")
    _, report = lakehouse("backfill", "--from", "2024-03-09", "--to", "2024-03-12", "--missing")
    assert report == {"status": "nothing to do"}


@pytest.mark.long
def test_days_in_any_order_give_the_same_tables(lakehouse, monkeypatch, tmp_path):
    """The days are run in homes of their own, which are then compared."""
    tables = ["silver.fct_glucose_readings", "marts.mrt_glucose_overview"]
    tables += ["marts.mrt_glucose_episodes", "marts.mrt_glucose_overnight"]

    def built(order, home):
        monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / home))
        for day in order:
            assert lakehouse("run", "--date", f"2024-03-{day}")[0] == 0
        return [rows(lakehouse, f"select * from {table} order by all") for table in tables]

    assert built([16, 15, 16], "mixed") == built([15, 16], "sorted")


@pytest.mark.long
def test_a_document_changed_at_the_source_changes_the_marts_of_its_day(lakehouse, documents):
    documents += [entry("a", 0, 100), entry("b", 5, 110)]
    lakehouse("run", "--date", DAY)
    documents[0] = entry("a", 0, 300)
    lakehouse("run", "--date", DAY)
    sql = "select max_glucose_mg_dl as highest from marts.mrt_glucose_overview"
    assert rows(lakehouse, sql, "--on", "postgres") == [{"highest": 300}]


@pytest.mark.long
def test_bad_rows_are_quarantined_and_the_good_ones_land(lakehouse, documents):
    day = int(NOON.timestamp() * 1000)
    documents += [entry(f"good{n}", 5 * n) for n in range(3)]
    documents += [
        {key: value for key, value in entry("x", 20).items() if key != "_id"},
        entry("text", 25, sgv="high"),
        entry("empty", 30, sgv=None),
        {"_id": "nokind", "date": entry("", 35)["date"], "device": "x"},
        entry("untyped", 40, type=None),
    ]
    code, report = lakehouse("run", "--date", DAY)
    assert code == 0
    merged = next(node for node in report["nodes"] if node["node"] == "raw.glucose_entries")
    assert merged["note"] == "8 fetched, 4 new, 4 quarantined"
    held = rows(lakehouse, "select _id, reasons, payload from quarantine.glucose_entries")
    reasons = {row["_id"]: row["reasons"] for row in held}
    assert "_id is missing" in reasons[None]
    assert "sgv: high is not a number" in reasons["text"]
    assert "sgv" in reasons["empty"]
    assert "type is missing" in reasons["nokind"]
    assert {json.loads(row["payload"])["date"] for row in held} == {
        day + minutes * 60_000 for minutes in (20, 25, 30, 35)
    }


@pytest.mark.long
@pytest.mark.parametrize("year", [1, 3000])
def test_a_date_nobody_can_have_measured_at_is_quarantined(lakehouse, monkeypatch, year):
    date = int(datetime(year, 6, 1, tzinfo=UTC).timestamp() * 1000)
    answer = json.dumps([entry("a", 0), entry("b") | {"date": date}]).encode()
    with Scripted(lambda handler: handler.send(200, answer)) as server:
        monkeypatch.setenv("NIGHTSCOUT_URL", server.url)
        assert lakehouse("run", "--date", DAY)[0] == 0
    (held,) = rows(lakehouse, "select _id from quarantine.glucose_entries")
    assert held == {"_id": "b"}
    assert rows(lakehouse, "select _id from raw.glucose_entries") == [{"_id": "a"}]


@pytest.mark.long
def test_a_date_in_seconds_is_quarantined_and_named(lakehouse, monkeypatch):
    """A server that compares something else than `date` gives out such documents."""
    seconds = entry("b")["date"] // 1000
    answer = json.dumps([entry("a", 0), entry("c", 5), entry("b", date=seconds)]).encode()
    with Scripted(lambda handler: handler.send(200, answer)) as server:
        monkeypatch.setenv("NIGHTSCOUT_URL", server.url)
        assert lakehouse("run", "--date", DAY)[0] == 0
    (held,) = rows(lakehouse, "select _id, reasons from quarantine.glucose_entries")
    assert held["_id"] == "b"
    assert "date is probably in seconds" in held["reasons"]
    assert len(rows(lakehouse, "select _id from raw.glucose_entries")) == 2


FAULTS = {
    "unauthorized": lambda handler: handler.send(401, b'{"status":401}'),
    "html": lambda handler: handler.send(200, b"<html>maintenance</html>"),
    "half a document": lambda handler: handler.send(200, b'[{"_id": "a", "da'),
    "an error": lambda handler: handler.send(500, b"oops"),
}


@pytest.mark.sample(0, long=3)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_source_that_cannot_be_trusted_leaves_main_and_postgres(
    lakehouse, documents, monkeypatch, database, fault
):
    documents.append(entry("a"))
    lakehouse("run", "--date", DAY)
    before = lakehouse("log")[1], query(database, "select * from marts.mrt_glucose_overview")
    with Scripted(FAULTS[fault]) as server:
        monkeypatch.setenv("NIGHTSCOUT_URL", server.url)
        code, told = lakehouse("run", "--date", "2024-03-16")
        assert code == COULD_NOT_RUN
        assert server.url in told["error"]
    after = lakehouse("log")[1], query(database, "select * from marts.mrt_glucose_overview")
    assert after == before


@pytest.fixture
def careless(tmp_path, lakehouse):
    """Runs a command of the project as somebody changed it: bronze lets any reading through."""
    folder = tmp_path / "careless"
    copytree(ROOT / "models", folder / "models")
    (folder / "ingestion").symlink_to(ROOT / "ingestion")
    (folder / "lakehouse.toml").write_text((tmp_path / "lakehouse.toml").read_text())
    for file, before, after in (
        ("bronze.py", "LOWEST = 39", "LOWEST = 0"),
        (
            "checks.py",
            'RangeCheck("glucose_mg_dl", 39, 600)',
            'RangeCheck("glucose_mg_dl", 0, 600)',
        ),
    ):
        code = (folder / "models" / file).read_text()
        assert before in code
        (folder / "models" / file).write_text(code.replace(before, after))

    def command(*words):
        done = subprocess.run(
            [sys.executable, "-m", "lakehouse", *words],
            check=False,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stderr

    return command


@pytest.mark.long
def test_an_impossible_reading_reaches_nobody_and_is_told_once_and_so_is_its_end(
    lakehouse, careless, documents, monkeypatch, database
):
    web, mail = Web(), Mail()
    with web.open() as over_http, mail.open() as by_mail:
        monkeypatch.setenv("LAKEHOUSE_ALERTS", f"{over_http} {by_mail}")
        documents += [entry(f"good{n}", 5 * n) for n in range(3)]
        lakehouse("run", "--date", DAY)
        marts = "select * from marts.mrt_glucose_overview", "select * from marts.publication"
        before = lakehouse("log")[1], [query(database, each) for each in marts]

        documents.append(entry("bad", 15, 5))
        for _ in range(2):
            code, said = careless("run", "--date", DAY)
            assert code == FOUND_PROBLEMS, said
            assert "silver.fct_glucose_readings: range: 20 ≤ glucose_mg_dl ≤ 600" in said
            assert (lakehouse("log")[1], [query(database, each) for each in marts]) == before
        bad = "select entry_id, glucose_mg_dl from silver.fct_glucose_readings where glucose_mg_dl < 20"
        assert rows(lakehouse, bad) == []
        branches = [each["branch"] for each in lakehouse("branches")[1]]
        for branch in branches:
            assert rows(lakehouse, bad, "--ref", branch) == [
                {"entry_id": "bad", "glucose_mg_dl": 5}
            ]
        assert len(branches) == 2
        assert len(web.messages) == len(mail.letters) == 1
        assert "glucose_mg_dl=5" in web.messages[0]["message"]

        for _ in range(2):
            assert lakehouse("run", "--date", DAY)[0] == 0
        trouble = "silver.fct_glucose_readings: range: 20 ≤ glucose_mg_dl ≤ 600"
        assert web.titles == [f"lakehouse: {trouble}", f"lakehouse: over: {trouble}"]
        assert len(mail.letters) == 2
    assert rows(
        lakehouse, "select min_glucose_mg_dl as lowest from marts.mrt_glucose_overview"
    ) == [{"lowest": 100}]


@pytest.mark.long
def test_a_repeated_run_has_nothing_to_do(lakehouse, database):
    lakehouse("run", "--date", DAY)
    before = lakehouse("log")[1], query(database, "select * from marts.publication")
    code, report = lakehouse("run", "--date", DAY)
    assert (code, report["status"]) == (0, "nothing to do")
    assert (lakehouse("log")[1], query(database, "select * from marts.publication")) == before


@pytest.mark.long
def test_every_person_has_a_day_of_their_own(lakehouse, documents, monkeypatch):
    monkeypatch.setenv("NIGHTSCOUT_TIMEZONE", "Pacific/Kiritimati")  # UTC+14
    documents += [entry("a", -11 * 60), entry("b", 60)]
    lakehouse("run", "--date", DAY)
    lakehouse("run", "--date", "2024-03-16")
    sql = "select reading_date, total_readings from marts.mrt_glucose_overview order by 1"
    assert [row["reading_date"] for row in rows(lakehouse, sql)] == [DAY, "2024-03-16"]


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "--date", "2024-02-30"], "no date"),
        (["run", "--date", DAY, "--select", "marts.nothing"], "names no table"),
        (["query", "select * from marts.nothing"], "nothing does not exist"),
        (["backfill", "--from", DAY, "--to", "2024-03-14"], "is before"),
        (["dag", "-o", "dag.gif"], "gif"),
        (["query", "select 1", "--ref", "nowhere"], "nowhere"),
        (["fly"], "No such command"),
    ],
)
def test_a_wrong_word_is_one_clear_line(lakehouse, arguments, complaint):
    if arguments[0] == "query" and "--ref" not in arguments:
        lakehouse("run", "--date", DAY)
    code, told = lakehouse(*arguments)
    assert code == COULD_NOT_RUN
    assert complaint in told["error"]
    assert "\n" not in told["error"]


def test_a_credential_without_an_address_is_one_clear_line(lakehouse, monkeypatch):
    monkeypatch.setenv("NIGHTSCOUT_API_SECRET", "hunter2-hunter2")
    code, told = lakehouse("run", "--date", DAY)
    assert code == COULD_NOT_RUN
    assert "NIGHTSCOUT_URL" in told["error"] + told["hint"]
    assert "hunter2" not in str(told)


def test_the_plan_says_what_a_run_would_do(lakehouse):
    code, nodes = lakehouse("plan", "--date", DAY)
    assert code == 0
    why = {node["node"]: node["why"] for node in nodes}
    assert why["raw.glucose_entries"] == "first run"
    assert why["marts.mrt_glucose_overview"] == "first run"


@pytest.mark.long
def test_doctor_finds_a_home_that_was_moved(lakehouse, monkeypatch, tmp_path):
    lakehouse("run", "--date", DAY)
    (tmp_path / "home").rename(tmp_path / "moved")
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "moved"))
    code, findings = lakehouse("doctor")
    home = next(finding for finding in findings if finding["what"] == "home")
    assert code == COULD_NOT_RUN
    assert f"was copied or moved here from {tmp_path / 'home'}" in home["detail"]


@pytest.mark.long
def test_doctor_is_content_after_a_run(lakehouse):
    lakehouse("run", "--date", DAY)
    code, findings = lakehouse("doctor")
    assert [finding["what"] for finding in findings if not finding["healthy"]] == []
    assert code == 0


@pytest.mark.sample(1)
@pytest.mark.parametrize("suffix", ["svg", "html", "png", "mmd", "dot"])
def test_the_dag_is_drawn(lakehouse, tmp_path, suffix):
    path = tmp_path / f"dag.{suffix}"
    code, document = lakehouse("dag", "-o", str(path))
    assert code == 0
    assert path.stat().st_size > 1000
    assert len(document["nodes"]) > 20


def test_a_selected_picture_shows_only_what_feeds_the_selection(lakehouse):
    _, document = lakehouse("dag", "--select", "+marts.mrt_glucose_overview")
    labels = {node["label"] for node in document["nodes"]}
    assert "marts.mrt_glucose_overview" in labels
    assert "marts.mrt_glucose_agp" not in labels
