"""A pytest plugin: run a model on a few rows, and see whether it may be built by windows.

Put `pytest_plugins = ["lakehouse.testing"]` into `conftest.py`. Then:

    def test_a_total(run_model):
        rows = run_model(daily_totals, orders=[{"day": "2024-03-15", "amount": 3}])
        assert rows[0]["total"] == 3

    def test_windows(assert_incremental):
        assert_incremental(daily_totals)

`pytest --engines=duckdb,trino` runs them on both, with the Trino of the production profile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from lakehouse import config, project
from lakehouse.testing.runner import RunModel
from lakehouse.testing.sandbox import DuckDBSandbox, Sandbox

_DEFAULT = "duckdb"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the engines to run models on."""
    parser.addoption(
        "--engines",
        default=_DEFAULT,
        help="where run_model runs models: duckdb, trino, or both with a comma between",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat what runs models for each of the engines."""
    engines = metafunc.config.getoption("--engines")
    if "run_model" in metafunc.fixturenames and engines != _DEFAULT:
        metafunc.parametrize("run_model", engines.split(","), indirect=True, scope="session")


@pytest.fixture(scope="session")
def run_model(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Iterator[RunModel]:
    """Runs a model on a few rows: `run_model(model, parent=[{...}])` gives its rows."""
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
    """Fails where building by windows is not one full build: `assert_incremental(model)`."""
    # It needs Hypothesis, which not every project has, and which takes its time to load.
    from lakehouse.testing import incremental

    return partial(incremental.assert_incremental, run_model)
