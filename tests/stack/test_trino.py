"""What Trino does for a run, and what it is left with."""

from threading import Timer

import ibis
import pytest
import requests
from toy import at, event

from lakehouse.addresses.postgres import postgres_address
from lakehouse.addresses.server_names import TRINO_CATALOG
from lakehouse.build import builds
from lakehouse.catalogs import MAIN
from lakehouse.compile.compiler import Statement
from lakehouse.engines import Question, trino
from lakehouse.engines.trino_catalogs import PASSWORD, Catalogs
from lakehouse.engines.trino_client import Client
from lakehouse.engines.trino_tables import TableWriting
from lakehouse.errors import PublishError, QueryError
from lakehouse.plan import file_spans
from lakehouse.plan.what_to_build import Decision, Reason, decide
from lakehouse.windows import ALL_TIME

COUNT = ibis.schema({"rows": "int64"})


@pytest.fixture
def client(stack):
    return Client(stack["LAKEHOUSE_TRINO_URL"])


@pytest.fixture(autouse=True)
def only_mains(client):
    """No test sees what another left."""
    for name in own_catalogs(client):
        client.run(f"DROP CATALOG {name}")


@pytest.fixture
def built(on_trino, source):
    """The toy after three days."""
    source.rows = [event(name, n, at(n)) for n, name in enumerate("abc")]
    on_trino.run(0, 2)
    return on_trino


def own_catalogs(client):
    found = {name for (name,) in client.run("SHOW CATALOGS").rows}
    return {name for name in found if name.startswith(f"{TRINO_CATALOG}_20")}


def test_no_catalog_is_left_but_mains(built, client):
    assert own_catalogs(client) == set()
    assert [TRINO_CATALOG] in client.run("SHOW CATALOGS").rows


def test_nor_after_a_failure(on_trino, source, client):
    source.rows = [event("a", 700, at(0))]  # a blocking check does not allow it
    with pytest.raises(Exception, match="blocking"):
        on_trino.run(0)
    assert own_catalogs(client) == set()


def test_catalogs_of_the_dead_are_swept(built, client, source):
    with built.session as session:
        dead = session.engine
        dead.catalogs.of("run-dead")
        dead.catalogs._made.clear()  # it is killed
    assert own_catalogs(client)
    built.run(0)
    assert own_catalogs(client) == set()


def test_everyone_who_asks_trino_sees_tables_and_views(built, client):
    rows = client.run(f"SELECT id, value FROM {TRINO_CATALOG}.silver.valid ORDER BY id").rows
    assert rows == [["a", 0], ["b", 1], ["c", 2]]
    assert client.run("SELECT rows, total FROM marts.total", catalog=TRINO_CATALOG).rows == [[3, 3]]


def test_a_view_follows_its_code(built, client):
    built.change(factor=2)
    built.run(0)
    assert client.run(f"SELECT total FROM {TRINO_CATALOG}.marts.total").rows == [[6]]


def test_columns_have_the_types_that_models_declare(built, client):
    rows = client.run(f"DESCRIBE {TRINO_CATALOG}.silver.steps").rows
    assert {name: kind for name, kind, *_ in rows} == {
        "id": "varchar",
        "at": "timestamp(6) with time zone",
        "value": "bigint",
        "before": "bigint",
    }


@pytest.mark.parametrize("largest", [file_spans.SMALL_FILE_ROWS, 0], ids=["anew", "in place"])
def test_windows_are_replaced(built, source, monkeypatch, largest):
    monkeypatch.setattr(file_spans, "SMALL_FILE_ROWS", largest)
    source.rows[1] = event("b", 5, at(1))
    report = built.run(1)
    assert {node.node: node.rows for node in report.nodes}["marts.daily"] == 2
    assert [row["total"] for row in built.rows("marts.daily")] == [0, 5, 2]
    assert [row["before"] for row in built.rows("silver.steps")] == [None, 0, 5]


@pytest.mark.parametrize("small", [0, file_spans.SMALL_FILE_ROWS], ids=["large", "small"])
def test_rows_that_trino_deleted_stay_deleted_when_duckdb_goes_on(
    built, source, monkeypatch, small
):
    monkeypatch.setattr(file_spans, "SMALL_FILE_ROWS", 0)  # Trino deletes beside the files
    source.rows[1] = event("b", 5, at(1))
    built.run(1)
    monkeypatch.setattr(file_spans, "SMALL_FILE_ROWS", small)
    built.environment |= {"LAKEHOUSE_ENGINE": "duckdb"}
    source.rows[2] = event("c", 7, at(2))
    built.run(2)
    assert [row["total"] for row in built.rows("marts.daily")] == [0, 5, 7]
    assert [row["before"] for row in built.rows("silver.steps")] == [None, 0, 5]


