"""The settings of the production profile."""

import zoneinfo

import pytest

from lakehouse import config
from lakehouse.config import load
from lakehouse.engines import duckdb
from lakehouse.errors import ConfigError

WHOLE = {
    "LAKEHOUSE_PROFILE": "production",
    "LAKEHOUSE_NESSIE_URL": "http://nessie:19120/",
    "LAKEHOUSE_TRINO_URL": "http://trino:8080",
    "LAKEHOUSE_WAREHOUSE": "s3://lake/warehouse",
    "LAKEHOUSE_POSTGRES_URL": "postgresql://postgres/marts",
    "AWS_ACCESS_KEY_ID": "the-key",
    "AWS_SECRET_ACCESS_KEY": "the-secret",
}


@pytest.fixture
def settings(tmp_path):
    def read(environment, file="[project]\n"):
        (tmp_path / "lakehouse.toml").write_text(file)
        return load(tmp_path, environment)

    return read


def test_the_environment_is_enough(settings):
    servers = settings(WHOLE).servers
    assert (servers.nessie_url, servers.bucket.endpoint) == ("http://nessie:19120", None)
    assert settings(WHOLE).engine == "trino"


def test_the_file_may_name_servers_and_the_environment_goes_before_it(settings):
    file = """
        [project]
        profile = "production"
        engine = "duckdb"
        [production]
        nessie_url = "http://file:1"
        warehouse = "s3://lake/file"
    """
    secrets = {name: WHOLE[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    found = settings({**secrets, "LAKEHOUSE_NESSIE_URL": "http://environment:1"}, file).servers
    assert (found.nessie_url, found.warehouse) == ("http://environment:1", "s3://lake/file")


@pytest.mark.parametrize("missing", [name for name in WHOLE if name != "LAKEHOUSE_PROFILE"])
def test_what_is_missing_is_named(settings, missing):
    with pytest.raises(ConfigError, match=missing):
        settings({name: value for name, value in WHOLE.items() if name != missing})


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"LAKEHOUSE_PROFILE": "staging"}, "profile 'staging'"),
        ({"LAKEHOUSE_ENGINE": "spark"}, "engine 'spark'"),
        ({"LAKEHOUSE_WAREHOUSE": "/a/folder"}, "no place in a bucket"),
        ({"LAKEHOUSE_PROFILE": "local", "LAKEHOUSE_ENGINE": "trino"}, "no engine 'trino'"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings, changed, named):
    with pytest.raises(ConfigError, match=named):
        settings({**WHOLE, **changed})


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("project = 5", "`project` .* is no table"),
        ("[[project]]", "`project` .* is no table"),
        ("production = 'trino'", "`production` .* is no table"),
        ("[project]\ntimezone = 3", r"`timezone` in \[project\] .* is no text"),
        ("[project]\nprofile = ['local']", r"`profile` in \[project\] .* is no text"),
        ("[project]\nmodels = ['a', 'b']", r"`models` in \[project\] .* is no text"),
        ("[project]\nhome = false", r"`home` in \[project\] .* is no text"),
        ("[production]\nnessie_url = 19120", r"`nessie_url` in \[production\] .* is no text"),
    ],
)
def test_a_value_of_another_type_is_named(settings, file, named):
    with pytest.raises(ConfigError, match=named) as refused:
        settings({}, file)
    assert refused.value.hint


def test_secrets_are_not_shown(settings):
    shown = repr(settings(WHOLE))
    assert "the-secret" not in shown
    assert "the-key" not in shown


def test_duckdb_publishes_to_the_embedded_postgres_if_no_other_is_named(settings):
    laptop = {name: value for name, value in WHOLE.items() if "POSTGRES" not in name}
    assert settings({**laptop, "LAKEHOUSE_ENGINE": "duckdb"}).postgres_url is None


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ("file:///srv/lake", "is an address"),
        ("s3://lake/home", "is an address"),
        ("~nobody-of-this-name/lake", "names no folder"),
        ("a\udcffb", "is not UTF-8"),
        ("deep/" * 100, "longer than 480 bytes"),
        ("n" * 256, "longer than 255 bytes"),
        ("ä" * 128, "longer than 255 bytes"),
        ("a\\b[c", "for a pattern"),
        ('a"b', "without a second one"),
    ],
)
def test_a_path_that_cannot_be_a_home_is_refused_by_name(tmp_path, named, reason):
    (tmp_path / "lakehouse.toml").write_text("")
    with pytest.raises(ConfigError, match=reason) as refused:
        load(tmp_path, {"LAKEHOUSE_HOME": named})
    assert "set LAKEHOUSE_HOME" in refused.value.hint
    str(refused.value).encode()
    assert [path.name for path in tmp_path.iterdir()] == ["lakehouse.toml"]


def test_links_in_a_circle_are_no_home(tmp_path):
    (tmp_path / "lakehouse.toml").write_text("")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(ConfigError, match="circle"):
        load(tmp_path, {"LAKEHOUSE_HOME": "circle/home"})


def test_a_second_slash_in_front_of_a_home_is_left_out(tmp_path):
    (tmp_path / "lakehouse.toml").write_text("")
    assert load(tmp_path, {"LAKEHOUSE_HOME": f"/{tmp_path}/home"}).home == tmp_path / "home"


def test_every_zone_that_is_accepted_is_one_of_duckdb():
    engine = duckdb.connect(extensions=["icu"])
    names = engine.execute("SELECT name FROM pg_timezone_names()").fetchall()
    known = {name for (name,) in names}
    assert set(filter(_is_accepted, zoneinfo.available_timezones())) <= known


@pytest.mark.parametrize("name", ["posixrules", "localtime", "right/UTC", "Factory", "EST"])
def test_a_zone_of_the_operating_system_is_refused(name):
    with pytest.raises(ConfigError, match="no IANA time zone that all engines know"):
        config.zone(name, "X")


def _is_accepted(name):
    try:
        config.zone(name, "X")
    except ConfigError:
        return False
    return True
