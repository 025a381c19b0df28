"""Installs Nightscout through npm, and builds what it takes for MongoDB with Go."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.versions import FERRETDB, NIGHTSCOUT
from lakehouse.system import file_locks

SOURCES = Path(__file__).parent
_PACKAGES = ("package.json", "package-lock.json")
_INSTALL = ["--ignore-scripts", "--legacy-peer-deps", "--omit=dev", "--omit=optional"]
"""No package runs anything, and none is there to bundle the pages: the API does without."""
_BUILD = ["-tags=ferretdb_no_sqlite", "-gcflags=all=-N -l", "-ldflags=-s -w"]
"""Compiling takes longer than what it saves: nothing that is not used, and no optimization."""


def missing() -> str:
    """Return which program is not on the PATH that an installation needs; empty if none is."""
    return next((name for name in ("npm", "node", "go") if shutil.which(name) is None), "")


def installed(servers: Path) -> tuple[Path, Path]:
    """Return Nightscout's `server.js` and the program that speaks MongoDB, installed if needed.

    Both are below `servers`, which several processes may ask for at the same time.
    """
    if program := missing():
        sys.exit(f"`{program}` is not on the PATH: install Node (with npm) and Go")
    servers.mkdir(parents=True, exist_ok=True)
    with file_locks.locked(servers / "nightscout.lock"), ThreadPoolExecutor() as pool:
        nightscout = pool.submit(_nightscout, servers / f"nightscout-{NIGHTSCOUT}")
        mongo = pool.submit(_mongo, servers / f"ferretdb-{FERRETDB}")
        return nightscout.result(), mongo.result()


def _nightscout(folder: Path) -> Path:
    if not folder.exists():
        sys.stderr.write(f"installing Nightscout {NIGHTSCOUT} ...\n")
        temporary = _unfinished(folder)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        for name in _PACKAGES:
            shutil.copy(SOURCES / name, temporary)
        _run(["npm", "ci", *_INSTALL, "--no-audit", "--no-fund", "--loglevel=error"], temporary)
        temporary.rename(folder)
    return folder / "node_modules/nightscout/server.js"


def _mongo(program: Path) -> Path:
    if not program.exists():
        sys.stderr.write(f"building FerretDB {FERRETDB} ...\n")
        temporary = _unfinished(program)
        _run(["go", "build", *_BUILD, "-o", str(temporary), "."], SOURCES / "mongo")
        temporary.rename(program)
    return program


def _unfinished(path: Path) -> Path:
    """Return where something is made that is to be at `path` once it is whole."""
    return path.with_name(f"{path.name}.new")


def _run(command: list[str], folder: Path) -> None:
    program = shutil.which(command[0])
    assert program is not None
    environment = {**os.environ, "CGO_ENABLED": "0"}
    subprocess.run(
        [program, *command[1:]], check=True, cwd=folder, env=environment, stdout=sys.stderr
    )
