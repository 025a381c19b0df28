"""Trino asks for the encryption of what it writes; the stack's own S3 server refuses to encrypt."""

import bucket
import pytest

from lakehouse.config import load
from lakehouse.doctor import servers, through_trino
from lakehouse.errors import ServerError

KEY = "arn:aws:kms:eu-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize(
    ("asked", "expected"), [("AES256", ("AES256", None)), (KEY, ("aws:kms", KEY))]
)
def test_each_file_of_trino_is_to_be_encrypted(on_trino, asked, expected):
    """Nessie hands Trino the metadata of tables, so that data may lie on another S3 server."""
    with bucket.serving() as kept:
        on_trino.environment |= {
            "LAKEHOUSE_S3_ENDPOINT": kept.url,
            "LAKEHOUSE_S3_ENCRYPTION": asked,
        }
        with on_trino.session as session:
            assert "written to and read" in through_trino.looks(session)["trino to s3"]()
    assert {write.encryption for write in kept.writes} == {expected}
    assert {write.path.rpartition(".")[2] for write in kept.writes} >= {"parquet", "avro"}


def test_a_server_that_cannot_encrypt_is_said(lake, tmp_path):
    (tmp_path / "lakehouse.toml").write_text("[project]\n")
    settings = load(tmp_path, lake | {"LAKEHOUSE_S3_ENCRYPTION": "AES256"})
    with pytest.raises(ServerError, match="NotImplemented") as told:
        servers.probes(settings)["s3"]()
    assert "LAKEHOUSE_S3_ENCRYPTION" in told.value.hint
