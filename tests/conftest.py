"""A real Postgres for each worker, a database of it for each test."""

import gc
import itertools
import json
import os
from collections import defaultdict
from contextlib import ExitStack, contextmanager

import psycopg
import pyarrow as pa
import pytest
from lent import Lent
from pyarrow import parquet
from toy import MARCH, SCHEMA, Source, Toy, at, event

from chaos import forks
from lakehouse import config, postgres, session
from lakehouse.catalogs import TableChange
from lakehouse.catalogs.sqlite import SqliteCatalog
from lakehouse.cli import main
from lakehouse.engines import duckdb
from lakehouse.ingest.stage_process import StageProcess
from lakehouse.plan.state import Change, TableState
from lakehouse.windows import ALL_TIME

pytest.register_assert_rewrite("every_catalog")  # it holds tests

_NUMBERS = itertools.count()
SETTINGS = """
[project]
timezone = "${NIGHTSCOUT_TIMEZONE:-UTC}"
[nightscout]
attempts = 1
"""


def pytest_configure():
    """Let tests be sent signals, however they were started."""
    forks.heed_signals()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark the cases of a test that is marked `sample(quick, long=None)`.

    Spread evenly over its cases, `quick` of them are quick and `long` are long; if that is not
    given, all that are not quick are. The others are `longest`.
    """
    cases = defaultdict(list)
    for item in items:
        mark = item.get_closest_marker("sample")
        if mark is not None:
            key = item.path, item.originalname, mark.args, mark.kwargs.get("long")
            cases[key].append(item)
    for (_, _, (quick,), long), found in cases.items():
        others = _without_spread(found, quick)
        for item in others:
            item.add_marker("long")
        for item in _without_spread(others, len(others) if long is None else long):
            item.add_marker("longest")


def _without_spread(cases, number):
    """The cases without `number` of them that are spread evenly."""
    spread = {len(cases) * each // number for each in range(number)}
    return [case for position, case in enumerate(cases) if position not in spread]


def pytest_collection_finish():
    """Spare the collector of garbage what stays until the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory):
    """The address of an embedded Postgres that this worker alone uses."""
    folder = tmp_path_factory.mktemp("postgres")
    (folder / "lakehouse.toml").write_text("[project]\n")
    with postgres.serving(config.load(folder, {})) as address:
        with psycopg.connect(address.reveal(), autocommit=True) as connection:
            # Nothing here has to outlive the power: most of a test's time would be the disk's.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("ALTER SYSTEM SET full_page_writes = off")
            connection.execute("SELECT pg_reload_conf()")
        # A test may put another user's password in, which an empty one would take the place of.
        yield address.reveal().replace("&password=", "")


@pytest.fixture(scope="session")
def databases(postgres_server):
    """Databases to be lent: emptying one is quicker than making another."""
    return Databases(postgres_server)


class Databases:
    """Empty databases of a server."""

    def __init__(self, server):
        self.server, self.free = server, []

    @contextmanager
    def lend(self):
        """The address of an empty database."""
        address = self.free.pop() if self.free else self._another()
        yield address
        with psycopg.connect(address, autocommit=True) as connection:
            schemas = connection.execute(
                "SELECT nspname FROM pg_namespace"
                " WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
            )
            for (schema,) in schemas.fetchall():
                connection.execute(f"DROP SCHEMA {schema} CASCADE")
            connection.execute("CREATE SCHEMA public")
        self.free.append(address)

    def _another(self):
        name = f"test_{next(_NUMBERS)}"
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.server.replace("/postgres?", f"/{name}?")


@pytest.fixture
def database(databases):
    """The address of an empty database."""
    with databases.lend() as address:
        yield address


@pytest.fixture
def source():
    return Source()


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """One DuckDB for all tests of a worker, which its borrowers cannot close.

    Loading its extensions is most of opening one.
    """
    engine = duckdb.connect(tmp_path_factory.mktemp("spill"))
    close, engine.close = engine.close, lambda: None
    yield engine
    close()


@pytest.fixture
def toy(tmp_path, database, source, engine):
    """The toy project, nothing run yet."""
    return Toy(tmp_path, database, source, engine)


@pytest.fixture
def two_days(toy, source):
    """A home with a commit for each of two days."""
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    toy.run(0)
    toy.run(1)
    return toy


@pytest.fixture(scope="module")
def lasting_toy(tmp_path_factory, databases, engine):
    """The toy project for all tests of a module: they may look, and change nothing."""
    with databases.lend() as address:
        yield Toy(tmp_path_factory.mktemp("toy"), address, Source(), engine)


@pytest.fixture
def fresh(tmp_path, databases, engine):
    """Makes a toy project in a home and a database of its own."""
    with ExitStack() as lent:

        def make(source):
            folder = tmp_path / str(next(_NUMBERS))
            folder.mkdir()
            return Toy(folder, lent.enter_context(databases.lend()), source, engine)

        yield make


@pytest.fixture
def catalog(tmp_path):
    """An empty catalog, apart from any project."""
    return SqliteCatalog(tmp_path / "catalog.db", tmp_path / "warehouse")


@pytest.fixture
def folder(tmp_path):
    """Where the catalog finds files that are to be added."""
    return tmp_path


@pytest.fixture
def write(catalog, folder):
    """Add a file with these ids to a table of a branch."""

    def add(branch, table, *ids, remove=()):
        known = catalog.tables(branch).get(table)
        state = TableState("code", (Change(f"{branch}-{ids}", (ALL_TIME,)),))
        path = folder / f"{branch}-{table}-{'-'.join(map(str, ids))}.parquet"
        rows = pa.table(
            {"id": ids, "name": [branch] * len(ids), "at": [MARCH] * len(ids)}, schema=SCHEMA
        )
        with path.open("wb") as file:
            parquet.write_table(rows, file)
        after = known.state.with_change(state.changes[0]) if known else state
        catalog.write(branch, TableChange(table, SCHEMA, remove, [str(path)], after))

    return add


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """A folder for the compiled project that all tests share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "compiled"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def loader():
    """One process that stages for all tests of a worker: dlt is slow to load."""
    loader = StageProcess()
    yield loader
    loader.close()


@pytest.fixture
def warm(monkeypatch, engine, loader):
    """Lets commands find loaded what is slow to load."""
    monkeypatch.setattr(duckdb, "connect", lambda *_, **__: engine)
    monkeypatch.setattr(session, "StageProcess", lambda **_: Lent(loader))


@pytest.fixture
def lakehouse(tmp_path, database, monkeypatch, capsys, compiled, warm):
    """Runs a command in an empty home; its exit code, and what it printed as JSON."""
    (tmp_path / "lakehouse.toml").write_text(SETTINGS)
    (tmp_path / "__pycache__").symlink_to(compiled)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LAKEHOUSE_POSTGRES_URL", database)
    for name in ("URL", "API_SECRET", "TOKEN", "TIMEZONE", "SITE"):
        monkeypatch.delenv(f"NIGHTSCOUT_{name}", raising=False)

    def command(*arguments):
        code = main([*arguments, "--format", "json"])
        printed = capsys.readouterr()
        return code, json.loads(printed.out)

    return command
