"""What somebody's environment says to others changes nothing of a run.

`docs/reference/configuration.md` says what of an environment counts.
"""

import json
import os
import re
import socketserver
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOWHERE = "/nonexistent/folder"
NOBODY = "http://127.0.0.1:9"
FIGURES = "select * from marts.mrt_glucose_overview"
LAKEHOUSE = [sys.executable, "-m", "lakehouse"]


@dataclass(frozen=True)
class Around:
    """What surrounds a command: variables (None: unset), files of $HOME and of the folder."""

    variables: dict[str, str | None] = field(default_factory=dict)
    at_home: dict[str, str] = field(default_factory=dict)
    here: dict[str, str] = field(default_factory=dict)
    may_warn: bool = False
    """Whether Python is asked to show more warnings."""
    shell: str = ""
    """What a shell is told before."""


ELSEWHERE = {
    "LAKEHOUSE_TIMEZONE": "Asia/Tokyo",
    "NIGHTSCOUT_URL": NOBODY,
    "PGHOST": "127.0.0.1",
    "RUNTIME__LOG_LEVEL": "nonsense",
    "PYICEBERG_MAX_WORKERS": "nonsense",
}
SURROUNDINGS = {
    "proxies": Around(
        {
            name: NOBODY
            for word in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
            for name in (word, word.lower())
        }
        | {"NO_PROXY": None, "no_proxy": None}
    ),
    "netrc": Around(at_home={".netrc": "default login planted password planted\n"}),
    "certificates": Around(
        {"REQUESTS_CA_BUNDLE": NOWHERE, "SSL_CERT_FILE": NOWHERE, "CURL_CA_BUNDLE": NOWHERE}
    ),
    "Postgres: another server": Around(
        {
            "PGHOST": "127.0.0.1",
            "PGHOSTADDR": "127.0.0.9",
            "PGPORT": "9",
            "PGUSER": "planted",
            "PGDATABASE": "planted",
            "PGPASSWORD": "planted",
            "PGPASSFILE": NOWHERE,
            "PGDATA": NOWHERE,
        }
    ),
    "Postgres: a service": Around(
        {"PGSERVICE": "planted"}, {".pg_service.conf": "[planted]\nhost=127.0.0.1\nport=9\n"}
    ),
    "Postgres: a service that is not described": Around({"PGSERVICE": "planted"}),
    "Postgres: connections": Around(
        {
            "PGSSLMODE": "verify-full",
            "PGSSLNEGOTIATION": "direct",
            "PGREQUIREAUTH": "md5",
            "PGCHANNELBINDING": "require",
            "PGGSSENCMODE": "require",
            "PGTARGETSESSIONATTRS": "standby",
            "PGREQUIREPEER": "planted",
            "PGCONNECT_TIMEOUT": "1",
        }
    ),
    "Postgres: sessions": Around(
        {
            "PGOPTIONS": "-c search_path=planted -c default_transaction_read_only=on"
            " -c statement_timeout=1 -c datestyle=German -c intervalstyle=sql_standard"
            " -c bytea_output=escape -c extra_float_digits=-10 -c timezone=Asia/Kathmandu",
            "PGTZ": "Asia/Kathmandu",
            "PGDATESTYLE": "German",
            "PGCLIENTENCODING": "LATIN1",
            "PGGEQO": "off",
        }
    ),
    "Python: optimized": Around({"PYTHONOPTIMIZE": "1"}),
    "Python: warnings": Around({"PYTHONWARNINGS": "error"}, may_warn=True),
    "Python: development": Around({"PYTHONDEVMODE": "1"}, may_warn=True),
    "Python: hash seed": Around({"PYTHONHASHSEED": "4711"}),
    "Python: ASCII": Around(
        {
            "PYTHONIOENCODING": "ascii",
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
            "LC_ALL": "C",
        }
    ),
    "Python: modules of others": Around(
        {"PYTHONPATH": "{here}/planted"},
        here={
            "planted/models/__init__.py": "raise RuntimeError('planted')",
            "planted/ingestion/__init__.py": "raise RuntimeError('planted')",
        },
    ),
    "Python: a start": Around({"PYTHONSTARTUP": "{here}/start.py"}, here={"start.py": "exit(3)"}),
    "Python: unsafe path": Around({"PYTHONSAFEPATH": "1"}),
    "Python: interactive": Around({"PYTHONINSPECT": "1"}),
    "time zone": Around({"TZ": "Asia/Kathmandu"}),
    "time zone that is not there": Around({"TZ": ":foo"}),
    "time zone of POSIX": Around({"TZ": "XYZ+14:30ABC,M3.2.0,M11.1.0"}),
    "locale": Around({"LC_ALL": "C", "LANG": "C"}),
    "locale of Turkey": Around({"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}),
    "locale that is not there": Around({"LC_ALL": "xx_YY.ISO-1", "LANGUAGE": "xx"}),
    "umask that hides": Around(shell="umask 0077"),
    "umask that hides nothing": Around(shell="umask 0000"),
    "umask that forbids all": Around(shell="umask 0777"),
    "Amazon": Around(
        {
            "AWS_PROFILE": "planted",
            "AWS_ENDPOINT_URL": NOBODY,
            "AWS_CONFIG_FILE": NOWHERE,
            "AWS_ACCESS_KEY_ID": "planted",
            "AWS_SECRET_ACCESS_KEY": "planted",
            "AWS_REGION": "mars-1",
        }
    ),
    "PyIceberg": Around(
        {
            "PYICEBERG_CATALOG__MAIN__URI": "sqlite:////nonexistent/catalog.db",
            "PYICEBERG_CATALOG__DEFAULT__TYPE": "rest",
            "PYICEBERG_CATALOG__LAKEHOUSE__URI": NOBODY,
            "PYICEBERG_DEFAULT_CATALOG": "planted",
            "PYICEBERG_MAX_WORKERS": "1",
            "PYICEBERG_LEGACY_CURRENT_SNAPSHOT_ID": "True",
            "PYICEBERG_PY_IO_IMPL": "planted.FileIO",
        }
    ),
    "PyIceberg: numbers that are none": Around({"PYICEBERG_MAX_WORKERS": "many"}),
    "PyIceberg: files": Around(
        {"PYICEBERG_HOME": "{home}"},
        {".pyiceberg.yaml": "catalog:\n  main:\n    uri: sqlite:////nonexistent/x.db\n"},
        {".pyiceberg.yaml": "legacy-current-snapshot-id: true\nmax-workers: many\n"},
    ),
    "PyIceberg: a broken file": Around(at_home={".pyiceberg.yaml": "a: [\n"}),
    "DuckDB": Around(at_home={".duckdbrc": "planted;", ".duckdb/extensions/x": ""}),
    "Hamilton": Around(
        {"HAMILTON_TELEMETRY_ENABLED": "true", "HAMILTON_AUTOLOAD_EXTENSIONS": "1"},
        {".hamilton.conf": "[DEFAULT]\ntelemetry_enabled = True\n"},
    ),
    "dlt": Around(
        {
            "DESTINATION__FILESYSTEM__LAYOUT": "{{table_name}}.x",
            "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": "7",
            "DLT_PROJECT_DIR": NOWHERE,
            "DLT_DATA_DIR": NOWHERE,
            "RUNTIME__DLTHUB_TELEMETRY": "true",
            "LOAD__WORKERS": "nonsense",
        },
        here={".dlt/config.toml": '[load]\nworkers = "x"\n', ".dlt/secrets.toml": "planted = ["},
    ),
    "fsspec": Around(
        {"FSSPEC_CONFIG_DIR": "{home}", "FSSPEC_FILE_AUTO_MKDIR": "false"},
        {"conf.json": '{"file": {"auto_mkdir": false}}'},
    ),
    "Pandera": Around(
        {"PANDERA_VALIDATION_ENABLED": "False", "PANDERA_VALIDATION_DEPTH": "SCHEMA_ONLY"}
    ),
    "Nessie": Around(at_home={".config/nessie/config.yaml": "endpoint: [\n"}),
    "threads": Around(
        {
            "OMP_NUM_THREADS": "1",
            "ARROW_IO_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "ARROW_DEFAULT_MEMORY_POOL": "system",
        }
    ),
    ".env": Around(here={".env": "".join(f"{name}={text}\n" for name, text in ELSEWHERE.items())}),
    "no HOME": Around({"HOME": None, "XDG_CONFIG_HOME": None, "XDG_DATA_HOME": None}),
    "HOME that is not there": Around({"HOME": NOWHERE}),
    "HOME that cannot be written": Around({"HOME": "/proc"}),
    "no TMPDIR": Around({"TMPDIR": None}),
    "TMPDIR that is not there": Around({"TMPDIR": NOWHERE}),
    "standard input that is closed": Around(shell="exec <&-"),
    "standard error that is closed": Around(shell="exec 2>&-"),
    "a terminal": Around({"COLUMNS": "20", "FORCE_COLOR": "1", "TERM": "dumb", "CI": "1"}),
}


def together(*several):
    """All of these at once."""
    return Around(
        variables={name: text for each in several for name, text in each.variables.items()},
        at_home={name: text for each in several for name, text in each.at_home.items()},
        here={name: text for each in several for name, text in each.here.items()},
        may_warn=any(each.may_warn for each in several),
    )


SURROUNDINGS["together"] = together(*SURROUNDINGS.values(), Around({"HOME": "{home}"}))
# What these say does not touch what the others of a row say: they share a home that is set up.
AT_ONCE = [
    ("proxies", "netrc", "certificates"),
    ("Amazon", "DuckDB", "fsspec", "Pandera", "Nessie", "threads"),
    ("Python: hash seed", "Python: a start", "Python: unsafe path"),
    ("locale", "time zone"),
    ("locale of Turkey", "time zone of POSIX"),
    ("locale that is not there", "time zone that is not there"),
    ("no HOME", "no TMPDIR"),
    ("HOME that is not there", "TMPDIR that is not there"),
]
for row in AT_ONCE:
    SURROUNDINGS[", ".join(row)] = together(*(SURROUNDINGS.pop(name) for name in row))
CASES = [
    pytest.param(around, id=name, marks=[] if name == "together" else pytest.mark.longest)
    for name, around in SURROUNDINGS.items()
]
"""All at once, and each by itself: each compiles the project, which takes long."""


@dataclass(frozen=True)
class Project:
    """A copy of the project in a folder of its own, and commands in it."""

    folder: Path

    def __post_init__(self):
        for name in ("ingestion", "models", "lakehouse", "lakehouse.toml"):
            (self.folder / name).symlink_to(ROOT / name)

    def command(self, around, *words):
        """What a command prints as JSON in these surroundings."""
        home = self.folder / "user"
        for folder, files in ((home, around.at_home), (self.folder, around.here)):
            folder.mkdir(exist_ok=True)
            for name, text in files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text)
                (folder / name).chmod(0o600)
        ours = ("LAKEHOUSE_", "NIGHTSCOUT_", "PYTHONPATH")
        clean = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
        said = {"HOME": str(home), **around.variables}
        known = {"here": str(self.folder), "home": str(home)}
        given = {name: text.format(**known) for name, text in said.items() if text is not None}
        kept = {name: text for name, text in clean.items() if name not in said}
        shell = ["bash", "-c", f'{around.shell}\nexec "$@"', "bash"] if around.shell else []
        path = os.pathsep.join(filter(None, [given.get("PYTHONPATH"), str(ROOT)]))
        return subprocess.run(
            [*shell, *LAKEHOUSE, *words, "--format", "json"],
            check=False,
            cwd=self.folder,
            env={**kept, **given, "PYTHONPATH": path},
            stdin=None if around.shell else subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def day(self, around):
        """What a day's run makes, and what is to be read of it then."""
        ran = self.command(around, "run", "--date", "2024-03-15")
        assert ran.returncode == 0, ran.stderr
        assert around.may_warn or ran.stderr == ""
        asked = self.command(around, "query", FIGURES, "--on", "postgres")
        assert asked.returncode == 0, asked.stderr
        return steady(json.loads(ran.stdout)), json.loads(asked.stdout)


VARIES = {"run", "commit", "started_at", "seconds"}


def steady(said):
    """What a run says, without what differs from run to run."""
    if isinstance(said, dict):
        return {name: steady(value) for name, value in said.items() if name not in VARIES}
    if isinstance(said, list):
        return [steady(value) for value in said]
    return re.sub(r"\b[0-9a-f]{16}\b", "", said) if isinstance(said, str) else said


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("undisturbed")).day(Around())


@pytest.mark.long
@pytest.mark.parametrize("around", CASES)
def test_a_day_is_the_same_in_any_surroundings(tmp_path, undisturbed, around):
    project = Project(tmp_path)
    assert project.day(around) == undisturbed
    assert (tmp_path / ".lakehouse").stat().st_mode & 0o777 == 0o700


@pytest.mark.longest
def test_a_day_without_docstrings_has_the_same_figures(tmp_path, undisturbed):
    """They are the names of checks, and the help of commands."""
    said, figures = Project(tmp_path).day(Around({"PYTHONOPTIMIZE": "2"}))
    assert figures == undisturbed[1]
    assert len(said["checks"]) == len(undisturbed[0]["checks"])


@pytest.mark.long
def test_a_file_of_hamilton_that_cannot_be_read_is_named(tmp_path):
    ran = Project(tmp_path).command(Around(at_home={".hamilton.conf": "planted\n"}), "plan")
    assert (ran.returncode, "cannot read ~/.hamilton.conf: " in ran.stderr) == (2, True)


class Listener(socketserver.StreamRequestHandler):
    """Notes the first line of what it is asked, and hangs up."""

    def handle(self):
        self.server.asked.append(self.rfile.readline())


@contextmanager
def listening():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Listener) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True).start()
        yield server, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.long
def test_no_proxy_is_asked_for_servers_on_this_machine(tmp_path):
    with listening() as (proxy, proxy_url), listening() as (servers, url):
        variables = {
            "HTTP_PROXY": proxy_url,
            "http_proxy": proxy_url,
            "ALL_PROXY": proxy_url,
            "NO_PROXY": "example.org",
            "LAKEHOUSE_PROFILE": "production",
            "LAKEHOUSE_WAREHOUSE": "s3://lake/warehouse",
            **{f"LAKEHOUSE_{name}": url for name in ("S3_ENDPOINT", "NESSIE_URL", "TRINO_URL")},
            "LAKEHOUSE_POSTGRES_URL": "postgresql://127.0.0.1:9/db",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }
        told = Project(tmp_path).command(Around(variables), "doctor")
    assert told.returncode == 2
    assert b"".join(proxy.asked) == b""
    assert {line.split(b" ")[0] for line in servers.asked} >= {b"GET", b"POST", b"PUT"}
