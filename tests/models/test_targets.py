"""A person's own target range stands beside that of the consensus."""

import pytest
from traces import entries, facts, only, over

from models.marts import mrt_glucose_overview, mrt_glucose_periods

PREGNANT = {"site": "anna", "target_low": 63, "target_high": 140}
VALUES = [62, 63, 69, 70, 140, 141, 180, 181]


def summary(run_model, model, sites):
    readings = facts(run_model, entries(VALUES))
    rows = over(run_model, model, readings, sites=sites)
    return only(rows, period="all") if model is mrt_glucose_periods else only(rows)


def shares(row, ranges):
    return [row[f"percent_{name}"] / 12.5 for name in ranges]


each_summary = pytest.mark.parametrize("model", [mrt_glucose_overview, mrt_glucose_periods])


@pytest.mark.long
@each_summary
def test_limits_of_a_target_are_in_it(run_model, model):
    row = summary(run_model, model, [PREGNANT])
    assert shares(row, ["below_target", "in_target", "above_target"]) == [1, 4, 3]
    assert (row["target_low_mg_dl"], row["target_high_mg_dl"]) == (63, 140)


@pytest.mark.long
@each_summary
def test_the_ranges_of_the_consensus_stay(run_model, model):
    row = summary(run_model, model, [PREGNANT])
    assert shares(row, ["below_70", "in_range", "above_180"]) == [3, 4, 1]


@pytest.mark.sample(2)
@each_summary
@pytest.mark.parametrize("sites", [[], [{"site": "anna"}], [{**PREGNANT, "site": "ben"}]])
def test_without_a_target_it_is_the_range_of_the_consensus(run_model, model, sites):
    row = summary(run_model, model, sites)
    assert shares(row, ["below_target", "in_target", "above_target"]) == [3, 4, 1]
    assert (row["target_low_mg_dl"], row["target_high_mg_dl"]) == (70, 180)
