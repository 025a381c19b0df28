"""Installs Superset into an environment of its own, from a file that names every hash."""

from __future__ import annotations

import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from lakehouse.system import file_locks

SOURCES = Path(__file__).parent
_REQUIREMENTS = SOURCES / "requirements.txt"


def installed(servers: Path) -> Path:
    """Return the folder of Superset's programs, installed if needed: 650 MB, for about a minute.

    It is below `servers`, which several processes may ask for at the same time.
    """
    servers.mkdir(parents=True, exist_ok=True)
    digest = sha256(_REQUIREMENTS.read_bytes()).hexdigest()
    folder = servers / f"superset-{digest[:8]}"
    with file_locks.locked(servers / "superset.lock"):
        if not (folder / "installed").exists():
            sys.stderr.write("installing Superset ...\n")
            shutil.rmtree(folder, ignore_errors=True)  # of an installation that was killed
            _install(folder)
            (folder / "installed").touch()
    return folder / "bin"


def _install(folder: Path) -> None:
    """Make the environment; `uv` is quicker, where it is on the PATH."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python, uv = str(folder / "bin/python"), shutil.which("uv")
    pip = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    command = [*pip, "--quiet", "--require-hashes", "-r", str(_REQUIREMENTS)]
    subprocess.run(command, check=True, stdout=sys.stderr)
