"""Dagster tells nobody of what runs in this process, also if its instance would let it."""

import pytest


@pytest.mark.long
def test_no_instance_lets_telemetry_be_logged(tmp_path):
    dagster = pytest.importorskip("dagster")
    from dagster._core import telemetry

    from lakehouse.patches import dagster_telemetry

    with dagster.DagsterInstance.local_temp(str(tmp_path)) as instance:
        telemetry._get_instance_telemetry_enabled = lambda _: True
        assert telemetry._get_instance_telemetry_info(instance).dagster_telemetry_enabled
        dagster_telemetry.silence()
        assert not telemetry._get_instance_telemetry_info(instance).dagster_telemetry_enabled
