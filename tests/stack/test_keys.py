"""A run whose keys to the bucket are in a file of AWS instead of the environment."""

from toy import Toy, at, event

from lakehouse.config import load
from lakehouse.engines import duckdb


def test_all_libraries_take_the_keys_of_a_profile(tmp_path, lake, source, monkeypatch):
    key, secret = lake.pop("AWS_ACCESS_KEY_ID"), lake.pop("AWS_SECRET_ACCESS_KEY")
    (tmp_path / "credentials").write_text(
        f"[ours]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    lake |= {"AWS_PROFILE": "ours"}
    (tmp_path / "lakehouse.toml").write_text("[project]\n")
    bucket = load(tmp_path, lake).servers.bucket
    source.rows = [event("a", 1, at(0))]
    toy = Toy(tmp_path, lake["LAKEHOUSE_POSTGRES_URL"], source, duckdb.connect(bucket=bucket), lake)
    toy.run(0)
    assert toy.published("total") == toy.rows("marts.total") == [{"rows": 1, "total": 1}]
