"""Refuses code that compiles to something else at another time, in another place or by chance.

What is compiled is kept for as long as the code stays the same, so a moment or a setting that
Python puts into it would stay in force for ever. A project is therefore compiled a second time, by
a process that has another clock, environment, user, working folder and hash seed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from inspect import unwrap
from typing import Any

from lakehouse.cache import to_json
from lakehouse.compile import Compiled, compile_project
from lakehouse.config import Settings
from lakehouse.errors import ProjectError
from lakehouse.project import Project

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
"""All that the other process is started with."""
_OF_FUNCTIONS = ("judgements", "models", "checks")
"""The groups of compiled parts that go by the names of functions; the others follow from them."""
_PROGRAM = "from lakehouse.elsewhere import serve; serve()"
_CURE = (
    "say the time as `ibis.now()`, which an engine asks for anew each time; a setting belongs into"
    " the code, or into a resource"
)


def compile_twice(settings: Settings, project: Project, dialect: str) -> Compiled:
    """Compile the project of the settings here, and under other circumstances to compare.

    Raises ProjectError, which names the functions that give something else there.
    """
    with _elsewhere(settings, dialect) as process:
        compiled = compile_project(project, dialect)
        here, there = json.loads(json.dumps(to_json(compiled))), _answer(process)
    names = list(_differences(here, there))
    if names:
        others = f" (as do {len(names) - 1} others: {', '.join(names[1:])})" if names[1:] else ""
        raise ProjectError(
            f"{_place(project, names[0])} compiles to something else at another time, in another"
            f" environment or by chance{others}",
            hint=_CURE,
        )
    return compiled


@contextmanager
def _elsewhere(settings: Settings, dialect: str) -> Iterator[subprocess.Popen[bytes]]:
    """Let another process begin to compile the project; it ends with this at the latest."""
    asked = {
        "root": str(settings.root),
        "packages": [settings.ingestion, settings.models],
        "dialect": dialect,
    }
    path = [each for each in sys.path if each]
    process = subprocess.Popen(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", f"import sys; sys.path[:] = {path!r}; {_PROGRAM}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
        env=_ENVIRONMENT,
    )
    assert process.stdin is not None
    with process:
        try:
            process.stdin.write(json.dumps(asked).encode() + b"\n")
            process.stdin.flush()
            yield process
        finally:
            process.kill()


def _answer(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What the project is there. Raises ProjectError if it cannot be compiled there."""
    answer, said = process.communicate()
    if process.returncode == 0:
        document: dict[str, Any] = json.loads(answer)
        return document
    last = (said.decode(errors="replace").strip().splitlines() or ["no reason was given"])[-1]
    raise ProjectError(
        f"the project cannot be compiled at another time and in another environment: {last}",
        hint=_CURE,
    )


def _differences(here: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[str]:
    """The functions that compile to something else, parents before children."""
    for group in _OF_FUNCTIONS:
        for name in dict.fromkeys([*here[group], *there[group]]):
            if here[group].get(name) != there[group].get(name):
                yield name


def _place(project: Project, name: str) -> str:
    """A function with its file and line."""
    spec = project.tables.get(name) or project.checks.get(name)
    if spec is None:
        return name
    code = unwrap(spec.function).__code__
    what = f"the schema of {name}" if name in project.ingestions else name
    return f"{code.co_filename}:{code.co_firstlineno}: {what}"
