"""A real Postgres for each worker, a database of it for each test."""

import itertools

import psycopg
import pytest
from toy import Source, Toy

from lakehouse import config, postgres
from lakehouse.engines import duckdb

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory):
    """The address of an embedded Postgres that this worker alone uses."""
    folder = tmp_path_factory.mktemp("postgres")
    (folder / "lakehouse.toml").write_text("[project]\n")
    with postgres.serving(config.load(folder, {})) as address:
        with psycopg.connect(address, autocommit=True) as connection:
            # Nothing here has to outlive the power: most of a test's time would be the disk's.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("ALTER SYSTEM SET full_page_writes = off")
            connection.execute("SELECT pg_reload_conf()")
        yield address


@pytest.fixture
def database(postgres_server):
    """The address of an empty database."""
    return _database(postgres_server)


def _database(server):
    name = f"test_{next(_NUMBERS)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture
def source():
    return Source()


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """One DuckDB for all tests of a worker: loading its extensions is most of opening one."""
    return duckdb.connect(tmp_path_factory.mktemp("spill"))


@pytest.fixture
def toy(tmp_path, database, source, engine):
    """The toy project, nothing run yet."""
    return Toy(tmp_path, database, source, engine)


@pytest.fixture
def fresh(tmp_path, postgres_server, engine):
    """Makes a toy project in a home and a database of its own."""

    def make(source):
        folder = tmp_path / str(next(_NUMBERS))
        folder.mkdir()
        return Toy(folder, _database(postgres_server), source, engine)

    return make
