"""Everything that we and Trino write to a bucket asks for its encryption."""

from contextlib import closing
from urllib.parse import urlsplit

import pytest
from listening import listening
from toy import Toy, at, event

from lakehouse import config
from lakehouse.engines import duckdb

KEY = "arn:aws:kms:eu-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize(
    ("engine", "asked", "kind"), [("trino", KEY, "aws:kms"), ("duckdb", "AES256", "AES256")]
)
def test_each_file_of_a_run_is_to_be_encrypted(tmp_path, lake, source, engine, asked, kind):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    with listening(urlsplit(lake["LAKEHOUSE_S3_ENDPOINT"]).port) as heard:
        variables = lake | {
            "LAKEHOUSE_ENGINE": engine,
            "LAKEHOUSE_S3_ENDPOINT": heard.url,
            "LAKEHOUSE_S3_ENCRYPTION": asked,
        }
        (tmp_path / "lakehouse.toml").write_text("[project]\n")
        bucket = config.load(tmp_path, variables).servers.bucket
        with closing(duckdb.connect(tmp_path / "spill", bucket=bucket)) as own:
            toy = Toy(tmp_path, lake["LAKEHOUSE_POSTGRES_URL"], source, own, variables)
            toy.run(0, 1)
            assert toy.published("total") == [{"rows": 2, "total": 3}]
    writes = [*heard.writes()]
    assert {each.get("x-amz-server-side-encryption") for each in writes} == {kind}
    keys = {each.get("x-amz-server-side-encryption-aws-kms-key-id") for each in writes}
    assert keys == ({KEY} if asked == KEY else {None})
    agents = " ".join(each.get("user-agent", "") for each in writes)
    assert ("Trino" in agents or "aws-sdk-java" in agents) == (engine == "trino")
