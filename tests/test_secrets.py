"""No secret is anywhere but where it is used, and nothing is connected to but what is configured."""

import json
import logging
import os
import re
import subprocess
import sys
from contextlib import suppress
from hashlib import sha1
from pathlib import Path
from shutil import which

import psycopg
import pytest
from file_content import content
from loopback import Scripted
from psycopg.errors import DuplicateObject
from receivers import Web
from toy import query

from lakehouse.errors import COULD_NOT_RUN, FOUND_PROBLEMS

ROOT = Path(__file__).parent.parent
PASSWORD, POSTGRES = "planted-alert-c0de", "planted-postgres-f00d"
TOKEN = {"NIGHTSCOUT_TOKEN": "planted-token-7e57"}
SECRET = {"NIGHTSCOUT_API_SECRET": "planted-api-secret-5ec7"}
"""A person has one or the other."""
AWS = {
    "AWS_ACCESS_KEY_ID": "PLANTEDACCESSKEY0001",
    "AWS_SECRET_ACCESS_KEY": "planted-aws-secret-ab1e",
}
DIGEST = sha1(SECRET["NIGHTSCOUT_API_SECRET"].encode()).hexdigest()
"""What Nightscout is sent in place of the secret, and as good as it."""
PLANTED = (*(TOKEN | SECRET | AWS).values(), PASSWORD, POSTGRES, DIGEST)
NOBODY = "127.0.0.1:9"
RUN = ("run", "--date", "2024-03-15")
ANSWER = json.dumps([{"_id": "a", "type": "sgv", "date": 1710504000000, "sgv": 105}]).encode()
WATCHER = """
import os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        with open(os.environ["WATCHED"], "a") as file:
            file.write(f"{event} {arguments[1] if event != 'socket.getaddrinfo' else arguments[:2]!r}\\n")
    if event == "subprocess.Popen":
        with open(os.environ["WATCHED"], "a") as file:
            file.write(f"{event} {arguments[:2]!r}\\n")

sys.addaudithook(watch)
"""
TRACED = "strace -f -qq --seccomp-bpf -e trace=connect,sendto,sendmsg,sendmmsg -o"


@pytest.fixture
def source():
    """A Nightscout with one document."""
    with Scripted(lambda handler: handler.send(200, ANSWER)) as server:
        yield server


@pytest.fixture
def command(tmp_path, database):
    """Runs a command with secrets in every setting; what it printed, and what it connected to."""
    (tmp_path / "sitecustomize.py").write_text(WATCHER)
    (tmp_path / "lakehouse.toml").write_text("[project]\n[nightscout]\nattempts = 1\n")
    watched = tmp_path / "watched"
    watched.touch()
    settings = {
        **AWS,
        "WATCHED": str(watched),
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        "LAKEHOUSE_HOME": str(tmp_path / "home"),
        "LAKEHOUSE_POSTGRES_URL": with_password(database),
    }

    def run(*words, before=(), **variables):
        done = subprocess.run(
            [*before, sys.executable, "-m", "lakehouse", "--debug", *words],
            check=False,
            cwd=tmp_path,
            env={**os.environ, **settings, **variables},
            capture_output=True,
            text=True,
        )
        return done, watched.read_text().splitlines()

    return run


def with_password(database):
    """The address of the same database for another owner, who has the planted password."""
    with psycopg.connect(database, autocommit=True) as connection, suppress(DuplicateObject):
        connection.execute(f"CREATE ROLE planted SUPERUSER LOGIN PASSWORD '{POSTGRES}'")
    return database.replace("://postgres@", f"://planted:{POSTGRES}@")


def secrets_in(text):
    return [secret for secret in PLANTED if secret in text]


