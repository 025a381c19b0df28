"""PyIceberg's settings: those of whoever runs it do not count."""

import subprocess
import sys

import pytest
from processes import environment
from pyiceberg.utils.config import Config
from seen import needless

from lakehouse.patches import pyiceberg_settings

PATCH = "pyiceberg_settings"
READ = "from pyiceberg.utils.config import Config; print(Config().get_int('max-workers'))"
OURS = "from lakehouse.catalogs import sqlite_tables, nessie_tables;"


def told(tmp_path, program):
    (tmp_path / ".pyiceberg.yaml").write_text("max-workers: 7\n")
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        cwd=tmp_path,
        env=environment(HOME=str(tmp_path)),
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.mark.long
def test_what_a_user_says_to_pyiceberg_is_not_heard(tmp_path):
    assert told(tmp_path, OURS + READ) == "None"


@pytest.mark.long
def test_pyiceberg_still_hears_it(tmp_path):
    assert told(tmp_path, READ) == "7", needless(PATCH, "pyiceberg")


def test_pyiceberg_keeps_its_settings_where_we_leave_none(monkeypatch):
    monkeypatch.setenv("PYICEBERG_MAX_WORKERS", "many")
    assert pyiceberg_settings.Config is Config
    assert (Config().config, Config().get_int("max-workers")) == ({}, None)
    assert Config().get_catalog_config("main") is None
