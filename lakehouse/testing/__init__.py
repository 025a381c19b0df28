"""A pytest plugin: run a model on a few rows, and see whether it may be built by windows.

Put `pytest_plugins = ["lakehouse.testing"]` into `conftest.py`. Then:

    def test_a_total(run_model):
        rows = run_model(daily_totals, orders=[{"day": "2024-03-15", "amount": 3}])
        assert rows[0]["total"] == 3

    def test_windows(assert_incremental):
        assert_incremental(daily_totals)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from lakehouse import config, project
from lakehouse.testing.runner import RunModel


@pytest.fixture(scope="session")
def run_model(pytestconfig: pytest.Config) -> RunModel:
    """Runs a model on a few rows: `run_model(model, parent=[{...}])` gives its rows."""
    return RunModel(lambda: project.load(config.load(pytestconfig.rootpath)))


@pytest.fixture(scope="session")
def assert_incremental(run_model: RunModel) -> Callable[..., None]:
    """Fails where building by windows is not one full build: `assert_incremental(model)`."""
    # It needs Hypothesis, which not every project has, and which takes its time to load.
    from lakehouse.testing import incremental

    return partial(incremental.assert_incremental, run_model)
