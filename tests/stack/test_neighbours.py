"""Lakehouses and strangers on the same servers: each is right, and nobody touches what is others'."""

import re
from types import ModuleType

import psycopg
import pytest
from strangers import Stranger
from toy import FIRST, Source, Toy, at, event, into

import deploy.stack
from lakehouse import Table, external, maintain, model
from lakehouse.branches import run_branches
from lakehouse.doctor import examination
from lakehouse.engines.trino_client import Client
from lakehouse.errors import LakehouseError
from lakehouse.history.diff import diff
from lakehouse.plan.selectors import select
from lakehouse.run.plan_preview import preview
from lakehouse.site.build import build

FOLDER = deploy.stack.ROOT / "test"
EAGER = "[project]\n[maintain]\nkeep_days = 0\ngrace_hours = 0\n"


@pytest.fixture
def client(stack):
    return Client(stack["LAKEHOUSE_TRINO_URL"])


@pytest.fixture
def strangers(lake, stack):
    """Makes a stranger, who leaves after the test."""
    made = []

    def make(branch):
        made.append(Stranger(stack, branch))
        made[-1].leave()
        made[-1].arrive()
        return made[-1]

    yield make
    for stranger in made:
        stranger.leave()


@pytest.fixture
def team_a(tmp_path, lake, engine, client):
    """A second lakehouse: a main branch of Nessie, a catalog, a warehouse and a Postgres of its
    own on the same servers.
    """
    folder, postgres = tmp_path / "team_a", f"{lake['LAKEHOUSE_POSTGRES_URL']}_team_a"
    folder.mkdir()
    with psycopg.connect(lake["LAKEHOUSE_POSTGRES_URL"], autocommit=True) as connection:
        name = postgres.rpartition("/")[2]
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    own = {
        "LAKEHOUSE_ENGINE": "trino",
        "LAKEHOUSE_NESSIE_BRANCH": "team_a",
        "LAKEHOUSE_TRINO_CATALOG": "lakehouse_team_a",
        "LAKEHOUSE_WAREHOUSE": f"{lake['LAKEHOUSE_WAREHOUSE']}_team_a",
    }
    yield Toy(folder, postgres, Source(), engine, lake | own)
    client.run("DROP CATALOG IF EXISTS lakehouse_team_a")


def names(toy):
    """The tables that a lakehouse knows on main."""
    return set(toy.session.catalog.tables("main"))


TABLES = {"raw.events", "silver.steps", "marts.daily", "marts.total"}


def look_around(toy):
    """The tables that commands show which look at everything, and change nothing."""
    before = toy.head()
    with toy.session as session:
        names = select(toy.project, None)
        planned = {each.node for each in preview(session, session.days(FIRST, FIRST), names)}
    with toy.session as session:
        old, new = session.catalog.log()[-1].id, session.catalog.head().id
        differing = {each.table for each in diff(session, old, new)}
    with toy.session as session:
        build(session, toy.folder / "site")
    site = {path.stem for path in (toy.folder / "site/tables").glob("*.html")}
    assert toy.head() == before
    return {"plan": planned, "diff": differing, "site": site}


