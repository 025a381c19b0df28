"""What a real Nightscout answers, and what arrives of it: `deploy` starts one of version 0.12."""

import os
import shutil
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from itertools import product
from urllib.parse import urlencode

import pytest
from pydantic import SecretStr
from real_nightscout import RealNightscout, at

import deploy.nightscout
import deploy.stack
from ingestion.client import Client
from ingestion.people import Patience, Person
from ingestion.query import Query
from ingestion.recording import Recording
from ingestion.replay import Documents, ReplayServer
from lakehouse import SourceError, Window
from lakehouse.errors import COULD_NOT_RUN

pytestmark = pytest.mark.long

DAY = "2024-03-15"
START = datetime(2024, 3, 15, tzinfo=UTC)
MS = int(START.timestamp() * 1000)
MINUTE, HOURS = 60_000, 24 * 3_600_000
WINDOW = Window(START, START + timedelta(days=1))
PATIENCE = Patience(timeout=30, attempts=1)
OVERVIEW = "select * from marts.mrt_glucose_overview order by reading_date"
COUNTED = "select count(*) as n, count(_gone_run) as gone from raw.glucose_entries"


def entry(minute, sgv=120, **fields):
    """A reading as an uploader writes it, `minute` minutes after midnight."""
    date = MS + minute * MINUTE
    return {
        "type": "sgv",
        "sgv": sgv,
        "date": date,
        "dateString": at(date),
        "device": "x",
        **fields,
    }


def readings(number, step=5, **fields):
    return [entry(place * step, 100 + place % 50, **fields) for place in range(number)]


FOLDER = deploy.stack.ROOT / "test-nightscout" / os.environ.get("PYTEST_XDIST_WORKER", "alone")


@pytest.fixture(scope="module")
def server():
    """One Nightscout for the tests of a worker, unless one runs already."""
    if program := deploy.nightscout.missing():
        pytest.skip(f"a real Nightscout needs `{program}`, which is not on the PATH")
    was_running = bool(deploy.stack.processes(FOLDER))
    if not was_running:
        shutil.rmtree(FOLDER / "data", ignore_errors=True)
    variables = deploy.nightscout.start(FOLDER)
    yield RealNightscout(variables["NIGHTSCOUT_URL"], variables["NIGHTSCOUT_API_SECRET"])
    if not was_running:
        deploy.stack.stop(FOLDER)


@pytest.fixture
def real(server):
    """It, without any entry."""
    server.empty()
    return server


@pytest.fixture
def home(real, lakehouse, monkeypatch):
    """Runs commands in a home that reads it."""
    monkeypatch.setenv("NIGHTSCOUT_URL", real.url)
    monkeypatch.setenv("NIGHTSCOUT_API_SECRET", real.secret)
    return lakehouse


def rows(home, sql):
    code, found = home("query", sql)
    assert code == 0
    return found


def read(person, window=WINDOW, patience=PATIENCE, **options):
    """Every entry of a window, as the client reads it."""
    with closing(Client(person, patience, **options)) as client:
        return [one for page in client.entries(window) for one in page]


def person(real, **fields):
    return Person("anna", real.url, **(fields or {"secret": SecretStr(real.secret)}))


# What arrives of what uploaders send