@pytest.mark.parametrize("together", [1, 16])
def test_many_checks_are_asked_in_several_statements(built, monkeypatch, together):
    monkeypatch.setattr(trino, "_TOGETHER", together)
    session = built.session
    (steps,) = (spec for spec in session.project.models.values() if spec.name == "steps")
    source = builds.source(session.compiled, steps.name, session.catalog.tables(MAIN))
    questions = [
        Question(Statement(f'SELECT {n} + count(*) AS "rows" FROM "steps"', COUNT), [source])
        for n in range(3)
    ]
    assert session.engine.counts(questions) == [{"rows": 3}, {"rows": 4}, {"rows": 5}]


def test_what_was_cut_short_reads_as_unfinished(built, source, monkeypatch):
    monkeypatch.setattr(file_spans, "SMALL_FILE_ROWS", 0)

    def cut(*_):
        raise QueryError("Trino is gone")

    monkeypatch.setattr(TableWriting, "_insert", cut)
    source.rows[1] = event("b", 5, at(1))
    with pytest.raises(QueryError, match="gone"):
        built.run(1)
    catalog = built.session.catalog
    (branch,) = catalog.branches()
    state = catalog.tables(branch.name)["silver.steps"].state
    assert decide(built.compiled, built.compiled.models["steps"], state, {}) == Decision(
        Reason.CODE_CHANGED, (ALL_TIME,)
    )
    assert built.rows("marts.total") == [{"rows": 3, "total": 3}]


def test_a_ref_is_asked_as_it_was(built, source):
    before = built.head()
    source.rows[0] = event("a", 9, at(0))
    built.run(0)
    assert built.rows("marts.total", before) == [{"rows": 3, "total": 3}]
    assert built.rows("silver.valid", before)[0]["value"] == 0
    assert built.rows("marts.total") == [{"rows": 3, "total": 12}]


def test_no_secret_reaches_a_statement(built, client, stack):
    said = client.run("SELECT query FROM system.runtime.queries").rows
    for name in ("AWS_SECRET_ACCESS_KEY", "LAKEHOUSE_POSTGRES_URL"):
        secret = stack[name].rpartition("@")[0].rpartition(":")[2] or stack[name]
        assert not [text for (text,) in said if secret in text]
    assert [text for (text,) in said if PASSWORD in text]


def test_queries_are_listed_by_run_and_node(stack, built):
    api = f"{stack['LAKEHOUSE_TRINO_URL']}/v1/query"
    found = requests.get(api, headers={"X-Trino-User": "test"}, timeout=10).json()
    tags = [query.get("clientTags") or query["session"].get("clientTags") for query in found]
    runs = {commit.run_id for commit in built.session.catalog.log()}
    assert any(set(each or ()) & runs and "marts.daily" in each for each in tags)


def test_odd_names_are_names(client, stack):
    rows = client.run('SELECT 1 AS "a ""quoted"" name", 2 AS "select"')
    assert rows.names == ['a "quoted" name', "select"]


def test_what_others_run_can_be_stopped(client):
    slow = "SELECT count(*) FROM UNNEST(sequence(1, 10000)) a, UNNEST(sequence(1, 10000)) b,"
    slow += " UNNEST(sequence(1, 10000)) c"
    timer = Timer(1, client.interrupt)
    timer.start()
    with pytest.raises(QueryError):
        client.run(slow)


def test_a_server_that_is_gone_is_named():
    with pytest.raises(QueryError, match=r"127\.0\.0\.1:1 does not answer") as error:
        Client("http://127.0.0.1:1").run("SELECT 1")
    assert "LAKEHOUSE_TRINO_URL" in error.value.hint


def test_a_postgres_that_trino_cannot_reach_is_named(built, settings):
    catalogs = Catalogs(
        built.session.engine.client, settings.servers, lambda: built.session.catalog
    )
    with pytest.raises(PublishError, match="Unix socket"):
        catalogs.of_postgres(postgres_address("postgresql:///x?host=/tmp/somewhere", "X"))
