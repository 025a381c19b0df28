"""Building an incremental model by any windows, in any order, gives what one full build gives.

`assert_incremental` tries anything; the traces here are what sensors give, with episodes and
several uploaders, which rows put together at random hardly ever make.
"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import QUICK
from traces import TIME, build_windows, dirty, entries, homes, instant, only
from travellers import in_zones, resident
from witness.moments import Home
from witness.moments import instant as microseconds

from lakehouse.declare.specs import ModelSpec, parameters, spec_of
from lakehouse.testing.differences import differences
from lakehouse.windows import Window, union
from models import gold, marts, silver
from models.gold import (
    dim_date,
    int_glucose_days,
    int_glucose_excursions,
    int_glucose_values,
    mrt_glucose_readings,
)
from models.marts import (
    mrt_glucose_agp,
    mrt_glucose_episodes,
    mrt_glucose_hourly_patterns,
    mrt_glucose_overnight,
    mrt_glucose_overview,
    mrt_glucose_periods,
)
from models.silver import fct_glucose_readings

DAY = timedelta(days=1)
FIRST = datetime(2024, 3, 30, tzinfo=UTC)  # London changes its clocks on the 31st
DAYS = 4
MARCH_31, APRIL_1, APRIL_2 = (FIRST.date() + number * DAY for number in (1, 2, 3))
HOMES = {
    "anna": Home("UTC"),
    "kiri": Home("Pacific/Kiritimati"),
    "west": Home("Etc/GMT+12"),
    "lon": Home("Europe/London"),
    "out": Home("Europe/London", ((MARCH_31, "America/New_York"), (APRIL_2, "Europe/London"))),
    "line": Home("Pacific/Kiritimati", ((MARCH_31, "Pacific/Honolulu"), (APRIL_1, "Etc/GMT+12"))),
    "back": Home("Etc/GMT+12", ((MARCH_31, "Asia/Tokyo"), (APRIL_2, "Pacific/Kiritimati"))),
}
SITES = [resident(site, home) for site, home in HOMES.items()]
CHAIN = [
    fct_glucose_readings,
    mrt_glucose_readings,
    int_glucose_values,
    int_glucose_days,
    int_glucose_excursions,
    mrt_glucose_overview,
    mrt_glucose_overnight,
    mrt_glucose_episodes,
]


def traces(seed):
    """Entries of two sites by several uploaders each, over a few days.

    There are gaps and jitter, other cadences and phases, repeated moments, and glucose that goes
    back and forth around the limits.
    """
    chance = Random(seed)
    rows = []
    for site in chance.sample(sorted(HOMES), 2):
        for _ in range(chance.randint(4, 9)):
            every = chance.choice([1, 5, 5, 5, 15])
            at = FIRST + timedelta(seconds=chance.randrange(DAYS * 86_400))
            at -= timedelta(seconds=at.second + at.minute % 5 * 60) * chance.choice([0, 1])
            device = chance.choice(["phone", "cloud", None])
            level = 100
            for _ in range(chance.randint(1, 200)):
                if chance.random() < 0.3:
                    level = chance.choice([50, 65, 65, 75, 110, 185, 260])
                repeats = 2 if chance.random() < 0.03 else 1
                rows += [
                    {
                        "site": site,
                        "timezone": HOMES[site].zone_at(microseconds(at)),
                        "device": device,
                        "reading_timestamp": at,
                        "glucose_mg_dl": level + repeat,
                    }
                    for repeat in range(repeats)
                ]
                missed = chance.randint(1, 60) if chance.random() < 0.03 else 0
                at += timedelta(minutes=every + missed, seconds=chance.choice([0, 0, 0, 1]))
    chance.shuffle(rows)
    return [{**row, "entry_id": f"{number:05}"} for number, row in enumerate(rows)]


ENDS = {
    "a": Home("Pacific/Kiritimati"),  # where a day starts first
    "b": Home("Etc/GMT+12", ((MARCH_31, "Pacific/Honolulu"), (APRIL_1, "Pacific/Kiritimati"))),
}


def home(row):
    return ENDS.get(row["site"], Home("UTC"))


def zone(row):
    """The zone of a reading, or the first one of a site."""
    known = row.get("reading_timestamp")
    return home(row).zone_at(microseconds(known)) if known else home(row).first


def local(row):
    """The wall clock's time of a reading."""
    return home(row).local(microseconds(row["reading_timestamp"]))


