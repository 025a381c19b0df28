"""What fails in production: processes that are killed, and servers that are gone."""

import json
import re
import subprocess
import sys
from pathlib import Path

import processes
import psycopg
import pytest
from toy import Toy, at, event

import deploy.stack
from deploy import servers
from deploy.servers import Place
from deploy.settings import Ports
from lakehouse.addresses.server_names import TRINO_CATALOG
from lakehouse.cli import main
from lakehouse.doctor import examination
from lakehouse.errors import LakehouseError
from lakehouse.records.listener import Silence

SCRIPT = Path(__file__).parent / "day.py"
FOLDER = deploy.stack.ROOT / "test"
SECRETS = ("s3", "postgres")


@pytest.fixture
def toy(tmp_path, lake, source, engine):
    """The toy project on the stack, built by DuckDB: what fails is not the engine."""
    return Toy(tmp_path, lake["LAKEHOUSE_POSTGRES_URL"], source, engine, lake)


@pytest.fixture
def begun(toy, source):
    """The toy project with one day of two."""
    return begin(toy, source)


@pytest.fixture
def begun_on_trino(on_trino, source):
    """The same, built by Trino."""
    return begin(on_trino, source)


@pytest.fixture(params=["begun", "begun_on_trino"])
def each_begun(request):
    """The same, built by each engine."""
    return request.getfixturevalue(request.param)


def begin(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    toy.run(0)
    return toy


def converges(toy):
    """Whether the same run once more gives everything, and leaves no branch."""
    toy.run(1)
    assert toy.rows("marts.total") == [{"rows": 2, "total": 3}]
    assert toy.published("total") == [{"rows": 2, "total": 3}]
    assert toy.session.catalog.branches() == []


def a_day(toy, folder, *arguments):
    """Run a day of the toy project in a process of its own; the process."""
    folder.mkdir(exist_ok=True)
    (folder / "lakehouse.toml").write_text("[project]\n")
    process = subprocess.Popen(
        [sys.executable, SCRIPT, str(folder), *arguments],
        env=processes.environment(),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    json.dump(toy.environment, process.stdin)
    process.stdin.close()
    return process


def ended(process):
    """The exit code of a process, and what it said."""
    with process.stderr:
        said = process.stderr.read()
    return process.wait(), said


def killed_at(toy, node):
    """Run the second day in a process that is killed when it comes to a node."""
    code, said = ended(a_day(toy, toy.folder, "1", node))
    assert code == -9, said


NODES = ["client", "events__stage", "events", "daily", "small_values", "main"]


@pytest.mark.sample(3)
@pytest.mark.parametrize("node", NODES)
def test_a_run_killed_before_the_merge_leaves_main(each_begun, node):
    before = each_begun.head()
    killed_at(each_begun, node)
    assert each_begun.head() == before
    converges(each_begun)


def test_a_run_killed_after_the_merge_is_published_by_the_next(each_begun):
    before = each_begun.head()
    killed_at(each_begun, "publication")
    assert each_begun.head() != before
    assert each_begun.published("total") == [{"rows": 1, "total": 1}]
    converges(each_begun)


def test_trino_keeps_no_catalog_of_a_branch_whose_run_was_killed(begun_on_trino):
    killed_at(begun_on_trino, "main")
    begun_on_trino.run(1)
    with begun_on_trino.session as session:
        found = session.engine.client.run("SHOW CATALOGS").rows
    assert [
        name for (name,) in found if name.startswith(f"{TRINO_CATALOG}_") and "_run_" in name
    ] == []


class Saboteur(Silence):
    """Kills a server when a run comes to a node."""

    def __init__(self, server, node):
        self.server, self.node = server, node

    def progress(self, message):
        if message == self.node:
            process = deploy.stack.processes(FOLDER)[self.server]
            process.kill()
            process.wait()


@pytest.fixture
def sabotage():
    """Makes a listener that kills a server; what was killed is started again."""
    yield Saboteur
    deploy.stack.start(FOLDER)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("server", "node"),
    [
        ("nessie", "events"),
        ("nessie", "daily"),
        ("s3", "events__stage"),
        ("s3", "daily"),
    ],
)
def test_a_server_that_is_gone_is_named_and_main_stays(begun, stack, sabotage, server, node):
    before = begun.head()
    names = {
        "nessie": "LAKEHOUSE_NESSIE_URL",
        "s3": "LAKEHOUSE_S3_ENDPOINT",
    }
    with pytest.raises(LakehouseError, match=f"at {stack[names[server]]} does not answer"):
        begun.run(1, listener=sabotage(server, node))
    deploy.stack.start(FOLDER)
    assert begun.head() == before
    converges(begun)


def test_a_trino_that_is_gone_is_named_and_main_stays(on_trino, source, stack, sabotage):
    before = begin(on_trino, source).head()
    address = f"Trino at {stack['LAKEHOUSE_TRINO_URL']} does not answer"
    with pytest.raises(LakehouseError, match=address):
        on_trino.run(1, listener=sabotage("trino", "steps"))
    deploy.stack.start(FOLDER)
    assert on_trino.head() == before
    converges(on_trino)


def test_a_postgres_that_is_gone_is_named_and_the_next_run_publishes(begun, sabotage):
    with pytest.raises(LakehouseError, match=r"Postgres at 127\.0\.0\.1:\d+/test_\d+ does not"):
        begun.run(1, listener=sabotage("postgres", "publication"))
    deploy.stack.start(FOLDER)
    converges(begun)


@pytest.fixture
def command(toy, monkeypatch, capsys):
    """Runs a command on the stack with some variables changed; its exit code and its error."""

    def run(*arguments, **changed):
        for name, value in {**toy.environment, **changed}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(toy.folder)
        code = main([*arguments, "--format", "json"])
        return code, json.loads(capsys.readouterr().out)

    return run


WRONG = {
    "a wrong S3 secret": (
        {"AWS_SECRET_ACCESS_KEY": "wrong"},
        "refuses to write to .*: SignatureDoesNotMatch",
        "AWS_SECRET_ACCESS_KEY",
    ),
    "an unknown S3 key": (
        {"AWS_ACCESS_KEY_ID": "nobody"},
        "refuses to write to .*: InvalidAccessKeyId",
        "AWS_ACCESS_KEY_ID",
    ),
    "no bucket": (
        {"LAKEHOUSE_WAREHOUSE": "s3://nowhere/warehouse"},
        "NoSuchBucket",
        "LAKEHOUSE_WAREHOUSE",
    ),
    "no S3": (
        {"LAKEHOUSE_S3_ENDPOINT": "http://127.0.0.1:9"},
        "S3 at http://127.0.0.1:9 does not answer",
        "LAKEHOUSE_S3_ENDPOINT",
    ),
    "no Nessie": (
        {"LAKEHOUSE_NESSIE_URL": "http://127.0.0.1:9"},
        "Nessie at http://127.0.0.1:9 does not answer",
        "LAKEHOUSE_NESSIE_URL",
    ),
    "no Postgres": (
        {"LAKEHOUSE_POSTGRES_URL": "postgresql://lakehouse@127.0.0.1:9/postgres"},
        "Postgres at 127.0.0.1:9/postgres does not answer",
        "is it running",
    ),
}


@pytest.mark.parametrize(("changed", "message", "cure"), WRONG.values(), ids=WRONG)
def test_doctor_says_what_is_wrong_and_the_cure(toy, changed, message, cure):
    toy.environment |= changed
    (bad,) = [each for each in examination.examine(toy.session) if not each.healthy]
    assert re.search(message, bad.detail)
    assert cure in bad.cure


def test_no_trino_is_said(toy):
    toy.environment |= {"LAKEHOUSE_ENGINE": "trino", "LAKEHOUSE_TRINO_URL": "http://127.0.0.1:9"}
    (bad,) = [each for each in examination.examine(toy.session) if not each.healthy]
    assert bad.detail.startswith("Trino at http://127.0.0.1:9 does not answer")


@pytest.fixture
def fixed_trino(tmp_path):
    """The address of a Trino whose catalogs are fixed when it starts."""
    port = deploy.stack._free(0)
    place = Place(
        tmp_path / "trino",
        deploy.stack.ROOT / "servers",
        Ports(trino=port),
        dict.fromkeys(SECRETS, "x"),
    )
    server = servers.trino(place)
    file = place.folder / "etc/trino/config.properties"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("catalog.")]
    file.write_text("\n".join([*lines, "catalog.management=static"]))
    process = deploy.stack._launch(place.folder, server)
    deploy.stack._wait(place.folder, server, process)
    yield place.url(port)
    process.kill()
    process.wait()


