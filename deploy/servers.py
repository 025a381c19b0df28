"""The four servers: how each is started, and how one sees that it answers."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile

from deploy import fetch, settings
from deploy.settings import BUCKET, USER, Ports
from lakehouse.errors import QueryError
from lakehouse.identity import NOBODY, Identity
from lakehouse.postgres import programs

LANGUAGE = {"LC_ALL": "C.UTF-8"}
"""What servers take names of files to be written in: Java would not find an umlaut otherwise."""


@dataclass(frozen=True)
class Server:
    """A process to start, and how to ask it whether it is ready.

    It stands in a folder and knows its files by their path from there, so that any path will do:
    formats of properties have their own ideas of blanks, backslashes and umlauts.
    """

    name: str
    command: list[str]
    is_ready: Callable[[], bool]
    folder: Path
    """Where it stands."""
    environment: Mapping[str, str] = field(default_factory=dict)
    user: tuple[int, int] | None = None
    """The user and the group that it runs as, if not ours."""


@dataclass(frozen=True)
class Place:
    """Where a stack keeps what it writes, where it listens, and its secrets."""

    folder: Path
    servers: Path
    """The folder of unpacked servers, which several stacks may share."""
    ports: Ports
    secrets: Mapping[str, str]

    def data(self, name: str) -> str:
        """Make the folder of a server's data, its owner's alone; its path for servers."""
        _private(self.folder / "data" / name)
        return f"data/{name}"

    def configuration(self, name: str, lines: Mapping[str, str]) -> str:
        """Write a properties file that only its owner can read; its path for servers."""
        return self.text(name, [f"{key}={_escaped(value)}" for key, value in lines.items()])

    def text(self, name: str, lines: list[str]) -> str:
        """Write a file that only its owner can read; its path from where servers stand."""
        path = self.folder / "etc" / name
        _private(path.parent)
        path.touch(mode=0o600)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return f"etc/{name}"

    def url(self, port: int) -> str:
        """The address of a port of this machine."""
        return f"http://127.0.0.1:{port}"


def _private(folder: Path) -> None:
    """Make a folder that only its owner can enter, also if it was there, open to others."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def _escaped(value: str) -> str:
    """A value of a properties file, where Java reads Latin-1 and the escapes that JSON has too."""
    return json.dumps(value)[1:-1]


def all_servers(place: Place) -> list[Server]:
    """Every server of the stack; they may start at the same time."""
    return [*postgres_and_s3(place), nessie(place), trino(place)]


def postgres_and_s3(place: Place) -> list[Server]:
    """The two servers that keep what the others write."""
    return [postgres(place), _s3(place)]


def postgres(place: Place) -> Server:
    folder = place.folder / place.data("postgres")
    user, group = programs.owner(folder)
    if user == os.geteuid():
        binaries, user_and_group = programs.find() / "bin", None
    else:
        binaries, user_and_group = programs.shared(place.folder / "programs") / "bin", (user, group)
        os.chown(folder, user, group)
    if not (folder / "PG_VERSION").exists():
        _make_database(binaries, folder, place.secrets["postgres"], user_and_group)
    address = ["-h", "127.0.0.1", "-p", str(place.ports.postgres), "-k", ""]
    command = [str(binaries / "postgres"), "-D", str(programs.here(folder)), *address]
    ready = partial(_answers_postgres, place)
    return Server("postgres", command, ready, folder=folder, user=user_and_group)


def _make_database(
    binaries: Path, folder: Path, password: str, user: tuple[int, int] | None
) -> None:
    with NamedTemporaryFile("w") as file:
        file.write(password)
        file.flush()
        if user is not None:
            os.chown(file.name, *user)
        words = ["-U", USER, "--auth=scram-sha-256", "--encoding=utf8", f"--pwfile={file.name}"]
        words += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        subprocess.run(
            [binaries / "initdb", "-D", programs.here(folder), *words],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            env=LANGUAGE,
            user=user[0] if user else None,
            group=user[1] if user else None,
        )


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
    data = place.data("s3")
    (place.folder / data / BUCKET).mkdir(exist_ok=True)
    # It does not find the parts of an upload by a path from where it stands.
    folder = str(place.folder / data)
    properties = settings.s3proxy(place.ports, place.secrets["s3"], folder)
    file = place.configuration("s3proxy.properties", properties)
    command = [*_java("256m"), "-jar", str(fetch.artifact("s3")), "--properties", file]
    return Server("s3", command, lambda: _answers(place.ports.s3_url), place.folder)


def nessie(place: Place) -> Server:
    properties = settings.nessie(place.ports, place.secrets["s3"], place.data("nessie"))
    # From a file: what stands on a command line can be read by everyone on the machine.
    file = place.configuration("nessie.properties", properties)
    command = [*_java("512m"), f"-Dsmallrye.config.locations={file}"]
    command += ["-jar", str(fetch.artifact("nessie"))]
    url = f"{place.url(place.ports.nessie)}/api/v2/config"
    return Server("nessie", command, lambda: _answers(url), place.folder)


def trino(place: Place) -> Server:
    home = fetch.unpacked_trino(place.servers)
    data, url = place.data("trino"), place.url(place.ports.trino)
    place.text("trino/jvm.config", [*settings.TRINO_JVM])
    place.configuration("trino/node.properties", settings.trino_node(data))
    place.configuration("trino/config.properties", settings.trino(place.ports))
    program = str(home / "bin/launcher")
    command = [program, "run", "--etc-dir", "etc/trino", "--data-dir", data]
    java = str(fetch.java())
    environment = {
        "JAVA_HOME": java,
        "PATH": f"{java}/bin:{os.environ['PATH']}",
        # Statements that make catalogs are listed for all to see: Trino knows secrets by itself.
        "AWS_ACCESS_KEY_ID": USER,
        "AWS_SECRET_ACCESS_KEY": place.secrets["s3"],
        "LAKEHOUSE_POSTGRES_PASSWORD": place.secrets["postgres"],
    }
    return Server("trino", command, lambda: lists_catalogs(url), place.folder, environment)


def _java(memory: str) -> list[str]:
    program = str(fetch.java() / "bin/java")
    return [program, f"-Xmx{memory}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


def lists_catalogs(url: str, identity: Identity = NOBODY) -> bool:
    """Whether Trino runs a statement that reads something.

    It says that it has started before it knows of a worker, even of itself.
    """
    from lakehouse.engines.trino_client import Client

    try:
        return bool(Client(url, identity).run("SHOW CATALOGS").rows)
    except QueryError:
        return False


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True  # it refuses us, so it is there
    except OSError:
        return False
    return True
