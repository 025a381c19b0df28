"""The keys to a bucket come from where people have them, and every library gets the same."""

import pytest

from lakehouse.config import load
from lakehouse.engines import duckdb_connection
from lakehouse.errors import ConfigError

PRODUCTION = {
    "LAKEHOUSE_PROFILE": "production",
    "LAKEHOUSE_ENGINE": "duckdb",
    "LAKEHOUSE_NESSIE_URL": "http://127.0.0.1:9",
    "LAKEHOUSE_WAREHOUSE": "s3://lake/warehouse",
}
NAMED = {"AWS_ACCESS_KEY_ID": "named", "AWS_SECRET_ACCESS_KEY": "secret-of-named"}
FILE = """[default]
aws_access_key_id = usual
aws_secret_access_key = secret-of-usual
[other]
aws_access_key_id = other
aws_secret_access_key = secret-of-other
aws_session_token = token-of-other
"""


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine with a file of keys, and nothing else of AWS."""
    for name in (*NAMED, "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    (tmp_path / "credentials").write_text(FILE)
    (tmp_path / "lakehouse.toml").write_text("[project]\n")


def bucket(folder, **variables):
    return load(folder, {**PRODUCTION, **variables}).servers.bucket


def keys(of):
    return list(of.keys.named("key", "secret", "token").values())


def test_keys_that_are_named_go_first(tmp_path):
    found = bucket(tmp_path, **NAMED, AWS_SESSION_TOKEN="token", AWS_PROFILE="other")
    assert keys(found) == ["named", "secret-of-named", "token"]


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ({}, ["usual", "secret-of-usual"]),
        ({"AWS_PROFILE": "other"}, ["other", "secret-of-other", "token-of-other"]),
    ],
)
def test_without_them_those_of_a_profile_are_taken(tmp_path, profile, expected):
    assert keys(bucket(tmp_path, **profile)) == expected


@pytest.mark.parametrize("left", NAMED)
def test_half_a_key_is_refused(tmp_path, left):
    with pytest.raises(ConfigError, match="the key to the bucket needs") as told:
        bucket(tmp_path, **{left: NAMED[left]})
    assert NAMED[left] not in str(told.value)


def test_no_key_at_all_is_said_when_one_is_needed(tmp_path):
    (tmp_path / "credentials").unlink()
    with pytest.raises(ConfigError, match="there is no key to the bucket"):
        _ = bucket(tmp_path).keys


def test_an_unknown_profile_is_said(tmp_path):
    with pytest.raises(ConfigError, match="there is no key to the bucket: ProfileNotFound"):
        _ = bucket(tmp_path, AWS_PROFILE="nobody").keys


@pytest.mark.parametrize(
    ("variables", "style"),
    [
        ({}, "vhost"),
        ({"LAKEHOUSE_S3_ENDPOINT": "http://127.0.0.1:9"}, "path"),
        (
            {"LAKEHOUSE_S3_ENDPOINT": "http://127.0.0.1:9", "LAKEHOUSE_S3_PATH_STYLE": "false"},
            "vhost",
        ),
        ({"LAKEHOUSE_S3_PATH_STYLE": "true"}, "path"),
    ],
)
def test_duckdb_is_told_the_keys_the_token_and_the_style(tmp_path, variables, style):
    of = bucket(tmp_path, **variables, AWS_PROFILE="other")
    with duckdb_connection.open_connection(None, (), of) as connection:
        query = "SELECT secret_string FROM duckdb_secrets()"
        ((told,),) = connection.execute(query).fetchall()
    assert f"url_style={style}" in told
    assert "key_id=other" in told
    assert "session_token=redacted" in told
