"""Every figure of five real people is what plain Python computes from the definitions.

`tests/helpers/witness` computes it, and nothing of it reads the models.
"""

from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from built_tables import BuiltTables
from kept_properties import lonely
from traces import MODELS
from travellers import TRAVELLERS, resident
from witness.comparison import KEYS, differences
from witness.moments import DAY, MINUTE, SECOND, Home, utc
from witness.readings import Person, of_the_sensor, recording
from witness.tables import Tables

from ingestion.recording import DEVICE, Recording
from ingestion.replay import ReplayServer
from lakehouse.session import Session
from models.bronze import stg_glucose_entries
from models.silver import fct_glucose_readings

ROOT = Path(__file__).parents[2]
FILES = {
    "2301": ROOT / "tests" / "data" / "t1d_uom" / "UoMGlucose2301.csv.gz",
    "2302": ROOT / "tests" / "data" / "t1d_uom" / "UoMGlucose2302.csv.gz",
    "2304": ROOT / "tests" / "data" / "t1d_uom" / "UoMGlucose2304.csv.gz",
    "2307": ROOT / "tests" / "data" / "t1d_uom" / "UoMGlucose2307.csv.gz",
    "2310": ROOT / "ingestion" / "data" / "t1d_uom" / "UoMGlucose2310.csv.gz",
}
CLOCKS = ["Europe/London", "America/New_York", "Australia/Lord_Howe"]


def built(run_model, person):
    """The tables that the models make of a person's documents."""
    documents = {
        "site": [person.site] * len(person.readings),
        "_id": [reading.entry_id for reading in person.readings],
        "type": ["sgv"] * len(person.readings),
        "sgv": [float(reading.glucose) for reading in person.readings],
        "reading_timestamp": [utc(reading.at) for reading in person.readings],
        "device": pa.array([reading.device for reading in person.readings], pa.string()),
    }
    sites = [resident(person.site, person.home)]
    staged = run_model(stg_glucose_entries, glucose_entries=documents, sites=sites)
    rows = run_model(fct_glucose_readings, stg_glucose_entries=pa.Table.from_pylist(staged))
    return BuiltTables(run_model, rows, sites, staged)


def person(name, home):
    return Person(name, home, recording(FILES[name], device="sensor"))


HOMES = {**{zone: Home(zone) for zone in ("UTC", *CLOCKS)}, **TRAVELLERS}
QUICK = ("2307", "UTC")
CASES = [
    pytest.param(
        *(name, home),
        marks=pytest.mark.long if number == shift % 5 and shift % 3 == 0 else pytest.mark.longest,
    )
    for shift, home in enumerate(HOMES)
    for number, name in enumerate(FILES)
    if (name, home) != QUICK
]
"""Each home with each of the recordings: a few are long, the others longest."""


@pytest.mark.parametrize(("name", "home"), [QUICK, *CASES])
def test_every_figure_is_what_plain_python_computes(run_model, name, home):
    documents = person(name, HOMES[home])
    tables = built(run_model, documents)
    kept = trace_of(documents, tables["fct_glucose_readings"])
    computed = Tables(kept, of_the_sensor(documents.readings))
    told = [
        line
        for table in KEYS
        for line in differences(table, tables[table], getattr(computed, table)())
    ]
    assert not told, "\n".join(["", *told])


def trace_of(documents, rows):
    """A person with those documents alone that the models keep."""
    chosen = {row["entry_id"] for row in rows}
    return replace(documents, readings=[r for r in documents.readings if r.entry_id in chosen])


SINGLE = ["2302", "2307", "2310"]
"""People with one uploader."""
DOUBLED = ["2301", "2304"]
"""People with two phones under one name, or two sensors, for weeks, every five minutes."""
NEAR = 3 * 5 * MINUTE // 4
"""What is closer than 0.75 of five minutes is one reading."""


def trace_in(run_model, name):
    """Documents of sensor glucose, and those that the models keep, in order of time."""
    documents = person(name, Home("UTC"))
    rows = built(run_model, documents)["fct_glucose_readings"]
    return of_the_sensor(documents.readings), sorted(trace_of(documents, rows).readings)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n == "2307" else pytest.mark.long) for n in SINGLE]
)
def test_all_readings_of_a_single_uploader_are_kept(run_model, name):
    documents, kept = trace_in(run_model, name)
    assert kept == documents


@pytest.mark.long
@pytest.mark.parametrize("name", DOUBLED)
def test_a_doubled_trace_is_one(run_model, name):
    documents, kept = trace_in(run_model, name)
    sent = Counter(reading.at // DAY for reading in documents)
    doubled = {day for day, number in sent.items() if number > 400}
    days = Counter(reading.at // DAY for reading in kept)
    near = [
        (utc(a.at), utc(b.at))
        for a, b in pairwise(kept)
        if a.at // DAY == b.at // DAY and a.at // DAY in doubled and b.at - a.at < NEAR
    ]
    assert len(doubled) > 20
    assert max(days[day] for day in doubled) <= 289
    assert near == []
    assert lonely(documents, kept, NEAR) == []


LIVES = dict(zip(FILES, ["UTC", *CLOCKS, "london-new-york-london"], strict=True))
"""Where people of a pipeline live: the recordings go over each of the changes of the clock."""


def sensor(name):
    """A person of the pipeline, whose documents have the ids and the device that replaying gives."""
    documents = of_the_sensor(recording(FILES[name], device=DEVICE))
    named = [
        reading._replace(entry_id=f"{reading.at // SECOND:08x}{int(reading.entry_id):016x}")
        for reading in documents
    ]
    return Person(name, HOMES[LIVES[name]], named)


def block(name, url):
    """The person's settings."""
    home = HOMES[LIVES[name]]
    changes = ", ".join(f'{{ since = {day}, timezone = "{zone}" }}' for day, zone in home.moves)
    return (
        f'[[nightscout.sites]]\nsite = "{name}"\nurl = "{url}"\n'
        f'timezone = "{home.first}"\ntravels = [{changes}]\n'
    )


def stored(session, table):
    """The rows of a table of the home, without what uploaders say and nothing is computed of."""
    function = {**MODELS, fct_glucose_readings.__name__: fct_glucose_readings}[table]
    schema = function.__module__.rpartition(".")[2]
    rows = session.query(f"SELECT * FROM {schema}.{table}", "main").to_pylist()
    return [{name: row[name] for name in row if name != "direction"} for row in rows]


@pytest.mark.longest
def test_the_pipeline_gives_every_figure_of_five_people(lakehouse, tmp_path):
    with ExitStack() as servers:
        sites = [
            block(name, server.url)
            for name, file in FILES.items()
            for server in [servers.enter_context(ReplayServer(Recording(file)))]
        ]
        (tmp_path / "lakehouse.toml").write_text("[project]\n" + "".join(sites))
        found = lakehouse("backfill", "--from", "2023-09-04", "--to", "2024-04-12")[0]
    assert found == 1  # days without readings between others are a finding
    with Session() as session:
        readings = stored(session, "fct_glucose_readings")
        people = [
            Tables(
                trace_of(person, [row for row in readings if row["site"] == person.site]),
                person.readings,
            )
            for person in map(sensor, FILES)
        ]
        told = [
            line
            for table in KEYS
            for line in differences(
                table,
                stored(session, table),
                [row for tables in people for row in getattr(tables, table)()],
            )
        ]
    assert not told, "\n".join(["", *told])