KINDS = {
    "sensor": (entry(0, 100, direction="Flat"), 100),
    "text": (entry(5, "121"), 121),
    "fraction": (entry(10, 122.5), 122.5),
    "fraction of a millisecond": (entry(15, 123, date=MS + 15 * MINUTE + 0.9592), 123),
    "no device": (entry(20, 124, device=None), 124),
    "an offset": (entry(25, 125, dateString="2024-03-15T01:25:00.000+0100"), 125),
    "no dateString": ({"type": "sgv", "sgv": 126, "date": MS + 30 * MINUTE}, 126),
    "no type": ({"sgv": 127, "date": MS + 35 * MINUTE, "dateString": at(MS + 35 * MINUTE)}, 127),
    "another type": (entry(40, 128, type="SGV "), 128),
    "odd fields": (entry(45, 129, trend="Flat", noise="Null", rssi="", filtered=None), 129),
    "a UUID": (entry(50, 130, _id="0B1C2D3E-0000-4000-8000-000000000000"), 130),
    "nested": (entry(55, 131, openaps={"suggested": [1, {"rate": None}]}), 131),
    "an emoji": (entry(60, 132, device="🩸 größe"), 132),
    "a code": (entry(65, 5), 5),
    "deleted by version 3": (entry(70, 133, isValid=False), 133),
    "another zone": (entry(75, 134, utcOffset=60, sysTime="2024-03-15T02:15:00.000+0100"), 134),
    "finger": ({**entry(80, None, type="mbg", mbg=110)}, None),
    "calibration": ({**entry(85, None, type="cal", slope=850.5, intercept=3e4, scale=1)}, None),
}
"""Entries that are raw rows, and the glucose of each; each has five minutes of its own."""
IN_QUARANTINE = {
    "mmol/L": entry(90, 5.6),
    "twice": entry(95, 1810),
    "no number": entry(100, "LOW"),
    "no sgv": entry(105, None),
}
NEVER_FOUND = {
    "seconds": entry(110, date=(MS + 110 * MINUTE) // 1000),
    "a date that is text": entry(115, date=str(MS + 115 * MINUTE)),
}


def test_each_kind_of_entry_arrives(real, home):
    real.upload(*(document for document, _ in KINDS.values()))
    real.upload(*IN_QUARANTINE.values(), *NEVER_FOUND.values())
    code, report = home("run", "--date", DAY)
    assert (code, report["status"]) == (0, "done")
    found = rows(home, "select date, sgv from raw.glucose_entries order by date")
    expected = {name: (round(one["date"]), glucose) for name, (one, glucose) in KINDS.items()}
    assert [(row["date"], row["sgv"]) for row in found] == [*expected.values()]
    _, refused = home("quarantine")
    assert len(refused) == len(IN_QUARANTINE)


def test_what_a_model_has_of_them(real, home):
    real.upload(*({**document, "device": "x"} for document, _ in KINDS.values()))
    home("run", "--date", DAY)
    (day,) = rows(home, OVERVIEW)
    others = {"a code", "deleted by version 3", "finger", "calibration"}
    assert day["total_readings"] == len(KINDS.keys() - others)


def test_an_instant_is_exact(real, home):
    real.upload(KINDS["fraction of a millisecond"][0])
    home("run", "--date", DAY)
    (row,) = rows(home, "select reading_timestamp as at, date from raw.glucose_entries")
    assert row == {"at": "2024-03-15T00:15:00.000959+00:00", "date": MS + 15 * MINUTE + 1}


def test_a_day_of_the_recording_gives_the_same_marts_as_by_replay(real, lakehouse, monkeypatch):
    documents = Recording().find(Query(count=0, start=MS - HOURS, end=MS + HOURS))
    real.upload(*documents)
    monkeypatch.setenv("NIGHTSCOUT_URL", real.url)
    monkeypatch.setenv("NIGHTSCOUT_API_SECRET", real.secret)
    assert lakehouse("backfill", "--from", "2024-03-14", "--to", DAY)[0] == 0
    found = rows(lakehouse, OVERVIEW)
    monkeypatch.setenv("LAKEHOUSE_HOME", "replayed")
    monkeypatch.delenv("NIGHTSCOUT_API_SECRET")
    with ReplayServer(Documents(documents)) as replayed:
        monkeypatch.setenv("NIGHTSCOUT_URL", replayed.url)
        assert lakehouse("backfill", "--from", "2024-03-14", "--to", DAY)[0] == 0
    assert sum(day["total_readings"] for day in found) == len(documents) == 566
    assert found == rows(lakehouse, OVERVIEW)


# What changes


def test_what_was_deleted_is_gone_at_the_next_run(real, home):
    real.upload(*readings(12))
    home("run", "--date", DAY)
    deleted = real.entries()[3]
    assert real.remove(deleted["_id"]) == 1
    code, _ = home("run", "--date", DAY)
    assert code == 0
    gone = "select _id as id from raw.glucose_entries where _gone_run is not null"
    assert rows(home, gone) == [{"id": deleted["_id"]}]
    assert rows(home, OVERVIEW)[0]["total_readings"] == 11


def test_what_is_sent_again_as_invalid_leaves_the_models(real, home):
    real.upload(*readings(12))
    home("run", "--date", DAY)
    real.upload(entry(15, 103, isValid=False))
    home("run", "--date", DAY)
    assert rows(home, COUNTED) == [{"n": 12, "gone": 0}]
    assert rows(home, OVERVIEW)[0]["total_readings"] == 11


def test_a_second_uploader_of_the_same_moment_changes_the_entry(real, home):
    real.upload(*readings(12))
    home("run", "--date", DAY)
    real.upload(entry(15, 180, device="y"))
    home("run", "--date", DAY)
    assert rows(home, COUNTED) == [{"n": 12, "gone": 0}]
    changed = "select sgv, device from raw.glucose_entries where sgv = 180"
    assert rows(home, changed) == [{"sgv": 180.0, "device": "y"}]


def test_a_run_that_finds_the_same_writes_nothing(real, home):
    real.upload(*readings(12))
    home("run", "--date", DAY)
    _, before = home("log")
    home("run", "--date", DAY)
    _, after = home("log")
    assert before == after != []


def test_a_server_that_has_nothing_any_more_empties_no_mart_at_once(real, home):
    real.upload(*readings(12))
    home("run", "--date", DAY)
    real.empty()
    home("run", "--date", DAY)
    assert rows(home, COUNTED) == [{"n": 12, "gone": 0}]
    home("run", "--date", DAY)
    assert rows(home, COUNTED) == [{"n": 12, "gone": 12}]


# Whether an answer is whole


def test_it_cuts_an_answer_to_the_newest_and_does_not_say_so(real):
    real.upload(*readings(30))
    newest = [one["date"] for one in real.entries(count=7)]
    assert newest == [MS + place * 5 * MINUTE for place in range(29, 22, -1)]
    status, default = real.get("/api/v1/entries.json?find[date][$gte]=0")
    assert (status, len(default)) == (200, 10)


@pytest.mark.parametrize("count", [1_000, 100, 99, 7])
def test_every_entry_is_read_once_however_few_are_asked_for(real, count):
    real.upload(*readings(288))
    found = [one["date"] for one in read(person(real), count=count)]
    assert sorted(found) == [MS + place * 5 * MINUTE for place in range(288)]


def test_adjacent_windows_share_no_entry_also_with_fractions(real):
    edge = WINDOW.end
    around = [-1, -0.5, 0, 0.25, 1]
    dates = [MS + HOURS + each for each in around]
    real.upload(
        *(entry(0, date=date, dateString=at(date + 1000 * i)) for i, date in enumerate(dates))
    )
    before = read(person(real))
    after = read(person(real), Window(edge, edge + timedelta(days=1)))
    assert sorted(one["date"] for one in before) == dates[:2]
    assert sorted(one["date"] for one in after) == dates[2:]


CONDITIONS = [
    {"$gte": MS},
    {"$gte": MS, "$lt": MS + 30 * MINUTE},
    {"$gt": MS, "$lte": MS + 30 * MINUTE},
    {"$gte": MS + 15 * MINUTE, "$lt": MS + 15 * MINUTE + 1},
    {"$gt": MS + 15 * MINUTE},
    {"$lte": MS + 15 * MINUTE},
    {"$gte": 0, "$lt": 10**12},
    {"$gte": "2024-03-15", "$lt": "2025-01-01"},
    {"$gte": f"{MS}.5"},
    {"$gte": "1e12"},
    {"$gte": "soon"},
    {"$gte": MS, "$lt": ""},
    {},
]
COUNTS = [None, "0", "1", "1000", "-3", "3abc"]
PATHS = ["/api/v1/entries.json", "/api/v1/entries/sgv.json"]


def test_the_replay_server_answers_as_it_does(real):
    real.upload(*(document for document, _ in KINDS.values()))
    real.upload(*IN_QUARANTINE.values(), *NEVER_FOUND.values())
    everything = {one["_id"]: one for one in [*real.entries(), *real.dated_by_text()]}
    assert len(everything) == len(KINDS | IN_QUARANTINE | NEVER_FOUND)
    differing = []
    with ReplayServer(Documents([*everything.values()])) as replayed:
        for path, conditions, count in product(PATHS, CONDITIONS, COUNTS):
            query = {f"find[date][{name}]": value for name, value in conditions.items()}
            query |= {} if count is None else {"count": count}
            target = f"{path}?{urlencode(query)}"
            if real.get(target) != RealNightscout(replayed.url, "").get(target):
                differing.append(target)
    assert not differing


# Who may not answer, and who may read


def test_a_server_whose_database_hangs_says_nothing(real):
    real.upload(*readings(3))
    database = deploy.stack.processes(FOLDER)["mongo"]
    database.suspend()
    try:
        with pytest.raises(SourceError, match="said nothing for 1 s") as raised:
            read(person(real), patience=Patience(timeout=1, attempts=1))
    finally:
        database.resume()
    assert "its database" in raised.value.hint
    assert len(read(person(real))) == 3


def test_without_a_credential_a_run_says_what_to_set(real, lakehouse, monkeypatch):
    monkeypatch.setenv("NIGHTSCOUT_URL", real.url)
    code, report = lakehouse("run", "--date", DAY)
    assert code == COULD_NOT_RUN
    assert "asks for a credential (401), and none is set" in str(report)


@pytest.mark.parametrize("wrong", ["secret", "token"])
def test_a_wrong_credential_is_refused(real, wrong):
    credential = {wrong: SecretStr("anna-0123456789abcdef")}
    with pytest.raises(SourceError, match="refuses the credential"):
        read(person(real, **credential))


def test_the_sha1_of_the_secret_opens_it(real):
    real.upload(*readings(3))
    digest = SecretStr(sha1(real.secret.encode()).hexdigest().upper())
    assert len(read(person(real, secret=digest))) == 3


def test_a_token_of_one_who_may_read_opens_it(real):
    real.upload(*readings(3))
    token = SecretStr(real.token("reader", "readable"))
    assert len(read(person(real, token=token))) == 3


def test_a_token_of_one_who_may_not_read_is_refused(real):
    token = SecretStr(real.token("careless", "denied"))
    with pytest.raises(SourceError, match="credential"):
        read(person(real, token=token))