def test_two_lakehouses_and_a_stranger_do_not_touch_each_other(
    on_trino, team_a, source, strangers, client
):
    team_a.session.catalog.create_main()
    strange = [strangers("main"), strangers("team_a")]
    theirs = [stranger.possessions() for stranger in strange]
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    team_a.source.rows = [event("c", 30, at(0)), event("d", 40, at(1))]
    for toy in (on_trino, team_a):
        for day in (0, 1):
            assert toy.run(day).status == "done"
        assert toy.run(1).status == "nothing to do"
        assert names(toy) == TABLES
        assert len(toy.session.catalog.log()) == 2
    for toy, total in ((on_trino, 3), (team_a, 70)):
        assert toy.rows("marts.total") == [{"rows": 2, "total": total}]
        assert toy.published("total") == [{"rows": 2, "total": total}]
        shown = toy.environment.get("LAKEHOUSE_TRINO_CATALOG", "lakehouse")
        assert client.run(f"SELECT total FROM {shown}.marts.total").rows == [[total]]
        assert client.run(f"SELECT count(*) FROM {shown}.silver.valid").rows == [[2]]
        shown = look_around(toy)
        assert shown["plan"] == shown["site"] == TABLES | {"silver.valid"}
        assert shown["diff"] == TABLES
        with toy.session as session:
            assert all(found.healthy for found in examination.examine(session))
            first = session.catalog.log()[-1]
            session.catalog.tag("first", first.id)
            assert set(session.catalog.tags()) == {"first"}
            session.catalog.rollback(first.id, run_id="back", message="undo")
        assert toy.rows("marts.total") == [{"rows": 1, "total": 1 if toy is on_trino else 30}]
        (toy.folder / "lakehouse.toml").write_text(EAGER)
        with toy.session as session:
            maintain.maintain(session)
    for toy in (on_trino, team_a):
        assert toy.run(1).status == "done"
        assert len(toy.rows("silver.valid")) == 2
        assert toy.session.catalog.branches() == []
    assert [stranger.possessions() for stranger in strange] == theirs


def test_a_sweep_drops_branches_and_catalogs_of_its_own_lakehouse_alone(on_trino, team_a, client):
    team_a.session.catalog.create_main()
    killed = {}
    for toy in (on_trino, team_a):
        with toy.session as session:
            session.catalog.create_branch("run-killed")
            killed[toy] = session.engine.catalogs.of("run-killed")
            session.engine.catalogs._made.clear()  # its process is killed
    with team_a.session as session:
        assert run_branches.sweep(session.settings, session.catalog) == ["run-killed"]
        session.engine.sweep(list)
    assert [branch.name for branch in on_trino.session.catalog.branches()] == ["run-killed"]
    shown = {name for (name,) in client.run("SHOW CATALOGS").rows}
    assert killed[on_trino] in shown
    assert killed[team_a] not in shown
    client.run(f"DROP CATALOG {killed[on_trino]}")


def test_a_catalog_that_shows_another_lakehouse_is_refused(on_trino, team_a, source, client):
    source.rows = [event("a", 1, at(0))]
    on_trino.run(0)
    team_a.session.catalog.create_main()
    team_a.environment["LAKEHOUSE_TRINO_CATALOG"] = "lakehouse"
    team_a.source.rows = [event("c", 30, at(0))]
    with pytest.raises(LakehouseError, match="shows another lakehouse, not the branch 'team_a'"):
        team_a.run(0)
    assert team_a.session.catalog.log() == []
    assert client.run("SELECT total FROM lakehouse.marts.total").rows == [[1]]


def test_a_catalog_of_another_kind_is_refused(on_trino, source, client):
    on_trino.environment["LAKEHOUSE_TRINO_CATALOG"] = "a_memory"
    client.run("CREATE CATALOG a_memory USING memory")
    source.rows = [event("a", 1, at(0))]
    client.run("CREATE TABLE a_memory.default.t AS SELECT 1 AS x")
    try:
        with pytest.raises(LakehouseError, match="'a_memory' of Trino shows another"):
            on_trino.run(0)
    finally:
        client.run("DROP CATALOG a_memory")


def test_a_main_branch_that_is_missing_is_said_and_made_if_asked(team_a):
    with pytest.raises(LakehouseError, match="has no branch 'team_a'") as error:
        team_a.run(0)
    assert "--create-main" in error.value.hint
    team_a.session.catalog.create_main()
    with pytest.raises(LakehouseError, match="has a branch 'team_a' already"):
        team_a.session.catalog.create_main()
    assert team_a.run(0).status in {"done", "nothing to do"}


