"""`query` reads: whatever it is asked, on DuckDB or on Postgres, it changes nothing."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import pytest
from pydantic import SecretStr
from receivers import serving
from toy import at, event, query

from lakehouse.engines import duckdb
from lakehouse.engines.sql import path_literal
from lakehouse.engines.trino import _QUERY
from lakehouse.errors import QueryError
from lakehouse.storage import Bucket
from lakehouse.system.aws_keys import Keys

HOME = ".lakehouse"
WRITES = [
    "commit; delete from marts.mart",
    "rollback; drop table marts.mart",
    "select 1; delete from marts.mart; select 2",
    "select 1; select 2",
    "set transaction read write; delete from marts.mart",
    "set session characteristics as transaction read write",
    "delete from marts.mart",
    "delete from marts.mart returning x",
    "with gone as (delete from marts.mart returning x) select * from gone",
    "with more as (insert into marts.mart values (2) returning x) select * from more",
    "truncate marts.mart",
    "create table marts.new as select 1",
    "select 1 as x into marts.new",
    "select * from marts.mart for update",
    "do $$ begin delete from marts.mart; end $$",
    "copy (select 1) to program 'touch {folder}/written'",
    "copy (select 1) to '{folder}/written'",
    "copy marts.mart from program 'echo 7'",
    "copy marts.mart to stdout",
    "select lo_export(1, '{folder}/written')",
    "select lo_import('/etc/hostname')",
    "select lo_create(0)",
    "select pg_read_file('/etc/hostname')",
    "select pg_read_binary_file('pg_hba.conf')",
    "select * from pg_ls_dir('.')",
    "select nextval('marts.numbers')",
    "select setval('marts.numbers', 9)",
    "select pg_reload_conf()",
    "select pg_switch_wal()",
    "select set_config('transaction_read_only', 'off', false), lo_create(0)",
    "select query_to_xml('delete from marts.mart', true, true, '')",
    "select marts.remove()",
    "explain analyze delete from marts.mart",
    "prepare x as delete from marts.mart",
    "call marts.removal()",
    "listen x",
    "set role postgres",
    "reset role",
    "lock table marts.mart",
    "vacuum marts.mart",
    "alter system set fsync = off",
    "begin",
    "commit",
    "",
    ";",
    "-- nothing",
]


@pytest.fixture
def written(database, tmp_path):
    """Puts a mart into a Postgres, with functions that would change it; asserts that it stays."""
    folder = tmp_path / "server"
    folder.mkdir()
    folder.chmod(0o777)
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("create schema marts")
        owner.execute("create table marts.mart as select 1 as x")
        owner.execute("create sequence marts.numbers")
        remove = "language plpgsql as 'begin delete from marts.mart; end'"
        owner.execute(f"create function marts.remove() returns void {remove}")
        owner.execute(f"create procedure marts.removal() {remove}")
        yield folder
        assert owner.execute("select * from marts.mart").fetchall() == [(1,)]
        assert owner.execute("select last_value, is_called from marts.numbers").fetchone() == (
            1,
            False,
        )
        tables = "select tablename from pg_tables where schemaname = 'marts'"
        assert owner.execute(tables).fetchall() == [("mart",)]
        assert owner.execute("select count(*) from pg_largeobject_metadata").fetchone() == (0,)
    assert list(folder.iterdir()) == []


@pytest.mark.sample(16)
@pytest.mark.parametrize("sql", WRITES)
def test_postgres_is_asked_one_query_also_as_a_superuser(database, written, sql):
    with pytest.raises(QueryError, match="Postgres: "):
        query(database, sql.format(folder=written))


@pytest.mark.sample(16)
@pytest.mark.parametrize("sql", WRITES)
def test_postgres_is_asked_one_query_as_a_user_with_rights_of_its_own(database, written, sql):
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("create role writer login password 'of-writer'")
        owner.execute("grant all on schema marts to writer")
        owner.execute("grant all on all tables in schema marts to writer")
        owner.execute("grant all on all sequences in schema marts to writer")
    try:
        address = database.replace("://postgres@", "://writer:of-writer@")
        with pytest.raises(QueryError, match="Postgres: "):
            query(address, sql.format(folder=written))
    finally:
        with psycopg.connect(database, autocommit=True) as owner:
            owner.execute("drop owned by writer")
            owner.execute("drop role writer")


@pytest.mark.parametrize(
    "sql",
    [
        "select x from marts.mart",
        "select x from marts.mart -- with a comment",
        "table marts.mart",
        "values (1)",
        "with y as (select x from marts.mart) select * from y",
        "(select 1 as x)",
        "select x from marts.mart where x::text like '%1%'",
    ],
)
def test_postgres_answers_queries(database, written, sql):
    assert [list(row.values()) for row in query(database, sql)] == [[1]]


@pytest.fixture(scope="module")
def reading(lasting_toy):
    """A session in a home with tables, whose DuckDB is the one that users get."""
    lasting_toy.source.rows = [event("a", 1, at(0))]
    lasting_toy.run(0)
    home = lasting_toy.folder / HOME
    (home / "private").write_text("private")
    (home / "warehouse-of-another").mkdir()
    (home / "warehouse-of-another/x").write_text("private")
    with lasting_toy.session as session:
        del session.reader  # the one that tests share
        yield session


@pytest.fixture
def asked(reading, monkeypatch):
    """Asks it, as the command does, with `{home}` in place of the home."""
    monkeypatch.chdir(reading.settings.root)
    return lambda sql: reading.query(sql.format(home=reading.settings.home)).to_pylist()


ELSEWHERE = [
    "from read_csv('/etc/hostname')",
    "from '/etc/hostname'",
    "from 'file:///etc/hostname'",
    f"from read_csv('{HOME}/private')",
    "from read_csv('{home}/private')",
    "from read_csv('{home}/warehouse/../private')",
    "from read_csv('{home}/warehouse-of-another/x')",
    "from read_csv('{home}/catalog.db')",
    "from read_csv('{home}/*')",
    "from glob('{home}/*')",
    "from glob('/*')",
    "from read_csv('/proc/self/environ')",
    "from read_json('http://127.0.0.1:9/x')",
    "from read_parquet('s3://bucket/x')",
    "from iceberg_scan('/etc/hostname')",
    "from read_text('/etc/hostname')",
    "from read_blob('/etc/hostname')",
    "from sniff_csv('/etc/hostname')",
    "from read_text('{home}/warehouse/runs')",
    "select getenv('HOME')",
    "from duckdb_secrets()",
    "from duckdb_settings()",
    "from query('from enable_logging()')",
    "from query('select ' || '1')",
    "from query_table('x')",
    "from json_execute_serialized_sql(json_serialize_sql('select 1'))",
    "from enable_logging('QueryLog', storage := 'file', storage_config := {{'path': '{home}/warehouse/log'}})",
    'from system.main."ENABLE_logging"()',
    "select (select count(*) from enable_logging())",
    "with x as (from enable_logging()) select 1",
    "from enable_profiling(save_location := '{home}/warehouse/profile')",
    "from checkpoint()",
    "from arrow_scan(1, 2, 3)",
    "from pandas_scan(1)",
]
CHANGES = [
    "copy (select 1) to '{home}/warehouse/written.csv'",
    "copy (select 1) to '{home}/written.csv'",
    "explain analyze copy (select 1) to '{home}/warehouse/written.csv'",
    "export database '{home}/warehouse/written'",
    "import database '/etc'",
    "attach '{home}/warehouse/written.db'",
    "attach '{home}/catalog.db' (type sqlite)",
    "install httpfs",
    "load httpfs",
    "install spatial from community",
    "set enable_external_access = true",
    "reset lock_configuration",
    "set memory_limit = '1TB'",
    "set variable x = 1",
    "pragma enable_profiling",
    "call enable_logging()",
    "checkpoint",
    "create table x as select 1",
    "create or replace view marts.total as select 1",
    "create secret (type s3)",
    "create persistent secret x (type s3)",
    "create macro f() as 1",
    "drop view marts.total",
    "insert into marts.total values (1)",
    "delete from marts.total",
    "update marts.total set rows = 0",
    "use memory",
    "begin",
    "select 1; select 2",
    "select 1; copy (select 1) to '{home}/warehouse/written.csv'",
    "prepare x as select 1",
    "vacuum",
    "",
]


@pytest.mark.long
@pytest.mark.parametrize("sql", [*ELSEWHERE, *CHANGES])
def test_duckdb_reads_the_warehouse_alone_and_writes_nothing(asked, reading, sql):
    before = files(reading.settings.root)
    with pytest.raises(QueryError, match="DuckDB: "):
        asked(sql)
    assert files(reading.settings.root) == before


def files(folder):
    """All files but what DuckDB has no room for in its memory."""
    return {path for path in folder.rglob("*") if "spill" not in path.parts}


@pytest.mark.parametrize(
    "sql",
    [
        "select id from raw.events",
        "from raw.events select id",
        "with x as (select id from raw.events) from x",
        "select id from raw.events at_all where id = 'a' order by all",
        "select id from read_parquet('{home}/warehouse/raw/events/data/**/*.parquet')",
        "select id from read_parquet('.lakehouse/warehouse/raw/events/data/**/*.parquet')",
        "select id from raw.events, range(1) union select id from raw.events",
        "select unnest(['a']) as id",
    ],
)
def test_duckdb_answers_queries(asked, sql):
    assert [row["id"] for row in asked(sql)] == ["a"]


@pytest.mark.parametrize(
    "sql", ["show all tables", "describe raw.events", "summarize raw.events", "values (1)"]
)
def test_duckdb_describes_tables(asked, sql):
    assert asked(sql)


def test_duckdb_knows_run_records_and_views(asked):
    assert asked("select status from lakehouse.runs") == [{"status": "done"}]
    assert asked("select id from silver.valid") == [{"id": "a"}]


@pytest.mark.parametrize("name", ["a b", "a'b", "a,b", "a[b]", "a%20b", "a*b", "a?b", "ä", "a#b"])
def test_duckdb_reads_a_warehouse_at_any_path(tmp_path, name):
    warehouse = tmp_path / name / "warehouse"
    warehouse.mkdir(parents=True)
    (warehouse / "x.csv").write_text("x\n1\n")
    (tmp_path / name / "private.csv").write_text("x\n1\n")
    engine = duckdb.connect(tmp_path / "spill", (), only=warehouse)
    read = f"from read_csv({path_literal(f'{warehouse}/x.csv')})"
    assert engine.query(read, {}).to_pylist() == [{"x": 1}]
    for elsewhere in ("/private.csv", "/warehouse/../private.csv"):
        with pytest.raises(QueryError, match="Permission"):
            engine.query(read.replace("/warehouse/x.csv", elsewhere), {})


def test_duckdb_reads_a_warehouse_behind_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk/x.csv").write_text("x\n1\n")
    (tmp_path / "warehouse").symlink_to(tmp_path / "disk")
    engine = duckdb.connect(tmp_path / "spill", (), only=tmp_path / "warehouse")
    assert engine.query(f"from read_csv('{tmp_path}/warehouse/x.csv')", {}).to_pylist() == [
        {"x": 1}
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "from read_csv('s3://lake/warehouse/../private/x.csv')",
        "from read_csv('s3://lake/warehouse/x.csv?s3_endpoint=127.0.0.1:9')",
        "from read_csv('s3://lake/warehouse/' || chr(46) || './private/x.csv')",
        "from 's3://lake/warehouse/../private/x.csv'",
        "from 's3://lake/warehouse/x.csv?s3_endpoint=127.0.0.1:9'",
        "select (select count(*) from 's3://lake/warehouse/x.csv')",
        'from "s3://lake/warehouse/../private/x".csv',
        "from iceberg_scan('s3://lake/warehouse/../private')",
        "from read_csv('/etc/hostname')",
    ],
)
def test_duckdb_reads_no_file_of_a_bucket_by_its_name(tmp_path, sql):
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self):
            asked.append(self.rfile.readline())

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        bucket = Bucket(
            f"http://127.0.0.1:{port}", "x", Keys(SecretStr("key"), SecretStr("secret"))
        )
        only = bucket.path("s3://lake/warehouse")
        engine = duckdb.connect(tmp_path / "spill", (), bucket=bucket, only=only)
        with pytest.raises(QueryError):
            engine.query(sql, {})
    assert asked == []


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        " (select 1)",
        "-- x\nselect 1",
        "/* x */ with a as (select 1) table a",
        "VALUES 1",
    ],
)
def test_trino_is_asked_what_begins_as_a_query(sql):
    assert _QUERY.match(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "delete from x",
        "-- select 1\ndelete from x",
        "/* select */ drop table x",
        "/* /* select */ delete from x",
        "call system.sync()",
        "explain analyze delete from x",
        "set session a = 1",
        "create catalog x using memory",
        "execute immediate 'delete from x'",
        "selection",
        "",
    ],
)
def test_trino_is_asked_nothing_else(sql):
    assert not _QUERY.match(sql)
