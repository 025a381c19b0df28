"""Refuses code that compiles to different SQL at another time, in another place or by chance.

Compiled SQL is cached until the code changes. A time or a setting that Python wrote into it would
therefore never change. So a project is compiled a second time, by a process with another clock,
environment, user, working folder and hash seed. The other process has to import everything first,
so it is started before this one compiles.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import takewhile, zip_longest
from pathlib import Path
from types import FunctionType
from typing import Any

from lakehouse.compile import cache
from lakehouse.compile.compiler import Compiled, compile_project
from lakehouse.config import Settings
from lakehouse.declare.copies import CopySpec
from lakehouse.declare.project import Project
from lakehouse.errors import ProjectError

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
_CURE = (
    "write the current time as `ibis.now()`, which the engine evaluates in each run; put a setting"
    " into the code or into a resource; sort what comes from a set or a folder"
)
_SHOWN_PLACES = 3
"""Lines of the project that an error names as reading the time or the environment, at most."""
_LITERAL = re.compile(r"""'(?:[^']|'')*'|\d[\w.]*""")
_TOKEN = re.compile(rf"""{_LITERAL.pattern}|"(?:[^"]|"")*"|\w+|\s+|.""")
_SHOWN = 60
"""Characters of a statement that an error shows, at most."""


@dataclass(frozen=True)
class Difference:
    """A function of a project that compiles to different SQL in the other process."""

    name: str
    """Name of the model, the ingestion or the check."""
    before: str
    """Last part of the SQL before the difference, without literals, as these may be secrets."""


def compile_twice(settings: Settings, project: Project, dialect: str) -> Compiled:
    """Compile the project here and in a process under other circumstances, and compare them.

    Raises ProjectError, which names the functions that compile to different SQL there.
    """
    with _elsewhere(settings, dialect) as process:
        compiled = compile_project(project, dialect)
        here, there = json.loads(json.dumps(cache.to_json(compiled))), _answer(process)
    differences = list(_differences(here, there.get("compiled", here)))
    if (differences or "problem" in there) and cache.changed_files(settings):
        raise ProjectError(
            "the project's code was changed after this process had loaded it",
            hint="start it again",
        )
    if "problem" in there:
        raise ProjectError(
            "the project compiles here, but not in a process with another clock and environment:"
            f" {there['problem']}",
            hint=_CURE,
        )
    if differences:
        raise _refusal(settings, project, differences, there["asked"])
    files = {path: cache.digest_of(Path(path)) for path in there["files"]}
    return replace(compiled, files=files)


@contextmanager
def _elsewhere(settings: Settings, dialect: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that compiles the project; it is killed when the context ends."""
    request = {
        "root": str(settings.root),
        "packages": [settings.ingestion, settings.models],
        "seeds": str(settings.seeds),
        "dialect": dialect,
    }
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
            with suppress(BrokenPipeError):  # it could not start: `_answer` reads why
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
            yield process
        finally:
            process.kill()


def _answer(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Wait for the other process and read its answer: 'compiled', or the 'problem' it had."""
    answer, messages = process.communicate()
    if process.returncode == 0:
        document: dict[str, Any] = json.loads(answer)
        return document
    last = messages.decode(errors="replace").strip().splitlines()[-1:]
    return {"problem": "".join(last) or f"it ended with exit code {process.returncode}"}


def _differences(here: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield the first difference of each function, parents before children."""
    owners: set[str] = set()
    for group in here:
        for name in dict.fromkeys([*here[group], *there[group]]):
            one, other = here[group].get(name), there[group].get(name)
            owner = _owner(group, name, one, other)
            if one != other and owner not in owners:
                owners.add(owner)
                yield Difference(owner, _before_difference(one, other))


def _owner(group: str, name: str, one: Any, other: Any) -> str:
    """The name of the function that a part of the compiled project belongs to."""
    if group != "counts" or one is None or other is None:
        return name.partition(".")[0]
    # All checks of a table share one statement; its columns begin with the name of the check.
    rest = one[0][len("".join(_common_tokens(one[0], other[0]))) :]
    column = re.search(r'AS "(\w+)\.\d+\.', rest)
    return column[1] if column else name


def _refusal(
    settings: Settings, project: Project, differences: list[Difference], asked: list[list[Any]]
) -> ProjectError:
    first, *further = differences
    names = [difference.name for difference in further]
    others = f" (as do {len(names)} others: {', '.join(names)})" if names else ""
    after = f": the SQL differs after … {first.before}" if first.before else ""
    places = dict.fromkeys(
        f"{name} at {_relative(file, settings)}:{line}" for name, file, line in asked
    )
    asks = f"the project asks for {', '.join(list(places)[:_SHOWN_PLACES])}; " if places else ""
    place = _place(settings, project, first)
    return ProjectError(
        f"{place} compiles to something else at another time, in another environment or by chance"
        f"{others}{after}",
        hint=f"{asks}{_CURE}",
    )


def _before_difference(one: Any, other: Any) -> str:
    """The end of the SQL that two parts have in common, with … in place of literals."""
    for here, there in zip_longest(_texts(one), _texts(other), fillvalue=""):
        if here != there:
            same = _common_tokens(here, there)
            shown = ("…" if _LITERAL.fullmatch(token) else token for token in same)
            return "".join(shown)[-_SHOWN:].strip()
    return ""


def _common_tokens(one: str, other: str) -> list[str]:
    """The tokens that two statements both begin with."""
    pairs = zip(_TOKEN.findall(one), _TOKEN.findall(other), strict=False)
    return [token for token, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]


def _texts(part: Any) -> Iterator[str]:
    """Yield the strings in a part of a compiled project, in their order."""
    if isinstance(part, str):
        yield part
    elif part:
        for item in part.values() if isinstance(part, dict) else part:
            yield from _texts(item)


def _place(settings: Settings, project: Project, difference: Difference) -> str:
    """The file, line and name of a function, or of the schema of an ingestion."""
    spec = project.tables.get(difference.name) or project.checks.get(difference.name)
    if spec is None:
        return difference.name
    if isinstance(spec, CopySpec):
        return spec.place
    source: Any = inspect.unwrap(spec.function)
    name = difference.name
    if difference.name in project.ingestions:
        source, name = project.ingestions[name].validation_schema, f"the schema of {name}"
    if isinstance(source, FunctionType):
        code = source.__code__
        return f"{_relative(code.co_filename, settings)}:{code.co_firstlineno}: {name}"
    with suppress(OSError, TypeError):
        file, line = inspect.getsourcefile(source) or "", inspect.getsourcelines(source)[1]
        return f"{_relative(file, settings)}:{line}: {name}"
    return name


def _relative(file: str, settings: Settings) -> str:
    """The path of a file, relative to the project's folder if it lies in it."""
    path = Path(file)
    return str(path.relative_to(settings.root) if path.is_relative_to(settings.root) else path)