def files_with_secrets(folder):
    """The files that hold a secret, whatever they are compressed with."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if secrets_in(content(path))]


@pytest.mark.sample(0, long=1)
@pytest.mark.parametrize("credential", [TOKEN, SECRET], ids=["token", "secret"])
def test_a_run_keeps_its_secrets_and_to_its_addresses(command, tmp_path, source, credential):
    with Web().open() as alerts:
        address = alerts.replace("hush-hush", PASSWORD)
        variables = {"NIGHTSCOUT_URL": source.url, "LAKEHOUSE_ALERTS": address, **credential}
        done, seen = command(*RUN, **variables)
        assert done.returncode == 0, done.stderr
        sent = source.asked[0].get("token"), source.headers[0].get("api-secret")
        assert sent == ((*TOKEN.values(), None) if credential is TOKEN else (None, DIGEST))
        ours = {source.url.rpartition(":")[2], alerts.split("127.0.0.1:")[1].partition("/")[0]}
    assert secrets_in(done.stdout + done.stderr) == []
    assert [line for line in seen if "subprocess.Popen" in line]
    assert secrets_in("".join(seen)) == []  # everybody on the machine reads command lines
    assert files_with_secrets(tmp_path / "home") == []
    network = [line for line in seen if line.startswith("socket")]
    network = [
        line for line in network if "'127.0.0.1'" in line or "AF_INET" in line or "('" in line
    ]
    assert [line for line in network if not any(port in line for port in ours)] == []


@pytest.mark.long
@pytest.mark.skipif(which("strace") is None, reason="strace is not installed")
def test_native_code_keeps_to_the_addresses_too(command, tmp_path, source):
    """DuckDB, libpq and others open sockets that Python does not see; the system does."""
    trace = tmp_path / "trace"
    done, _ = command(*RUN, before=[*TRACED.split(), str(trace)], NIGHTSCOUT_URL=source.url)
    assert done.returncode == 0, done.stderr
    calls = trace.read_text()
    assert "AF_UNIX" in calls  # Postgres, by native code
    reached = set(re.findall(r"port=htons\((\d+)\).*?\"([\d.:a-f]+)\"", calls))
    assert reached == {(source.url.rpartition(":")[2], "127.0.0.1")}


@pytest.mark.sample(0, long=2)
@pytest.mark.parametrize("profile", ["local", "production"])
def test_servers_that_do_not_answer_are_named_without_secrets(command, tmp_path, profile):
    done, _ = command(
        *RUN,
        LAKEHOUSE_PROFILE=profile,
        LAKEHOUSE_WAREHOUSE="s3://lake/warehouse",
        LAKEHOUSE_S3_ENDPOINT=f"http://{NOBODY}",
        LAKEHOUSE_NESSIE_URL=f"http://{NOBODY}",
        LAKEHOUSE_TRINO_URL=f"http://{NOBODY}",
        NIGHTSCOUT_URL=f"http://{NOBODY}",
        **TOKEN,
        LAKEHOUSE_ALERTS=f"json://user:{PASSWORD}@{NOBODY}/ mailto://user:{PASSWORD}@{NOBODY}",
        LAKEHOUSE_POSTGRES_URL=f"postgresql://user:{POSTGRES}@{NOBODY}/db",
    )
    said = done.stdout + done.stderr
    assert done.returncode in (COULD_NOT_RUN, FOUND_PROBLEMS)
    assert "Traceback" in said
    assert NOBODY in said
    assert "alert channel 1 (json)" in said
    assert secrets_in(said) == []
    assert files_with_secrets(tmp_path / "home") == []


COMMANDS = [
    ["plan"],
    ["dag"],
    *(["dag", "-o", f"home/dag.{suffix}"] for suffix in ("svg", "html", "png", "mmd", "dot")),
    ["dag", "--columns", "-o", "home/columns.html"],
    ["lineage", "mrt_glucose_periods", "-o", "home/lineage.svg"],
    ["log"],
    ["show", "2"],
    ["why", "marts.mrt_glucose_periods", "period=all"],
    ["doctor"],
    ["branches"],
    ["quarantine"],
    ["freshness"],
    ["alerts"],
    *(["query", f"select * from lakehouse.{name}"] for name in ("runs", "nodes", "checks")),
    ["query", "select * from raw.glucose_entries"],
    ["maintain", "--dry-run"],
    ["schedule", "--print", "systemd"],
    ["site", "-o", "home/site"],
]


@pytest.mark.long
def test_no_command_no_log_no_picture_and_no_table_tells_a_secret(
    lakehouse, database, monkeypatch, tmp_path, source, caplog
):
    for name, secret in (SECRET | AWS).items():
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("NIGHTSCOUT_URL", source.url)
    monkeypatch.setenv("LAKEHOUSE_POSTGRES_URL", with_password(database))
    monkeypatch.setenv("LAKEHOUSE_ALERTS", f"json://user:{PASSWORD}@{NOBODY}/")
    caplog.set_level(logging.DEBUG)
    assert lakehouse(*RUN)[0] == 0
    told = {" ".join(words): lakehouse(*words) for words in COMMANDS}
    assert [words for words, (code, _) in told.items() if code == COULD_NOT_RUN] == []
    assert [words for words, answer in told.items() if secrets_in(str(answer))] == []
    assert files_with_secrets(tmp_path / "home") == []
    assert secrets_in(str(query(database, "select * from marts.mrt_glucose_overview"))) == []
    assert "urllib3" in caplog.text
    assert secrets_in(caplog.text) == []
