"""DuckDB and Trino give the same rows: of the whole recording, and of odd data."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import ibis
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from travellers import TRAVELLERS, resident
from witness.moments import Home

from ingestion.recording import Recording
from ingestion.replay import ReplayServer
from lakehouse import config, expressions
from lakehouse.compile.compiler import Statement, stored
from lakehouse.declare import project
from lakehouse.declare.project import ordered
from lakehouse.declare.specs import parameters
from lakehouse.patches.ibis_dialects import to_sql
from lakehouse.testing.differences import differences, shown
from lakehouse.testing.runner import RunModel
from lakehouse.testing.trino_sandbox import TrinoSandbox
from tests.stack.parity import both

ROOT = Path(__file__).parents[2]
DAY = timedelta(days=1)
FEW = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
ZONES = ["UTC", "Europe/London", "America/Havana", "Australia/Lord_Howe", "Asia/Kathmandu"]
TEXTS = ["", "phone", "Ωmega 📱", 'o\'clock "quoted" \\ %', "e\u0301", "\u200b", "ß", "İ"]
CHANGES = [  # moments around which clocks change in one of the zones
    datetime(2024, 3, 31, 1, tzinfo=UTC),
    datetime(2024, 10, 27, 1, tzinfo=UTC),
    datetime(2024, 3, 10, 5, tzinfo=UTC),
    datetime(2024, 4, 6, 15, tzinfo=UTC),
    datetime(2024, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
]


@pytest.fixture(scope="module")
def engines(stack):
    """Runs models on DuckDB, and on Trino."""
    sandbox = TrinoSandbox(config.load(ROOT, stack))
    yield RunModel(_project), RunModel(_project, lambda: sandbox)
    sandbox.close()


def _project():
    return project.load(config.load(ROOT, {}))


def test_the_whole_recording_is_the_same(lake, tmp_path):
    lake = lake | {"LAKEHOUSE_ENGINE": "trino"}
    rows = both(date(2023, 10, 18), date(2024, 4, 12), lake, tmp_path)
    assert len(rows) == len(_project().tables)
    assert [row for row in rows if row["differs"]] == []


def test_a_traveller_is_the_same(lake, tmp_path):
    for name in ("ingestion", "models"):
        (tmp_path / name).symlink_to(ROOT / name)
    with ReplayServer(Recording()) as server:
        (tmp_path / "lakehouse.toml").write_text(f"""
[[nightscout.sites]]
site = "anna"
url = "{server.url}"
timezone = "Europe/London"
travels = [
    {{ since = 2024-01-12, timezone = "America/New_York" }},
    {{ since = 2024-01-14, timezone = "Europe/London" }},
]

