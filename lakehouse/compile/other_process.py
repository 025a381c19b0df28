"""A process in which code of a project does its work a second time, under other circumstances.

It has to import everything first, so it is started before this process does the same work. What it
does there is in `elsewhere`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

from lakehouse.config import Settings

_ENVIRONMENT = {
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "LOGNAME": "somebody",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "20011",
    "TZ": "Pacific/Kiritimati",
    "USER": "somebody",
}
"""Environment of the other process."""
_NEEDED_TO_START = ("DYLD_LIBRARY_PATH", "LD_LIBRARY_PATH", "PYTHONHOME")
"""Variables that the other process inherits: Python or a library may not start without them."""
_PROGRAM = "from lakehouse.compile.elsewhere import serve; serve()"


@dataclass(frozen=True)
class Request:
    """What the other process is to do, in values that JSON holds."""

    module: str
    """Its function `make_elsewhere` takes the request, and returns what makes a document of a
    project: a function that is called when the circumstances are others."""
    root: str
    packages: tuple[str, str]
    seeds: str
    details: Mapping[str, Any]

    @classmethod
    def of(cls, settings: Settings, module: str, details: Mapping[str, Any]) -> Request:
        """Return a request about the project of these settings."""
        packages = (settings.ingestion, settings.models)
        return cls(module, str(settings.root), packages, str(settings.seeds), details)


@contextmanager
def started(request: Request) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that does what is asked; it is killed when the context ends."""
    path = list(map(os.path.abspath, sys.path))  # the process has another working folder
    needed = {name: os.environ[name] for name in _NEEDED_TO_START if name in os.environ}
    process = subprocess.Popen(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", f"import sys; sys.path[:] = {path!r}; {_PROGRAM}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
        env=_ENVIRONMENT | needed,
    )
    assert process.stdin is not None
    with process:
        try:
            with suppress(BrokenPipeError):  # it could not start: `answer` reads why
                process.stdin.write(json.dumps(asdict(request)).encode() + b"\n")
                process.stdin.flush()
            yield process
        finally:
            process.kill()


def answer(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Wait for the other process and read its answer: what it 'made', or the 'problem' it had.

    'asked' says what of the circumstances the project's code asked for and where, and 'files' which
    files it read and imported.
    """
    printed, messages = process.communicate()
    if process.returncode == 0:
        document: dict[str, Any] = json.loads(printed)
        return document
    last = messages.decode(errors="replace").strip().splitlines()[-1:]
    return {"problem": "".join(last) or f"it ended with exit code {process.returncode}"}