PEOPLE = {"timezone": zone, "travels": lambda row: resident(row["site"], home(row))["travels"]}
READINGS = {
    "entry_id": lambda row: row["reading_timestamp"].isoformat(),  # one reading per moment
    "timezone": zone,
    "local_timestamp": local,
    "reading_date": lambda row: local(row).date(),
    "hour_of_day": lambda row: local(row).hour,
}


EXCURSIONS = {
    "kind": st.sampled_from(["hypo", "hyper"]),
    "level": st.sampled_from([1, 2]),
    "ends_at": lambda row: row["starts_at"] + timedelta(minutes=15),
    "local_date": lambda row: home(row).local(microseconds(row["starts_at"])).date(),
    "local_end_date": lambda row: (
        home(row)
        .local(microseconds(row["episode_ended_at"] or row["starts_at"] + timedelta(minutes=14)))
        .date()
    ),
}
VALUES = {
    "glucose_mg_dl": st.integers(40, 400),
    "reading_count": st.integers(1, 9),
    "first_reading": st.just(FIRST),
    "last_reading": st.just(FIRST + DAY),
}
MADE_UP = {
    fct_glucose_readings: {"timezone": zone},
    dim_date: {},
    mrt_glucose_episodes: EXCURSIONS,
    int_glucose_excursions: {**PEOPLE, **READINGS},
    mrt_glucose_overview: {**PEOPLE, **READINGS, **EXCURSIONS},
    mrt_glucose_overnight: {**PEOPLE, **READINGS, **EXCURSIONS},
    mrt_glucose_periods: {
        **PEOPLE,
        **VALUES,
        "kind": EXCURSIONS["kind"],
        "level": EXCURSIONS["level"],
    },
    **dict.fromkeys(
        [
            mrt_glucose_readings,
            int_glucose_values,
            int_glucose_days,
            mrt_glucose_hourly_patterns,
            mrt_glucose_agp,
        ],
        READINGS,
    ),
}
"""What columns hold that cannot be just anything, for each model."""


@pytest.mark.sample(0, long=2)
@pytest.mark.parametrize("model", MADE_UP, ids=lambda model: model.__name__)
def test_any_rows(assert_incremental, model):
    assert_incremental(model, columns=MADE_UP[model])


def test_no_model_is_left_out():
    known = {**vars(silver), **vars(gold), **vars(marts)}
    declared = [each for each in known.values() if isinstance(spec_of(each), ModelSpec)]
    stored = [each for each in declared if not spec_of(each).is_view]
    assert set(stored) == set(MADE_UP)


seeds = st.integers(0, 2**32)
cuts = st.sets(st.integers(-2, DAYS + 2), min_size=2, max_size=4)


def pieces(cuts):
    """Windows that cover everything there can be, cut at these days."""
    edges = sorted({FIRST - 9 * DAY, FIRST + 14 * DAY, *(FIRST + day * DAY for day in cuts)})
    return [Window(*edge) for edge in pairwise(edges)]


def ordered(rows):
    return sorted(rows, key=repr)


def chain(run_model, staged, sites=()):
    """The rows of every model that is built by windows, and of those between them.

    People live where their readings say, but those of `sites`.
    """
    tables = {"stg_glucose_entries": staged, "sites": list(sites) or homes(staged)}
    for model in CHAIN:
        inputs = {name: tables[name] for name in parameters(model)}
        tables[model.__name__] = run_model(model, **inputs)
    return tables


@pytest.mark.long
@QUICK
@given(seeds, cuts)
def test_windows_make_up_the_whole(run_model, seed, cuts):
    tables = chain(run_model, traces(seed), SITES)
    for model in CHAIN:
        built = build_windows(run_model, model, tables, pieces(cuts))
        assert differences(built, tables[model.__name__]) == ([], [])


@pytest.mark.long
@QUICK
@given(seeds, st.integers(1, 5))
def test_late_readings_reach_every_day_that_depends_on_them(run_model, seed, late):
    rows = traces(seed)
    before, after = (chain(run_model, each, SITES) for each in (rows[:-late], rows))
    moments = [row["reading_timestamp"] for row in rows[-late:]]
    changed = {
        "stg_glucose_entries": [Window(at, at + timedelta(microseconds=1)) for at in moments],
        "sites": [],
    }
    for model in CHAIN:
        windows = union(
            window for name in parameters(model) for window in dirty(model, changed[name])
        )
        changed[model.__name__] = windows
        column = TIME[model.__name__]
        kept = [
            row
            for row in before[model.__name__]
            if not any(window.start <= instant(row[column]) < window.end for window in windows)
        ]
        built = kept + build_windows(run_model, model, after, windows)
        assert differences(built, after[model.__name__]) == ([], [])


