"""What statements that make catalogs say of logging in: names of secrets, and none of them."""

import re
from dataclasses import replace

import pytest
from pydantic import SecretStr

from lakehouse.addresses.postgres import postgres_address
from lakehouse.config import Servers
from lakehouse.engines.trino_catalogs import Catalogs
from lakehouse.engines.trino_client import Answer
from lakehouse.identity import NOBODY, ClientCredentials, Identity, Token
from lakehouse.storage import Bucket
from lakehouse.system.aws_keys import Keys
from lakehouse.system.aws_requests import Encryption

PLANTED = "planted-c0de"
BUCKET = Bucket(None, "here", Keys(SecretStr(PLANTED), SecretStr(PLANTED)))
CREDENTIALS = {
    "token": (Token(SecretStr(PLANTED)), "LAKEHOUSE_NESSIE_TOKEN"),
    "client": (
        ClientCredentials("https://issuer/token", "etl", SecretStr(PLANTED), "catalog"),
        "LAKEHOUSE_NESSIE_CLIENT_SECRET",
    ),
}


class Heard:
    """Keeps the statements that a Trino would be told."""

    def __init__(self):
        self.statements = []

    def run(self, sql, **_):
        self.statements.append(sql)
        return Answer([], [], [], 0)


@pytest.fixture
def told():
    """What Trino is told to make the catalogs of a branch and of Postgres."""

    def told(identity=NOBODY, bucket=BUCKET, **settings):
        heard = Heard()
        servers = Servers(
            "https://nessie", None, "s3://lake", bucket, nessie_identity=identity, **settings
        )
        catalogs = Catalogs(heard, servers, lambda: None)
        catalogs.of("run-1")
        named = catalogs.of_postgres(postgres_address(f"postgresql://u:{PLANTED}@h/db", "X"))
        return "\n".join(heard.statements), named

    return told


@pytest.mark.parametrize("provider", ["ENV", "keystore"])
@pytest.mark.parametrize(("credential", "name"), CREDENTIALS.values(), ids=CREDENTIALS)
def test_a_secret_is_named_and_not_told(told, credential, name, provider):
    text, _ = told(Identity(credential), trino_secrets=provider)
    assert PLANTED not in text
    assert f"${{{provider}:{name}}}" in text
    assert f"${{{provider}:LAKEHOUSE_POSTGRES_PASSWORD}}" in text


def test_who_asks_nobody_is_told_no_name(told):
    assert "oauth2" not in told()[0]


def test_a_catalog_of_postgres_that_trino_has_is_taken_as_it_is(told):
    text, named = told(trino_postgres_catalog="marts")
    assert named == "marts"
    assert "postgresql" not in text


def test_a_warehouse_is_named(told):
    assert "\"iceberg.rest-catalog.warehouse\" = 'team-a'" in told(nessie_warehouse="team-a")[0]


@pytest.mark.parametrize(
    ("encryption", "properties"),
    [
        (None, {}),
        (Encryption(), {"s3.sse.type": "S3"}),
        (Encryption("alias/lake"), {"s3.sse.type": "KMS", "s3.sse.kms-key-id": "alias/lake"}),
    ],
)
def test_encryption_of_the_bucket_is_told(told, encryption, properties):
    text, _ = told(bucket=replace(BUCKET, encryption=encryption))
    assert dict(re.findall(r'"(s3\.sse\.[a-z-]+)" = \'([^\']*)\'', text)) == properties
