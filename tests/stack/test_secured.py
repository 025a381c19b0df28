"""The project on servers that ask who is there, by TLS: everything works, and no secret is told.

`.stack/secured` keeps the servers if they run already: `deploy.secured.start` starts them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import date
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from encrypting import encrypting
from file_content import content
from pydantic import SecretStr

from deploy import issuer, secured, stack
from lakehouse.addresses.postgres import postgres_address
from lakehouse.config import load
from lakehouse.engines.trino_client import Client
from lakehouse.errors import PublishError, QueryError
from lakehouse.identity import Certificate, ClientCredentials, Identity, Password, Token
from lakehouse.postgres import connected

ROOT = Path(__file__).parents[2]
FOLDER = stack.ROOT / "secured"
TLS = FOLDER / "etc/tls"
LAST = date(2024, 3, 14)
FIRST = date(2024, 2, 14) if "EVERY_CASE" in os.environ else date(2024, 3, 12)
"""Days of the backfill: with EVERY_CASE, a month of them."""
DAYS = (LAST - FIRST).days + 2
"""How many days marts have: those of the backfill, and the day that was run before."""
JWT = re.compile(r"eyJ[\w-]{10,}\.eyJ")
"""How a token of the issuer begins."""


@pytest.fixture(scope="module")
def servers():
    """The variables that point at the running servers."""
    was_running = bool(stack.processes(FOLDER))
    if not was_running:
        shutil.rmtree(FOLDER / "data", ignore_errors=True)
    variables = secured.start(FOLDER)
    plain = variables["LAKEHOUSE_POSTGRES_URL"]
    port = urlsplit(plain).port
    # The wheel's Postgres is built without TLS: a front speaks it, for us and for Trino.
    with encrypting(TLS / "server.pem", port) as encrypted:
        address = plain.replace(f":{port}/", f":{encrypted}/")
        verified = f"sslmode=verify-full&sslrootcert={quote(str(TLS / 'ca.pem'))}"
        yield variables | {"LAKEHOUSE_POSTGRES_URL": f"{address}?{verified}"}
    if not was_running:
        stack.stop(FOLDER)


@pytest.fixture(scope="module")
def secrets(servers):
    """Every secret of these servers and their users."""
    known = json.loads((FOLDER / "stack.json").read_text())["secrets"]
    return [*known.values(), (FOLDER / "etc/nessie.token").read_text()]


@pytest.fixture(scope="module")
def told(servers, tmp_path_factory):
    """What a day and a backfill printed and wrote, and all command lines that were seen meanwhile.

    The day proves who it is by a password and by a client of OAuth2. The backfill does by a
    certificate and a token, and publishes through a catalog that Trino has. Trino has its secrets
    in a store.
    """
    home = tmp_path_factory.mktemp("home")
    others = {name: value for name, value in servers.items() if "CLIENT" not in name}
    for name in ("TRINO_PASSWORD", "NESSIE_TOKEN_URL"):
        del others[f"LAKEHOUSE_{name}"]
    others |= {
        "LAKEHOUSE_TRINO_CERTIFICATE": str(TLS / "lakehouse.pem"),
        "LAKEHOUSE_NESSIE_TOKEN": (FOLDER / "etc/nessie.token").read_text(),
        "LAKEHOUSE_TRINO_POSTGRES_CATALOG": "lakehouse_marts",
    }
    known = load(ROOT, servers).servers
    at = servers["LAKEHOUSE_POSTGRES_URL"].rpartition("@")[2]
    trino = Client(known.trino_url, known.trino_identity)
    trino.run("DROP CATALOG IF EXISTS lakehouse_marts")  # of an earlier suite, at another port
    trino.run(
        "CREATE CATALOG lakehouse_marts USING postgresql WITH ("
        f"\"connection-url\" = 'jdbc:postgresql://{at}', \"connection-user\" = 'lakehouse',"
        " \"connection-password\" = '${keystore:LAKEHOUSE_POSTGRES_PASSWORD}')"
    )
    with _CommandLines() as lines:
        printed = [
            _command(home, servers, "run --date 2024-03-15"),
            _command(home, others, f"backfill --from {FIRST} --to {LAST}"),
        ]
    return home, printed, lines.seen


def _command(home, variables, words):
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "lakehouse", "--debug", *words.split()],
        check=False,
        cwd=ROOT,
        env={**inherited, **variables, "LAKEHOUSE_HOME": str(home)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


class _CommandLines:
    """Every command line of this machine, looked at again and again."""

    def __init__(self):
        self.seen, self._over = set(), threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _look(self):
        while not self._over.wait(1):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):  # it has ended
                    self.seen.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))


@pytest.fixture
def client(servers):
    """Makes a client of Trino with an identity; by default ours."""

    def client(credential=None, user=None):
        known = load(ROOT, servers).servers
        if credential is None:
            return Client(known.trino_url, known.trino_identity)
        address = known.trino_url.replace("lakehouse@", "")
        return Client(address, Identity(credential, user, known.trino_identity.ca_file))

    return client


def test_postgres_is_trusted_by_its_authority_alone(servers):
    address = servers["LAKEHOUSE_POSTGRES_URL"]
    for wrong in (
        address.replace("127.0.0.1", "127.0.0.2"),  # its certificate names the first
        address.replace(quote(str(TLS / "ca.pem")), quote(str(TLS / "server.crt"))),
    ):
        with (
            pytest.raises(PublishError, match="certificate"),
            connected(postgres_address(wrong, "a test")),
        ):
            pass


def test_days_reach_postgres(servers, told):
    with psycopg.connect(servers["LAKEHOUSE_POSTGRES_URL"]) as connection:
        (days,) = connection.execute("SELECT count(*) FROM marts.mrt_glucose_overview").fetchone()
    assert days == DAYS


def test_no_secret_is_printed_or_on_a_command_line(told, secrets):
    _, printed, lines = told
    assert any("-m lakehouse" in line for line in lines)
    text = "\n".join([*printed, *lines])
    assert [secret for secret in secrets if secret in text] == []
    assert not JWT.search(text)


def test_no_secret_is_in_a_statement_that_trino_lists(client, told, secrets):
    statements = [
        query for (query,) in client().run("SELECT query FROM system.runtime.queries").rows
    ]
    text = "\n".join(statements)
    for named in (
        "'lakehouse:${keystore:LAKEHOUSE_NESSIE_CLIENT_SECRET}'",
        "'${keystore:LAKEHOUSE_POSTGRES_PASSWORD}'",
        "'${keystore:LAKEHOUSE_NESSIE_TOKEN}'",
        'CREATE TABLE "lakehouse_marts".',
        "sslmode=verify-full",
    ):
        assert named in text
    assert [secret for secret in secrets if secret in text] == []
    assert not JWT.search(text)


def test_no_secret_is_in_a_file_of_the_home_or_the_bucket(told, secrets):
    places = (told[0], FOLDER / "data/s3")
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    assert [path for path in files if "/runs/" in str(path)]
    for path in files:
        text = content(path)
        assert [secret for secret in secrets if secret in text] == [], path
        assert not JWT.search(text), path


def test_no_secret_is_in_a_log_of_a_server(told, secrets):
    for path in (FOLDER / "log").iterdir():
        text = path.read_text(errors="replace")
        assert [secret for secret in secrets if secret in text] == [], path


def test_tables_lie_in_the_warehouse_that_was_named(told):
    tables = list((FOLDER / "data/s3/lake").glob("*/**/*.metadata.json"))
    assert {path.relative_to(FOLDER / "data/s3/lake").parts[0] for path in tables} == {
        secured.WAREHOUSE
    }


def test_trino_knows_us_by_each_credential(servers, client):
    token = SecretStr(issuer.token(TLS, "lakehouse", 60))
    by_issuer = ClientCredentials(
        servers["LAKEHOUSE_NESSIE_TOKEN_URL"],
        "lakehouse",
        SecretStr(servers["LAKEHOUSE_NESSIE_CLIENT_SECRET"]),
        None,
    )
    certificate = Certificate(str(TLS / "lakehouse.crt"), str(TLS / "lakehouse.key"))
    for credential in (Token(token), by_issuer, certificate):
        assert client(credential).run("SELECT current_user").rows == [["lakehouse"]]


def test_a_wrong_credential_is_said_in_a_line(client):
    with pytest.raises(QueryError, match="refuses: HTTP 401"):
        client(Password(SecretStr("wrong")), "lakehouse").run("SELECT 1")


def test_nobody_else_makes_a_catalog(client, told):
    password = json.loads((FOLDER / "stack.json").read_text())["secrets"]["reader"]
    reader = client(Password(SecretStr(password)), secured.READER)
    assert reader.run("SELECT count(*) FROM lakehouse.marts.mrt_glucose_overview").rows == [[DAYS]]
    spying = (
        "CREATE CATALOG spying USING postgresql WITH (\"connection-url\" = 'jdbc:postgresql://a/b',"
        " \"connection-user\" = '${keystore:LAKEHOUSE_NESSIE_TOKEN}')"
    )
    known = reader.run("SELECT DISTINCT user FROM system.runtime.queries").rows
    assert known == [[secured.READER]]
    for statement in (spying, spying.replace("spying", "lakehouse_x"), "DROP CATALOG lakehouse"):
        with pytest.raises(QueryError, match="Access Denied"):
            reader.run(statement)


def test_no_catalog_reads_the_environment_of_a_trino_with_a_store(client):
    spying = (
        "CREATE CATALOG lakehouse_spying USING postgresql WITH"
        " (\"connection-url\" = 'jdbc:postgresql://a/b',"
        " \"connection-user\" = '${ENV:AWS_SECRET_ACCESS_KEY}')"
    )
    with pytest.raises(QueryError, match="No secret provider for key 'env'"):
        client().run(spying)
