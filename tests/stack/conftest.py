"""Real servers, started once for the whole suite unless they run already; an empty lake for each
test.

`python -m deploy up --folder .stack/test` keeps them running while one works on these tests.
"""

import itertools
import shutil
from urllib.parse import quote

import psycopg
import pytest
import requests
from toy import Toy

import deploy.stack
from lakehouse import config
from lakehouse.engines import duckdb

NOTHING = "2e1cfa82b035c26cbbbdae632cea070514eb8b773f616aaeaf668e2f0be8f10d"
"""Nessie's name for the state before the first commit."""
_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def stack():
    """The variables that point at the running stack."""
    folder = deploy.stack.ROOT / "test"
    was_running = bool(deploy.stack.processes(folder))
    if not was_running:
        shutil.rmtree(folder / "data", ignore_errors=True)
    yield deploy.stack.start(folder)
    if not was_running:
        deploy.stack.stop(folder)


@pytest.fixture
def lake(stack):
    """The variables of a lakehouse that nothing was run in yet; models are built by DuckDB."""
    api = f"{stack['LAKEHOUSE_NESSIE_URL']}/api/v2/trees"
    for each in requests.get(api, timeout=10).json()["references"]:
        here = f"{api}/{quote(each['name'], safe='')}@{each['hash']}"
        if each["name"] == "main":
            start = {"type": "DETACHED", "hash": NOTHING}
            requests.put(here, params={"type": "BRANCH"}, json=start, timeout=10)
        else:
            requests.delete(here, params={"type": each["type"]}, timeout=10)
    number = next(_NUMBERS)
    server = stack["LAKEHOUSE_POSTGRES_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS test_{number} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE test_{number}")
    return stack | {
        "LAKEHOUSE_ENGINE": "duckdb",
        "LAKEHOUSE_WAREHOUSE": f"{stack['LAKEHOUSE_WAREHOUSE']}/{number}",
        "LAKEHOUSE_POSTGRES_URL": server.replace("/postgres", f"/test_{number}"),
    }


@pytest.fixture
def settings(lake, tmp_path):
    (tmp_path / "lakehouse.toml").write_text("[project]\n")
    return config.load(tmp_path, lake)


@pytest.fixture(scope="session")
def engine(stack, tmp_path_factory):
    """One DuckDB for all tests, which reaches the bucket."""
    folder = tmp_path_factory.mktemp("duckdb")
    (folder / "lakehouse.toml").write_text("[project]\n")
    return duckdb.connect(folder / "spill", bucket=config.load(folder, stack).servers.bucket)


@pytest.fixture(params=["duckdb", "trino"])
def toy(request, tmp_path, lake, source, engine):
    """The toy project on the stack, nothing run yet; each engine builds it."""
    return _toy(tmp_path, lake | {"LAKEHOUSE_ENGINE": request.param}, source, engine)


@pytest.fixture
def on_trino(tmp_path, lake, source, engine):
    """The toy project on the stack, built by Trino."""
    return _toy(tmp_path, lake | {"LAKEHOUSE_ENGINE": "trino"}, source, engine)


def _toy(folder, lake, source, engine):
    return Toy(folder, lake["LAKEHOUSE_POSTGRES_URL"], source, engine, lake)
