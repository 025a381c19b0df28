"""Figures at an edge are what exact arithmetic gives."""

from datetime import timedelta

import pytest
from traces import MIDNIGHT, build, entries, only

from models.marts import mrt_glucose_episodes, mrt_glucose_periods


@pytest.mark.long
@pytest.mark.parametrize(
    ("values", "zone"),
    [
        ([200] * 3 + [260] * 3 + [100] * 30, "A"),  # 20
        ([200] * 4 + [260] * 4 + [100] * 16, "B"),  # 40
        ([50] * 2 + [200] + [260] + [100] * 10, "C"),  # 60
        ([200] * 2 + [260] * 2 + [100] * 2, "D"),  # 80
    ],
)
def test_a_risk_at_the_edge_of_a_zone_belongs_to_the_lower_one(run_model, values, zone):
    row = only(build(run_model, mrt_glucose_periods, entries(values)), period="all")
    assert row["gri_zone"] == zone


def test_the_extreme_of_an_episode_is_of_all_its_readings(run_model):
    """Ten minutes back end nothing: what is lower after them belongs to the episode, too."""
    rows = build(
        run_model, mrt_glucose_episodes, entries([60] * 3 + [100] * 2 + [45] * 2 + [100] * 3)
    )
    row = only(rows, kind="hypo", level=1)
    assert (row["duration_minutes"], row["extreme_mg_dl"]) == (35, 45)


def test_a_reading_right_before_the_first_mark_of_an_episode_is_of_it(run_model):
    """Episodes are read every five minutes: the peak comes between two marks."""
    start = MIDNIGHT + timedelta(minutes=2, seconds=30)
    values = [363, 353, 351, *[300] * 30, *[100] * 30]
    rows = build(run_model, mrt_glucose_episodes, entries(values, start=start, every=1))
    assert only(rows, kind="hyper", level=1)["extreme_mg_dl"] == 363
