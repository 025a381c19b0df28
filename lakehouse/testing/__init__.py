"""Pytest plugin for projects: run a model on a few rows, and check that it can be built by windows.

Helpers of the framework's own tests are not here, but beside those tests.

Put `pytest_plugins = ["lakehouse.testing"]` into `conftest.py`. Then:

    def test_a_total(run_model):
        rows = run_model(daily_totals, orders=[{"day": "2024-03-15", "amount": 3}])
        assert rows[0]["total"] == 3

    def test_windows(assert_incremental):
        assert_incremental(daily_totals)

`pytest --engines=duckdb,trino` runs them on both engines, with the Trino of the production profile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from lakehouse import config
from lakehouse.declare import project
from lakehouse.testing.runner import RunModel
from lakehouse.testing.sandbox import DuckDBSandbox, Sandbox

_DEFAULT = "duckdb"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `--engines`."""
    parser.addoption(
        "--engines",
        default=_DEFAULT,
        help="engines that run_model runs models on: duckdb, trino, or duckdb,trino",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat every test that runs models for each of the engines."""
    engines = metafunc.config.getoption("--engines")
    if "run_model" in metafunc.fixturenames and engines != _DEFAULT:
        metafunc.parametrize("run_model", engines.split(","), indirect=True, scope="session")


@pytest.fixture(scope="session")
def run_model(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Iterator[RunModel]:
    """Run a model on a few rows: `run_model(model, parent=[{...}])` returns its rows."""
    root = pytestconfig.rootpath
    sandbox = _sandbox(getattr(request, "param", _DEFAULT), pytestconfig)
    yield RunModel(lambda: project.load(config.load(root)), lambda: sandbox)
    sandbox.close()


def _sandbox(engine: str, pytestconfig: pytest.Config) -> Sandbox:
    if engine == _DEFAULT:
        return DuckDBSandbox()
    from lakehouse.testing.trino_sandbox import TrinoSandbox

    return TrinoSandbox(config.load(pytestconfig.rootpath))


@pytest.fixture(scope="session")
def assert_incremental(run_model: RunModel) -> Callable[..., None]:
    """Fail if building by windows differs from one full build: `assert_incremental(model)`."""
    # Imported here: it needs Hypothesis, which not every project has, and which loads slowly.
    from lakehouse.testing import incremental

    return partial(incremental.assert_incremental, run_model)