def test_a_warehouse_of_another_lakehouse_is_refused(on_trino, team_a, source):
    source.rows = [event("a", 1, at(0))]
    on_trino.session.catalog.create_branch("run-first")
    team_a.session.catalog.create_main()
    team_a.environment["LAKEHOUSE_WAREHOUSE"] = on_trino.environment["LAKEHOUSE_WAREHOUSE"]
    for work in (team_a.run, lambda: maintain.maintain(team_a.session)):
        with pytest.raises(LakehouseError, match="is that of the lakehouse on the branch 'main'"):
            work()


@pytest.mark.parametrize(
    ("made", "name"),
    [
        ("CREATE TABLE silver.steps AS SELECT 1 AS x", "silver.steps"),
        ("CREATE VIEW silver.valid AS SELECT 1 AS x", "silver.valid"),
    ],
)
def test_what_others_have_under_our_name_is_not_replaced(on_trino, source, strangers, made, name):
    stranger = strangers("main")
    stranger.run(made)
    source.rows = [event("a", 1, at(0))]
    with pytest.raises(LakehouseError, match=rf"{re.escape(name)} is on main already"):
        on_trino.run(0)
    assert stranger.run(f"SELECT x FROM {name}") == [[1]]
    assert on_trino.session.catalog.log() == []


def test_others_tables_on_main_are_read_by_external(on_trino, strangers):
    stranger = strangers("main")
    on_trino.declare([marts()], found=[customers()])
    on_trino.run(0, selected="customers+")
    assert on_trino.rows("marts.names") == [{"name": "Ada"}]
    assert on_trino.run(0, selected="customers+").status == "nothing to do"
    stranger.run("INSERT INTO crm.customers VALUES (2, 'Bob')")
    before = stranger.possessions()
    on_trino.run(0, selected="customers+")
    assert on_trino.rows("marts.names") == [{"name": "Ada"}, {"name": "Bob"}]
    assert stranger.possessions() == before


def test_what_no_other_has_on_main_is_said(on_trino, strangers):
    strangers("main").run("DROP TABLE crm.customers")
    on_trino.declare([marts()], found=[customers()])
    with pytest.raises(LakehouseError, match=r"no Iceberg table 'crm\.customers'") as error:
        on_trino.run(0, selected="customers+")
    assert "silver.notes" in error.value.hint


def customers():
    """A table of others, as a project declares it."""
    return external("crm.customers", columns={"id": "int64", "name": "string"})


def marts():
    """A module that reads a table of others."""
    module = ModuleType("reads.marts")

    @model(kind=Table())
    @into(module)
    def names(customers):
        """The names of customers."""
        return customers.select("name")

    return module


def test_upkeep_leaves_what_others_need(on_trino, source, strangers, stack):
    on_trino.environment["LAKEHOUSE_WAREHOUSE"] = stack[
        "LAKEHOUSE_WAREHOUSE"
    ]  # the strangers', too
    stranger = strangers("main")
    theirs = stranger.possessions()
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    on_trino.run(0)
    stranger.run("CREATE VIEW silver.of_ours AS SELECT total FROM marts.total")
    on_trino.run(1)
    (on_trino.folder / "lakehouse.toml").write_text(EAGER)
    with on_trino.session as session:
        maintain.maintain(session)
    assert stranger.possessions() == theirs
    assert stranger.run("SELECT total FROM silver.of_ours") == [[3]]
    assert stranger.run("SELECT count(*) FROM silver.valid") == [[2]]


@pytest.mark.long
def test_whoever_asks_trino_after_its_restart_finds_the_catalog(on_trino, source, client):
    source.rows = [event("a", 1, at(0))]
    on_trino.run(0)
    process = deploy.stack.processes(FOLDER)["trino"]
    process.kill()
    process.wait()
    deploy.stack.start(FOLDER)
    assert client.run("SELECT total FROM lakehouse.marts.total").rows == [[1]]
