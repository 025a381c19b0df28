"""Every model means the same on every engine: what can be told without running one."""

import re
from functools import cache
from pathlib import Path

import ibis.expr.datatypes as dt
import pytest

from lakehouse import config
from lakehouse.declare import project
from lakehouse.declare.kinds import Incremental
from lakehouse.patches.ibis_dialects import to_sql

PROJECT = project.load(config.load(Path(__file__).parent))
MODELS = sorted(PROJECT.models)

COLUMNS = {
    "stg_glucose_entries": "entry_id reading_timestamp timestamp_iso glucose_mg_dl direction trend device reading_type utc_offset_minutes ingested_at",
    "fct_glucose_readings": "entry_id reading_timestamp local_timestamp reading_date hour_of_day day_of_week day_name glucose_mg_dl direction device glucose_category range_band is_in_range glucose_change_mg_dl minutes_since_last_reading rate_mg_dl_per_minute",
    "dim_date": "date year quarter month month_name iso_year iso_week day_of_month day_of_week day_name is_weekend",
    "mrt_glucose_readings": "reading_date hour_of_day reading_count avg_glucose min_glucose max_glucose percent_in_range hypoglycemia_count in_range_count hyperglycemia_mild_count hyperglycemia_severe_count",
    "mrt_glucose_overview": "reading_date total_readings coverage_percent avg_glucose_mg_dl min_glucose_mg_dl max_glucose_mg_dl stddev_glucose cv_percent last_reading_at last_glucose_mg_dl readings_in_range readings_in_tight_range readings_below_54 readings_below_70 readings_above_180 readings_above_250 percent_in_range percent_in_tight_range percent_below_54 percent_below_70 percent_above_180 percent_above_250 minutes_below_54 minutes_below_70 minutes_above_180 minutes_above_250 target_low_mg_dl target_high_mg_dl readings_in_target readings_below_target readings_above_target percent_in_target percent_below_target percent_above_target hypo_episodes day_status status_reasons",
    "mrt_glucose_overview_mmol": "reading_date total_readings avg_glucose_mmol_l min_glucose_mmol_l max_glucose_mmol_l stddev_glucose last_reading_at last_glucose_mmol_l readings_in_range percent_in_range target_low_mmol_l target_high_mmol_l day_status",
    "mrt_glucose_hourly_patterns": "hour_of_day day_of_week day_name reading_count days_observed avg_glucose median_glucose p25_glucose p75_glucose stddev_glucose readings_in_range percent_in_range",
    "mrt_glucose_overnight": "reading_date reading_count coverage_percent avg_glucose stddev_glucose cv_percent min_glucose max_glucose readings_in_range readings_below_70 readings_below_54 percent_in_range percent_below_70 percent_below_54 minutes_below_70 minutes_below_54 hypo_episodes is_stable",
    "mrt_glucose_overnight_mmol": "reading_date reading_count avg_glucose stddev_glucose min_glucose max_glucose is_stable",
    "mrt_glucose_hourly_patterns_mmol": "hour_of_day day_of_week avg_glucose median_glucose p25_glucose p75_glucose stddev_glucose percent_in_range",
    "mrt_glucose_agp_mmol": "minute_of_day reading_count p05 p25 p50 p75 p95",
    "mrt_glucose_episodes_mmol": "kind level started_at ended_at duration_minutes extreme_mmol_l",
    "mrt_glucose_periods_mmol": "period avg_glucose stddev_glucose modd p05 p25 p50 p75 p95 target_low_mmol_l target_high_mmol_l",
    "int_glucose_values": "reading_date glucose_mg_dl reading_count",
    "int_glucose_days": "reading_date first_reading last_reading elapsed elapsed_1 elapsed_5 reach_1 reach_5 reach_15 apart pairs",
    "int_glucose_excursions": "kind level starts_at ends_at opens episode_ended_at lowest_mg_dl highest_mg_dl local_date local_end_date",
    "mrt_glucose_episodes": "kind level started_at ended_at local_date local_end_date duration_minutes extreme_mg_dl is_extended",
    "mrt_glucose_agp": "minute_of_day reading_count p05 p25 p50 p75 p95",
    "mrt_glucose_periods": "period first_date last_date reading_count percent_active is_sufficient avg_glucose stddev_glucose cv_percent gmi ea1c readings_in_range readings_in_tight_range readings_below_54 readings_below_70 readings_above_180 readings_above_250 percent_in_range percent_in_tight_range percent_below_54 percent_below_70 percent_above_180 percent_above_250 target_low_mg_dl target_high_mg_dl readings_in_target readings_below_target readings_above_target percent_in_target percent_below_target percent_above_target gri gri_zone lbgi hbgi j_index modd p05 p25 p50 p75 p95 hypo_episodes_level1 hypo_episodes_level2",
}
INCREMENTAL = {
    "fct_glucose_readings": "reading_timestamp",
    "mrt_glucose_readings": "reading_date",
    "mrt_glucose_overview": "reading_date",
    "mrt_glucose_overnight": "reading_date",
    "dim_date": None,
    "mrt_glucose_hourly_patterns": None,
    "mrt_glucose_agp": None,
    "mrt_glucose_episodes": "started_at",
    "int_glucose_values": "reading_date",
    "int_glucose_days": "reading_date",
    "int_glucose_excursions": "starts_at",
    "mrt_glucose_periods": None,
}
"""The time column that each goes by; where there is none, it goes by site alone."""


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


def test_every_table_is_built():
    assert sorted(COLUMNS) == MODELS


def test_columns_are_those_people_use(run_model, name):
    assert {"site", *COLUMNS[name].split()} <= set(run_model.schema(name))


def test_what_is_built_by_windows_or_by_site():
    found = {
        name: spec.time_column
        for name, spec in PROJECT.models.items()
        if isinstance(spec.kind, Incremental)
    }
    assert found == INCREMENTAL


def test_everything_is_built_by_site():
    assert {spec.key for spec in PROJECT.models.values()} == {("site",)}


def test_columns_have_types_that_every_engine_has(run_model, name):
    allowed = {
        dt.boolean,
        dt.int32,
        dt.int64,
        dt.float64,
        dt.string,
        dt.date,
        dt.Timestamp(scale=6),
        dt.Timestamp(timezone="UTC", scale=6),
    }
    assert {kind.copy(nullable=True) for kind in run_model.schema(name).types} <= allowed


@pytest.fixture(scope="module")
def sql(run_model):
    """A model's SQL in a dialect, each compiled once."""

    @cache
    def compiled(name, dialect):
        return to_sql(run_model.expression(PROJECT.models[name].function), dialect)

    return compiled


@pytest.mark.sample(2)
@pytest.mark.parametrize("dialect", ["duckdb", "trino"])
def test_models_compile(sql, name, dialect):
    assert "SELECT" in sql(name, dialect)


@pytest.mark.sample(3)
def test_trino_understands_windows(sql, name):
    """It has no FILTER on window functions, and no arbitrary intervals from negative text."""
    text = re.sub(r"\s+", " ", sql(name, "trino"))
    assert not re.search(r"FILTER\s?\(WHERE[^()]*(\([^()]*\)[^()]*)*\) OVER", text)
    assert "APPROX" not in text
    assert "MEDIAN" not in text
    assert "ASOF" not in text


@pytest.mark.sample(2)
def test_zones_are_asked_through_functions_that_every_engine_has(sql, name):
    for dialect in ("duckdb", "trino"):
        assert "AT TIME ZONE" not in sql(name, dialect)