def test_a_trino_that_makes_no_catalogs_is_said_with_the_cure(toy, fixed_trino):
    toy.environment |= {"LAKEHOUSE_ENGINE": "trino", "LAKEHOUSE_TRINO_URL": fixed_trino}
    (bad,) = [each for each in examination.examine(toy.session) if not each.healthy]
    assert fixed_trino in bad.detail
    assert "catalog.management=dynamic" in bad.cure


def test_a_user_without_rights_is_told_the_grant(toy, lake):
    server = lake["LAKEHOUSE_POSTGRES_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS nobody")
        connection.execute("CREATE ROLE nobody LOGIN PASSWORD 'secret-of-nobody'")
    user = server.partition("//")[2].partition("@")[0]
    toy.environment["LAKEHOUSE_POSTGRES_URL"] = server.replace(user, "nobody:secret-of-nobody")
    (bad,) = [each for each in examination.examine(toy.session) if not each.healthy]
    assert "the user nobody may not create schemas" in bad.detail
    assert bad.cure.startswith("GRANT CREATE ON DATABASE")


@pytest.mark.parametrize("name", ["a wrong S3 secret", "no S3", "no Nessie"])
def test_a_command_says_the_same_in_one_line(command, name):
    changed, message, cure = WRONG[name]
    code, said = command("query", "select 1", **changed)
    assert code == 2
    assert message.split(".*")[-1] in said["error"]
    assert "\n" not in said["error"]
    assert cure in said["hint"]


def test_three_runs_at_once_lose_nothing(each_begun):
    """Two of one day and one of another, on three machines: each has a home of its own."""
    toy, days = each_begun, ("1", "1", "2")
    runs = [a_day(toy, toy.folder / str(n), day) for n, day in enumerate(days)]
    assert [ended(run) for run in runs] == [(0, "")] * 3
    assert toy.rows("marts.total") == [{"rows": 3, "total": 6}]
    assert toy.published("total") == [{"rows": 3, "total": 6}]
    assert toy.session.catalog.branches() == []
