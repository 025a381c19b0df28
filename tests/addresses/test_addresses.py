"""Addresses: what is accepted means the same to libpq, and nothing is told of what is not."""

import copy
import json
import pickle
from urllib.parse import quote

import psycopg
import pytest
from addresses_with_passwords import ACCEPTED, FIRST, OF_THE_WEB, REFUSED, SECOND, hidden
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from lakehouse.addresses import alert_channels, repeatable
from lakehouse.addresses.postgres import OPTIONS, parse, postgres_address
from lakehouse.addresses.web import bucket_address, web_address
from lakehouse.errors import ConfigError


@pytest.mark.parametrize("slip", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_refused_and_not_repeated(slip):
    with pytest.raises(ConfigError, match="LAKEHOUSE_POSTGRES_URL") as raised:
        postgres_address(slip, "LAKEHOUSE_POSTGRES_URL")
    assert raised.value.hint
    assert hidden(f"{raised.value} {raised.value!r}")


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_can_be_read_shows_host_and_database(text):
    address = postgres_address(text, "LAKEHOUSE_POSTGRES_URL")
    assert address.shown == "host/db"
    assert address.reveal() == text.strip()
    assert psycopg.conninfo.conninfo_to_dict(address.reveal())["host"] == "host"


def test_an_address_shows_nothing_however_it_is_written():
    address = postgres_address(ACCEPTED[0], "LAKEHOUSE_POSTGRES_URL")
    assert hidden(f"{address} {address!r} {vars(address)}")
    assert hidden(json.dumps({"address": address}, default=str))
    for keep in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            keep(address)


def test_a_database_with_an_odd_name_is_used_but_not_shown():
    address = postgres_address("postgresql://host:1/my%20marts", "X")
    assert (address.shown, parse(address.reveal())["dbname"]) == ("host:1/", "my marts")


def test_several_hosts_are_shown_each_with_its_port():
    assert str(postgres_address("postgresql://a,b:2/db", "X")) == "a,b:2/db"
    assert str(postgres_address("host=a,b port=1", "X")) == "a:1,b:1/"


def test_we_know_the_options_that_libpq_knows():
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    assert known == OPTIONS


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
HOSTS = st.sampled_from(["host", "10.0.0.1", "a-b.example.org", "[::1]", "/run/postgres", ""])
ANYTHING = st.text(st.sampled_from("aZ09:/@?#[]%=&' \\\"ßpostgresql.,\n-"), max_size=40)


@given(WORDS, WORDS, HOSTS, st.one_of(st.none(), st.integers(1, 65535)), WORDS)
def test_a_uri_means_the_same_to_libpq(user, password, host, port, database):
    place = quote(host, safe="[:]") + (f":{port}" if port else "")
    uri = f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@{place}"
    uri += f"/{quote(database, safe='')}"
    assert_same(uri)
    if not any(mark in database for mark in ("://", "@", "=")):
        assert parse(uri).get("password", "") == password


@given(st.dictionaries(st.sampled_from(["user", "password", "dbname"]), WORDS))
def test_pairs_mean_the_same_to_libpq(values):
    quoted = {key: value.replace("\\", "\\\\").replace("'", "\\'") for key, value in values.items()}
    assert_same(" ".join(["host = h", *(f"{key}='{value}'" for key, value in quoted.items())]))


@given(st.sampled_from(["postgresql://", "postgres://", "host=", "password = ", ""]), ANYTHING)
def test_whatever_is_accepted_means_the_same_to_libpq(beginning, rest):
    assert_same(beginning + rest)


def assert_same(text):
    """Either we refuse the text, or libpq reads it as we do."""
    try:
        address = postgres_address(text, "X")
    except ConfigError:
        return
    ours = parse(address.reveal())
    theirs = {key: value for key, value in conninfo_to_dict(address.reveal()).items() if value}
    assert ours == theirs


@pytest.mark.parametrize("may_have_user", [True, False])
@pytest.mark.parametrize("text", OF_THE_WEB)
def test_an_address_of_the_web_holds_no_password(text, may_have_user):
    with pytest.raises(ConfigError, match="LAKEHOUSE_TRINO_URL") as raised:
        web_address(text, "LAKEHOUSE_TRINO_URL", secrets_in="", may_have_user=may_have_user)
    assert hidden(f"{raised.value} {raised.value!r}")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" http://host:8080/ ", "http://host:8080"),
        ("HTTPS://a.example.org/x/y/", "https://a.example.org/x/y"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("http://user@trino:8080", "http://user@trino:8080"),
    ],
)
def test_an_address_of_the_web_may_name_a_user(text, address):
    assert web_address(text, "X", secrets_in="", may_have_user=True) == address


@pytest.mark.parametrize(
    "text",
    [*OF_THE_WEB, "s3://", "s3:/bucket", "/a/folder", "s3://b/x?y=z", "s3://b/a*b", "s3://b/a[b]c"],
)
def test_what_is_no_bucket_is_refused_and_not_repeated(text):
    with pytest.raises(ConfigError, match="LAKEHOUSE_WAREHOUSE") as raised:
        bucket_address(text, "LAKEHOUSE_WAREHOUSE")
    assert hidden(f"{raised.value} {raised.value!r}")


def test_a_channel_shows_its_scheme_alone():
    text = f"json://user:{FIRST}@host/{SECOND} slack://{FIRST}/{SECOND} mailto//{FIRST} {SECOND}"
    channels = alert_channels(text)
    assert [str(channel) for channel in channels] == ["json", "slack", "?", "?"]
    assert hidden(repr(channels))


@pytest.mark.parametrize("text", [*REFUSED.values(), *ACCEPTED, *OF_THE_WEB])
def test_what_could_be_an_address_is_not_repeated_where_a_name_belongs(text):
    bare = text in {f"{FIRST}{SECOND}", f"/run/secrets/{FIRST}{SECOND}"}
    assert bare or hidden(repeatable(text))


@pytest.mark.parametrize("name", ["Europe/Oslo", "CEST?", "22:00-25:00", 3, True, "", "a b"])
def test_a_name_is_repeated(name):
    assert repeatable(name) == repr(name)
