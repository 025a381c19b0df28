"""No secret is anywhere but where it is used, and nothing is connected to but what is configured."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from receivers import Web

from lakehouse.errors import COULD_NOT_RUN, FOUND_PROBLEMS

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "tests/ingestion"))

from loopback import Scripted  # noqa: E402 - the folder has to be on the path first

TOKEN, PASSWORD, POSTGRES = "planted-token-7e57", "planted-alert-c0de", "planted-postgres-f00d"
WATCHER = """
import os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        with open(os.environ["WATCHED"], "a") as file:
            file.write(f"{event} {arguments[1] if event != 'socket.getaddrinfo' else arguments[:2]!r}\\n")

sys.addaudithook(watch)
"""


@pytest.fixture
def command(tmp_path, database):
    """Runs a command with secrets in every setting; what it printed, and what it connected to."""
    (tmp_path / "sitecustomize.py").write_text(WATCHER)
    (tmp_path / "lakehouse.toml").write_text("[project]\n[nightscout]\nattempts = 1\n")
    watched = tmp_path / "watched"
    watched.touch()
    settings = {
        "WATCHED": str(watched),
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        "LAKEHOUSE_HOME": str(tmp_path / "home"),
        "LAKEHOUSE_POSTGRES_URL": database.replace("postgres:@", f"postgres:{POSTGRES}@"),
        "NIGHTSCOUT_TOKEN": TOKEN,
    }

    def run(*words, **variables):
        done = subprocess.run(
            [sys.executable, "-m", "lakehouse", "--debug", *words],
            check=False,
            cwd=tmp_path,
            env={**os.environ, **settings, **variables},
            capture_output=True,
            text=True,
        )
        return done, watched.read_text().splitlines()

    return run


def secrets_in(folder):
    """The files that hold a secret."""
    secrets = [each.encode() for each in (TOKEN, PASSWORD, POSTGRES)]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if any(secret in path.read_bytes() for secret in secrets)]


def test_a_run_keeps_its_secrets_and_to_its_addresses(command, tmp_path):
    web, good = Web(), json.dumps([{"_id": "a", "type": "sgv", "date": 1710504000000, "sgv": 5}])
    with Scripted(lambda handler: handler.send(200, good.encode())) as source, web.open() as alerts:
        address = alerts.replace("hush-hush", PASSWORD)
        variables = {"NIGHTSCOUT_URL": source.url, "LAKEHOUSE_ALERTS": address}
        done, seen = command("run", "--date", "2024-03-15", **variables)
        assert done.returncode == 0, done.stderr
        assert source.asked[0]["token"] == TOKEN
        ours = {source.url.rpartition(":")[2], alerts.split("127.0.0.1:")[1].partition("/")[0]}
    said = done.stdout + done.stderr
    assert [each for each in (TOKEN, PASSWORD, POSTGRES) if each in said] == []
    assert secrets_in(tmp_path / "home") == []
    network = [line for line in seen if "'127.0.0.1'" in line or "AF_INET" in line or "('" in line]
    assert [line for line in network if not any(port in line for port in ours)] == []


def test_servers_that_do_not_answer_are_named_without_secrets(command, tmp_path):
    nobody = "127.0.0.1:9"
    done, _ = command(
        "run",
        "--date",
        "2024-03-15",
        NIGHTSCOUT_URL=f"http://{nobody}",
        LAKEHOUSE_ALERTS=f"json://user:{PASSWORD}@{nobody}/ mailto://user:{PASSWORD}@{nobody}",
        LAKEHOUSE_POSTGRES_URL=f"postgresql://user:{POSTGRES}@{nobody}/db",
    )
    said = done.stdout + done.stderr
    assert done.returncode in (COULD_NOT_RUN, FOUND_PROBLEMS)
    assert "cannot be reached" in said
    assert "alert channel 1 (json)" in said
    assert [each for each in (TOKEN, PASSWORD, POSTGRES) if each in said] == []
    assert secrets_in(tmp_path / "home") == []
