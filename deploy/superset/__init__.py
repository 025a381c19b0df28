"""A real Superset on this machine that shows a bundle; its own tables are in a file of SQLite."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from deploy import stack
from deploy.servers import Place, Server
from deploy.superset.install import SOURCES, installed

USER = "admin"


def start(folder: Path, bundle: Path, reading: Mapping[str, str]) -> dict[str, str]:
    """Import a bundle and start Superset; return the variables that say how to open it.

    `reading` are variables of libpq, such as PGPASSFILE, by which it reads Postgres.
    `deploy.stack.stop` stops it. Raises SystemExit if it cannot be had, or does not answer.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return stack.start_servers(folder, partial(_stages, bundle, reading), _variables)


def _stages(bundle: Path, reading: Mapping[str, str], place: Place) -> list[list[Server]]:
    programs = installed(place.servers)
    environment = {**_environment(place), **reading}
    subprocess.run(
        [str(programs / "python"), str(SOURCES / "prepare.py"), str(bundle)],
        check=True,
        env={**os.environ, **environment},
        stdout=sys.stderr,
    )
    port = str(place.ports.superset)
    command = [str(programs / "superset"), "run", "--with-threads", "-h", "127.0.0.1", "-p", port]
    ready = partial(_answers, f"{place.url(place.ports.superset)}/health")
    return [[Server("superset", command, ready, place.folder, environment)]]


def _environment(place: Place) -> dict[str, str]:
    return {
        "FLASK_APP": "superset.app:create_app()",
        "SUPERSET_CONFIG_PATH": str(SOURCES / "superset_config.py"),
        "SUPERSET_HOME": str(place.folder / place.data("superset")),
        "SUPERSET_SECRET_KEY": place.secrets["superset"],
        "SUPERSET_PASSWORD": place.secrets["superset"],
    }


def _variables(place: Place) -> dict[str, str]:
    return {
        "SUPERSET_URL": place.url(place.ports.superset),
        "SUPERSET_USER": USER,
        "SUPERSET_PASSWORD": place.secrets["superset"],
    }


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True
