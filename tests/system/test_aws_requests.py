"""Whatever writes to a bucket asks for encryption, and signs with the key that is found."""

from contextlib import closing

import bucket as buckets
import pyarrow as pa
import pytest
from loopback import Scripted, body
from s3fs import S3FileSystem

from lakehouse.addresses.encryption import encryption
from lakehouse.catalogs.bucket_files import file_io
from lakehouse.config import load
from lakehouse.doctor import servers as doctor
from lakehouse.engines import duckdb
from lakehouse.errors import ConfigError, QueryError
from lakehouse.ingest.stage import stage
from lakehouse.system.aws_requests import Encryption

KEY = "arn:aws:kms:eu-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
KINDS = {"AES256": ("AES256", None), KEY: ("aws:kms", KEY)}
MANY = "SELECT range AS id, make_timestamp(range * 3600000000) AS at FROM range(3000)"


def by_s3fs(servers, place, _):
    (place / "small.json").write_bytes(b"{}")
    assert (place / "small.json").read_bytes() == b"{}"
    return 1


def by_s3fs_in_parts(servers, place, _):
    (place / "large").write_bytes(b"x" * (51 << 20))
    assert (place / "large").stat().st_size == 51 << 20
    return 1


def by_pyiceberg(servers, place, _):
    io, file = file_io(servers.bucket), f"{place}/metadata/manifest.avro"
    with io.new_output(file).create() as opened:
        opened.write(b"rows")
    with io.new_input(file).open() as opened:
        assert opened.read() == b"rows"
    io.delete(file)
    return 1


def by_duckdb(servers, place, folder):
    with closing(duckdb.connect(folder / "spill", bucket=servers.bucket)) as engine:
        whole, rows = engine.copy(MANY, f"{place}/whole", None)
        parted, again = engine.copy(MANY, f"{place}/parted", "at")
        assert rows == again == 3000
        assert all(file.startswith("s3://lake/") for file in [*whole, *parted])
        for files in (whole, parted):
            assert engine.scalar(f"SELECT count(*) FROM read_parquet({files})") == 3000
    return len(whole) + len(parted)


def by_dlt(servers, place, _):
    files = stage({"events": [pa.table({"id": [1, 2]})]}, group="all", folder=place)
    assert len(files["events"]) == 1
    return 1


def by_the_doctor(servers, place, _):
    assert "can be written to" in doctor._s3(servers)
    return 1


WRITERS = [by_s3fs, by_s3fs_in_parts, by_pyiceberg, by_duckdb, by_dlt, by_the_doctor]


@pytest.fixture(scope="module")
def kept():
    with buckets.serving() as kept:
        yield kept


@pytest.fixture
def written(tmp_path, kept):
    """Lets a writer write; returns what it asked the server for."""
    (tmp_path / "lakehouse.toml").write_text("[project]\n")

    def written(writer, **variables):
        kept.writes.clear()
        S3FileSystem.clear_instance_cache()  # of a server that is reached by other keys now
        given = {
            "LAKEHOUSE_PROFILE": "production",
            "LAKEHOUSE_ENGINE": "duckdb",
            "LAKEHOUSE_NESSIE_URL": "http://127.0.0.1:9",
            "LAKEHOUSE_WAREHOUSE": "s3://lake/warehouse",
            "LAKEHOUSE_S3_ENDPOINT": kept.url,
        }
        settings = load(tmp_path, given | variables)
        least = writer(settings.servers, settings.warehouse / writer.__name__, tmp_path)
        assert len(kept.writes) >= least
        return kept.writes

    return written


NAMED = {"AWS_ACCESS_KEY_ID": "named", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.mark.sample(1)
@pytest.mark.parametrize("kind", KINDS, ids=["s3", "kms"])
@pytest.mark.parametrize("writer", WRITERS)
def test_each_file_is_to_be_encrypted_as_the_settings_say(written, writer, kind):
    for write in written(writer, **NAMED, LAKEHOUSE_S3_ENCRYPTION=kind):
        assert write.encryption == KINDS[kind]
        assert "x-amz-server-side-encryption" in write.signed


@pytest.mark.sample(1)
@pytest.mark.parametrize("writer", WRITERS)
def test_nothing_is_asked_for_unless_they_do(written, writer):
    assert {write.encryption for write in written(writer, **NAMED)} == {(None, None)}


def test_a_write_that_fails_is_an_error(written, kept, monkeypatch):
    """Files that pass through s3fs are made when they are closed."""
    monkeypatch.setattr(kept, "refuses", True)
    with pytest.raises(QueryError, match="refused"):
        written(by_duckdb, **NAMED, LAKEHOUSE_S3_ENCRYPTION="AES256")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (KEY, KEY),
        ("alias/lake", "alias/lake"),
        ("1234abcd-12ab-34cd-56ef-1234567890ab", "1234abcd-12ab-34cd-56ef-1234567890ab"),
        ("mrk-1234abcd12ab34cd56ef1234567890ab", "mrk-1234abcd12ab34cd56ef1234567890ab"),
        ("AES256", None),
    ],
)
def test_ways_to_name_a_key(text, key):
    assert encryption(text) == Encryption(key)


@pytest.mark.parametrize(
    "text", ["aws:kms", "aes256", "true", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY", "arn:aws:s3:::b"]
)
def test_what_names_no_key_is_refused_and_not_repeated(text):
    with pytest.raises(ConfigError, match="names no encryption") as told:
        encryption(text)
    assert text not in str(told.value).replace("`s3_encryption`", "")


ROLE = b"""<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>of-the-role</AccessKeyId>
<SecretAccessKey>secret-of-the-role</SecretAccessKey><SessionToken>token-of-the-role</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""


@pytest.fixture
def role(tmp_path, monkeypatch):
    """A machine whose only credential is a token for a role, as pods of Kubernetes have it."""
    for name in (*NAMED, "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "token").write_text("token-of-the-pod")
    with Scripted(body(ROLE, Content_Type="text/xml")) as sts:
        for name, value in {
            "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/lake",
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
            "AWS_ENDPOINT_URL_STS": sts.url,
            "AWS_REGION": "us-east-1",
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            monkeypatch.setenv(name, value)
        yield sts


@pytest.mark.sample(1)
@pytest.mark.parametrize("writer", [writer for writer in WRITERS if writer is not by_s3fs_in_parts])
def test_a_role_that_a_token_gives_signs_all_that_is_written(written, role, writer):
    for write in written(writer):
        assert write.key == "of-the-role"
        assert write.headers["x-amz-security-token"] == "token-of-the-role"
    assert role.forms[-1]["RoleArn"] == "arn:aws:iam::111122223333:role/lake"
    assert role.forms[-1]["WebIdentityToken"] == "token-of-the-pod"
