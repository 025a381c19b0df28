"""The role that reads the marts in the embedded Postgres, and cannot do anything else there."""

from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import Error

from lakehouse.postgres import roles


@pytest.fixture(scope="module")
def owner(postgres_server):
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("create table marts.mart as select 1 as x")
        connection.execute("create sequence marts.numbers")
        connection.execute("create schema lakehouse_staging")
        connection.execute("create table lakehouse_staging.half as select 1 as x")
        yield connection
        connection.execute("drop table marts.mart")
        connection.execute("drop sequence marts.numbers")
        connection.execute("drop schema lakehouse_staging cascade")


@pytest.fixture
def reader(owner, postgres_server):
    address = postgres_server.replace(f"://{roles.OWNER}@", f"://{roles.READER}@")
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


def test_it_reads_marts_also_those_that_come_later(owner, reader):
    owner.execute("create table marts.later as select 2 as x")
    found = reader.execute("select mart.x, later.x from marts.mart, marts.later").fetchall()
    owner.execute("drop table marts.later")
    assert found == [(1, 2)]


def test_it_is_nobody_in_particular(reader):
    found = reader.execute(
        "select rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls,"
        " (select count(*) from pg_auth_members where member = pg_roles.oid)"
        " from pg_roles where rolname = current_user"
    )
    assert found.fetchone() == (False, 0)


ATTACKS = [
    "delete from marts.mart",
    "truncate marts.mart",
    "drop table marts.mart",
    "insert into marts.mart values (2)",
    "create table marts.x (a int)",
    "create table public.x (a int)",
    "create temporary table x (a int)",
    "create schema x",
    "create role x",
    "create database x",
    "create extension plpgsql_check",
    "create function marts.f() returns int language sql as 'select 1'",
    "select nextval('marts.numbers')",
    "select * from lakehouse_staging.half",
    "select * from pg_authid",
    "copy (select 1) to program 'true'",
    "copy (select 1) to '/tmp/lakehouse-should-not-be-here'",
    "copy marts.mart from program 'echo 1'",
    "select pg_read_file('/etc/hostname')",
    "select pg_ls_dir('.')",
    "select lo_create(0)",
    "select lo_import('/etc/hostname')",
    "select lo_from_bytea(0, 'x')",
    "select pg_advisory_lock(7305818223117)",
    "select pg_try_advisory_xact_lock(1, 2)",
    "select pg_reload_conf()",
    "set role postgres",
    "set session authorization postgres",
    "alter role lakehouse_reader superuser",
    "alter system set fsync = off",
    "do $$ begin execute 'drop table marts.mart'; end $$",
    "lock table marts.mart in access exclusive mode",
    "alter table marts.mart owner to lakehouse_reader",
    "grant all on schema lakehouse_staging to lakehouse_reader",
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_it_can_do_nothing_else_even_if_it_says_that_it_may_write(reader, attack):
    reader.execute("set default_transaction_read_only = off")
    with pytest.raises(Error):
        reader.execute(attack)


def test_nobody_can_read_its_password_but_by_the_file(reader):
    assert reader.execute("select rolpassword from pg_roles").fetchone() == ("********",)


def test_nobody_gets_in_without_a_password(postgres_server):
    without = postgres_server.partition("&passfile")[0]
    for user in (roles.OWNER, roles.READER, "nobody", "root", "pgserver"):
        for password in ("", ":", ":postgres"):
            address = without.replace("://postgres@", f"://{user}{password}@")
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(address)


def test_the_passwords_are_for_the_owner_of_the_home(postgres_server):
    parts = conninfo_to_dict(postgres_server)
    passfile, folder = Path(parts["passfile"]), Path(parts["host"])
    assert passfile.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    log = (folder / "log").read_text()
    assert not any(roles.password(passfile, role) in log for role in (roles.OWNER, roles.READER))