[[nightscout.sites]]
site = "ben"
url = "{server.url}"
""")
        lake = lake | {"LAKEHOUSE_ENGINE": "trino"}
        rows = both(date(2024, 1, 11), date(2024, 1, 14), lake, tmp_path, tmp_path)
    assert [row for row in rows if row["differs"]] == []


moments = st.builds(
    lambda at, minutes, micros: at + timedelta(minutes=minutes, microseconds=micros),
    st.sampled_from(CHANGES),
    st.integers(-40, 40).map(lambda n: 5 * n),
    st.sampled_from([0, 0, 0, 1, 999_999]),
)
readings = st.fixed_dictionaries(
    {
        "site": st.sampled_from(["anna", "bob", "Ωmega"]),
        "_id": st.uuids().map(str),
        "type": st.sampled_from(["sgv", "sgv", "sgv", "mbg", None]),
        "sgv": st.one_of(
            st.sampled_from([38.4, 38.5, 39.0, 69.5, 70.0, 180.5, 600.49, 600.5, None, 1e300]),
            st.floats(39, 600),
        ),
        "reading_timestamp": moments,
        "device": st.sampled_from([*TEXTS, None]),
        "direction": st.sampled_from([*TEXTS, None]),
        "trend": st.sampled_from([None, 0, 4, 2**31 - 1]),
    }
)
moves = st.lists(
    st.tuples(
        st.sampled_from([at.date() + days * DAY for at in CHANGES[:4] for days in (0, 1)]),
        st.sampled_from(ZONES),
    ),
    max_size=3,
    unique_by=lambda move: move[0],
).map(lambda found: tuple(sorted(found)))
people = st.lists(
    st.builds(
        resident, st.sampled_from(["anna", "bob"]), st.builds(Home, st.sampled_from(ZONES), moves)
    ),
    unique_by=lambda row: row["site"],
)


@FEW
@example([], [])
@given(st.lists(readings, max_size=60, unique_by=lambda row: (row["site"], row["_id"])), people)
def test_models_of_odd_readings_are_the_same(engines, entries, sites):
    known = {"glucose_entries": entries, "sites": sites}
    for spec in ordered(_project()):
        inputs = {name: known[name] for name in parameters(spec.function)}
        one, other = (run_model(spec.function, **inputs) for run_model in engines)
        missing, extra = differences(one, other)
        assert not missing, "\n".join([spec.table, *shown(missing), "and:", *shown(extra)])
        known[spec.name] = one


ODD_DAYS = {
    "london": (Home("Europe/London"), {date(2024, 3, 31): (23, 5)}),
    "new-york": (Home("America/New_York"), {date(2024, 3, 10): (23, 5)}),
    "lord-howe": (Home("Australia/Lord_Howe"), {date(2024, 4, 7): (24.5, 6.5)}),
    "there-and-back": (
        TRAVELLERS["london-new-york-london"],
        {date(2024, 1, 11): (29, 6), date(2024, 3, 19): (20, 6)},
    ),
    "over-the-date-line": (
        TRAVELLERS["over-the-date-line-and-back"],
        {date(2023, 12, 14): (43, 6), date(2024, 2, 1): (5, 5)},
    ),
}
"""Hours of days and of their nights, as clocks and zones change."""


def around(site, days):
    """Raw readings every quarter of an hour, from a day before these days to two days after."""
    for day in days:
        first = datetime(day.year, day.month, day.day, tzinfo=UTC) - DAY
        for number in range(4 * 96):
            yield {
                "site": site,
                "_id": f"{day}-{number}",
                "type": "sgv",
                "sgv": 60.0 + number % 7 * 20,
                "reading_timestamp": first + number * timedelta(minutes=15),
            }


def test_odd_days_have_their_hours_on_both_engines(engines):
    known = {
        "glucose_entries": [
            row for site, (_, days) in ODD_DAYS.items() for row in around(site, days)
        ],
        "sites": [resident(site, home) for site, (home, _) in ODD_DAYS.items()],
    }
    for spec in ordered(_project()):
        inputs = {name: known[name] for name in parameters(spec.function)}
        one, other = (run_model(spec.function, **inputs) for run_model in engines)
        assert differences(one, other) == ([], []), spec.table
        known[spec.name] = other
    for table, count, part in (
        ("mrt_glucose_overview", "total_readings", 0),
        ("mrt_glucose_overnight", "reading_count", 1),
    ):
        rows = {(row["site"], row["reading_date"]): row for row in known[table]}
        for site, (_, days) in ODD_DAYS.items():
            for day, hours in days.items():
                row = rows[site, day]
                assert (row[count], row["coverage_percent"]) == (4 * hours[part], 100)


VALUES = ibis.schema(
    {
        "at": "timestamp('UTC', 6)",
        "zone": "string",
        "day": "date",
        "days": "int64",
        "text": "string",
        "number": "int64",
        "share": "float64",
    }
)
values = st.fixed_dictionaries(
    {
        "at": st.one_of(
            st.none(),
            moments,
            st.integers(0, 2**32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
        ),
        "zone": st.sampled_from(ZONES),
        "day": st.one_of(st.none(), st.dates(date(1, 1, 1), date(9990, 1, 1))),
        "days": st.integers(-500, 500),
        "text": st.one_of(st.none(), st.sampled_from(TEXTS), st.text(max_size=5)),
        "number": st.one_of(st.none(), st.integers(-(2**53), 2**53)),
        "share": st.one_of(st.none(), st.floats(-1e15, 1e15), st.sampled_from([0.5, 1.5, -2.5])),
    }
).filter(lambda row: "\0" not in (row["text"] or ""))


def expressed(rows):
    """Every portable expression, and what Ibis has that models use."""
    local = expressions.to_local(rows["at"], rows["zone"])
    return rows.select(
        *VALUES,
        local=local,
        back=expressions.to_instant(local, rows["zone"]),
        micros=expressions.microseconds(rows["at"]),
        iso=expressions.iso_text(rows["at"]),
        elapsed=expressions.elapsed_seconds(rows["at"], rows["at"] + ibis.interval(hours=25)),
        later=expressions.add_days(rows["day"], rows["days"]),
        begins=expressions.utc_midnight(rows["day"]),
        weekday=expressions.iso_day_of_week(rows["day"]),
        week=rows["day"].week_of_year().cast("int32"),
        iso_year=rows["day"].iso_year().cast("int32"),
        month=rows["day"].strftime("%B"),
        day_name=rows["day"].day_of_week.full_name(),
        hour=local.hour().cast("int32"),
        least=expressions.least(rows["number"], rows["days"]),
        most=expressions.greatest(rows["share"], 0.5),
        rounded=rows["share"].round().cast("int64"),
        floored=rows["number"] // 300,
        rest=rows["number"] % 7,
        ratio=rows["number"] / rows["days"].cast("float64").nullif(0.0),
        upper=rows["text"].length(),
        joined=rows["text"] + "·" + rows["zone"],
        first=rows["text"].substr(0, 2),
        same=rows["text"].lower() == rows["zone"].lower(),
        filled=rows["text"].fill_null("nothing"),
    )


@FEW
@given(st.lists(values, min_size=1, max_size=60))
def test_expressions_of_odd_values_are_the_same(engines, rows):
    expression = expressed(ibis.table(VALUES, name="given"))
    found = []
    for run_model in engines:
        sandbox = run_model.sandbox()
        table = {name: [row[name] for row in rows] for name in VALUES}
        sandbox.fill("given", VALUES, ibis.memtable(table, schema=VALUES).to_pyarrow())
        statement = Statement(to_sql(expression, sandbox.dialect), stored(expression.schema()))
        found.append(run_model.rows(statement, ["given"]))
    missing, extra = differences(*found)
    assert not missing, "\n".join([*shown(missing), "and:", *shown(extra)])
