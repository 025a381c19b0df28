"""The command that writes the bundle of the glucose project."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PLANTED = {
    "LAKEHOUSE_POSTGRES_URL": "postgresql://planted-user:planted-1@db.example/glucose?sslmode=require",
    "LAKEHOUSE_ALERTS": "json://planted-2@example.org",
    "NIGHTSCOUT_URL": "https://ns.example",
    "NIGHTSCOUT_API_SECRET": "planted-3-of-a-site",
    "PGPASSWORD": "planted-4",
    "AWS_SECRET_ACCESS_KEY": "planted-5",
}
TOLD = {"postgresql+psycopg2://lakehouse_reader@db.example/glucose?sslmode=require"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """What the command printed, and the documents, with secrets in every setting."""
    folder = tmp_path_factory.mktemp("export")
    command = [
        sys.executable,
        "-m",
        "lakehouse",
        "superset",
        "export",
        "-o",
        str(folder / "bundle"),
    ]
    environment = {**os.environ, **PLANTED, "LAKEHOUSE_HOME": str(folder / "home")}
    done = subprocess.run(
        [*command, "--format", "json"],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    texts = {
        str(path.relative_to(folder / "bundle")): path.read_text(encoding="utf-8")
        for path in (folder / "bundle").rglob("*.yaml")
    }
    return done.stdout + done.stderr, texts


@pytest.mark.long
def test_the_bundle_of_the_project_has_its_dashboard(exported):
    said, texts = exported
    document = json.loads(said)
    assert document["dashboards"] == ["Glucose"]
    assert document["charts"] == sum(path.startswith("charts/") for path in texts) == 12
    (uri,) = {
        yaml.safe_load(texts[path])["sqlalchemy_uri"] for path in texts if "databases/" in path
    }
    assert {uri} == {document["address"]} == TOLD


@pytest.mark.long
def test_each_column_of_each_table_is_described(exported):
    _, texts = exported
    tables = [yaml.safe_load(text) for path, text in texts.items() if path.startswith("datasets/")]
    assert len(tables) == 12
    silent = [
        (table["table_name"], column["column_name"])
        for table in tables
        for column in table["columns"]
        if not column["description"]
    ]
    assert silent == []


@pytest.mark.long
def test_no_secret_of_any_setting_is_told_or_written(exported):
    said, texts = exported
    assert [where for where, text in {"": said, **texts}.items() if "planted" in text] == []


@pytest.mark.long
def test_no_figure_is_a_mean_of_shares(exported):
    """Days have different numbers of readings: shares and means are weighted by these."""
    _, texts = exported
    metrics = [
        metric["expression"]
        for path, text in texts.items()
        if path.startswith("datasets/")
        for metric in yaml.safe_load(text)["metrics"]
    ]
    assert metrics
    assert [sql for sql in metrics if "AVG(" in sql.upper() or "percent_" in sql] == []