def halves(run_model, model, tables, cut):
    """The rows of a model built as a whole, and up to and from a midnight."""
    windows = [Window(cut - 9 * DAY, cut), Window(cut, cut + 9 * DAY)]
    full = run_model(model, **{name: tables[name] for name in parameters(model)})
    return ordered(full), ordered(build_windows(run_model, model, tables, windows))


@pytest.mark.long
def test_the_reading_before_is_judged_by_the_day_before_its_own(run_model):
    yesterday = FIRST + DAY
    rows = [
        # That the phone reads every minute is known of the day before alone.
        *entries([100] * 120, start=yesterday - timedelta(hours=2), every=1),
        *entries([110] * 2, start=yesterday, every=3),
        *entries([130], start=yesterday + DAY + timedelta(minutes=1)),
    ]
    tables = {"stg_glucose_entries": rows}
    full, built = halves(run_model, fct_glucose_readings, tables, yesterday + DAY)
    assert only(full, glucose_mg_dl=130)["minutes_since_last_reading"] == 1438
    assert built == full


@pytest.mark.long
def test_readings_before_midnight_are_judged_by_the_day_after(run_model):
    rows = [
        *entries([100] * 20, start=FIRST - timedelta(minutes=99), every=5, device="phone"),
        *entries([110] * 20, start=FIRST + timedelta(minutes=1), every=5, device="cloud"),
        *entries([120], start=FIRST - timedelta(minutes=2), device="old"),
    ]
    full, built = halves(run_model, fct_glucose_readings, {"stg_glucose_entries": rows}, FIRST)
    assert built == full


@pytest.mark.long
def test_an_episode_at_the_last_minute_of_the_last_day_on_earth_is_confirmed(run_model):
    noon = FIRST + timedelta(hours=12)  # midnight at UTC-12
    rows = entries([100, 60, 60, 60, 60], start=noon - timedelta(minutes=10), timezone="Etc/GMT+12")
    full, built = halves(run_model, mrt_glucose_overview, chain(run_model, rows), FIRST)
    assert [row["hypo_episodes"] for row in full] == [1, 0]
    assert built == full


@pytest.mark.long
def test_an_episode_that_goes_on_after_midnight_is_no_new_one(run_model):
    ten = FIRST - timedelta(hours=14)  # midnight at UTC+14
    rows = entries(
        [100, 60, 60, 60, 60, 75, 60, 60, 60, 60],
        start=ten - timedelta(minutes=30),
        timezone="Pacific/Kiritimati",
    )
    full, built = halves(run_model, mrt_glucose_overview, chain(run_model, rows), FIRST)
    assert [row["hypo_episodes"] for row in full] == [1, 0]
    assert built == full


@pytest.mark.long
def test_an_episode_that_is_undecided_for_hours_after_midnight_ends_then(run_model):
    undecided = [75, 75, 60, 60] * 15  # ten minutes back, ten beyond: five hours
    rows = entries([100, *[60] * 5, *undecided, 100, 100, 100], start=FIRST - timedelta(minutes=30))
    full, built = halves(run_model, int_glucose_excursions, chain(run_model, rows), FIRST)
    ends = {row["episode_ended_at"] for row in full if row["level"] == 1} - {None}
    assert ends == {FIRST + timedelta(hours=5)}
    assert built == full


@pytest.mark.long
def test_the_last_minute_of_the_last_day_on_earth_is_compared_with_a_day_later(run_model):
    late = FIRST + timedelta(hours=35, minutes=55)  # five to midnight at UTC-12, a day later
    rows = [
        row
        for at in (late - DAY, late)
        for row in entries([100], start=at, timezone="Etc/GMT+12", name=f"{at:%d}")
    ]
    full, built = halves(run_model, int_glucose_days, chain(run_model, rows), FIRST)
    assert [row["pairs"] for row in full] == [1, 0]
    assert built == full


@pytest.mark.long
@pytest.mark.parametrize(
    "zones", [("Pacific/Kiritimati", "Pacific/Honolulu"), ("Etc/GMT+12", "Asia/Tokyo")]
)
def test_the_day_before_a_journey_is_the_same_by_windows(run_model, zones):
    first, second = zones
    home = Home(first, ((MARCH_31, second),))
    rows = in_zones(entries([60, 60, 60, 100, 100, 60] * 96, start=FIRST - DAY), home)
    tables = chain(run_model, rows, [resident("anna", home)])
    for model in (mrt_glucose_overview, mrt_glucose_overnight, mrt_glucose_episodes):
        for midnight in (FIRST, FIRST + DAY):
            full, built = halves(run_model, model, tables, midnight)
            assert built == full
