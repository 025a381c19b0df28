"""Refuses code that compiles to something else at another time, in another place or by chance.

What is compiled is kept for as long as the code stays the same, so a moment or a setting that
Python puts into it would stay in force for ever. A project is therefore compiled a second time, by
a process that has another clock, environment, user, working folder and hash seed. That process
starts before this one compiles: it takes longer by what it has to import.
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
from typing import Any

from lakehouse import cache
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
"""What the other process is started with."""
_NEEDED_TO_START = ("DYLD_LIBRARY_PATH", "LD_LIBRARY_PATH", "PYTHONHOME")
"""And what it takes over, as Python or a library may not be found without it."""
_PROGRAM = "from lakehouse.elsewhere import serve; serve()"
_ELSEWHERE = "at another time, in another environment or by chance"
_CURE = (
    "say the time as `ibis.now()`, which an engine asks for anew each time; a setting belongs into"
    " the code, or into a resource; sort what comes from a set or a folder"
)
_SHOWN_PLACES = 3
"""How many lines are named that ask for what may change."""
_LITERAL = re.compile(r"""'(?:[^']|'')*'|\d[\w.]*""")
_TOKEN = re.compile(rf"""{_LITERAL.pattern}|"(?:[^"]|"")*"|\w+|\s+|.""")
_SHOWN = 60
"""Characters of a statement."""


@dataclass(frozen=True)
class Difference:
    """A part of a project that is something else elsewhere."""

    name: str
    """Of the model, the ingestion or the check."""
    before: str
    """The end of what is the same, without any value: it may be a secret."""


def compile_twice(settings: Settings, project: Project, dialect: str) -> Compiled:
    """Compile the project of the settings here, and under other circumstances to compare.

    Raises ProjectError, which names the functions that give something else there.
    """
    with _elsewhere(settings, dialect) as process:
        compiled = compile_project(project, dialect)
        here, there = json.loads(json.dumps(cache.to_json(compiled))), _answer(process)
    found = list(_differences(here, there.get("compiled", here)))
    if (found or "problem" in there) and cache.changed_files(settings):
        raise ProjectError(
            "the project's code was changed after this process had loaded it",
            hint="start it again",
        )
    if "problem" in there:
        raise ProjectError(
            f"the project cannot be compiled {_ELSEWHERE}: {there['problem']}", hint=_CURE
        )
    if found:
        raise _refusal(settings, project, found, there["asked"])
    files = {path: cache.digest_of(Path(path)) for path in there["files"]}
    return replace(compiled, files=files)


@contextmanager
def _elsewhere(settings: Settings, dialect: str) -> Iterator[subprocess.Popen[bytes]]:
    """Let another process begin to compile the project; it ends with this at the latest."""
    request = {
        "root": str(settings.root),
        "packages": [settings.ingestion, settings.models],
        "dialect": dialect,
    }
    path = list(map(os.path.abspath, sys.path))  # it works in another folder
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
            with suppress(BrokenPipeError):  # then it says why it could not start
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
            yield process
        finally:
            process.kill()


def _answer(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What the other process says."""
    answer, said = process.communicate()
    if process.returncode == 0:
        document: dict[str, Any] = json.loads(answer)
        return document
    last = said.decode(errors="replace").strip().splitlines()[-1:]
    return {"problem": "".join(last) or f"it ended with exit code {process.returncode}"}


def _differences(here: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[Difference]:
    """The first part that is something else of each function, parents before children."""
    found: set[str] = set()
    for group in here:
        for name in dict.fromkeys([*here[group], *there[group]]):
            one, other = here[group].get(name), there[group].get(name)
            owner = _owner(group, name, one, other)
            if one != other and owner not in found:
                found.add(owner)
                yield Difference(owner, _before_difference(one, other))


def _owner(group: str, name: str, one: Any, other: Any) -> str:
    """The function that a part of a group is of."""
    if group != "counts" or one is None or other is None:
        return name.partition(".")[0]
    # One statement counts for all checks of a table: its columns have their names.
    rest = one[0][len("".join(_common_tokens(one[0], other[0]))) :]
    column = re.search(r'AS "(\w+)\.\d+\.', rest)
    return column[1] if column else name


def _refusal(
    settings: Settings, project: Project, found: list[Difference], asked: list[list[Any]]
) -> ProjectError:
    first, names = found[0], [each.name for each in found[1:]]
    others = f" (as do {len(names)} others: {', '.join(names)})" if names else ""
    after = f": what follows … {first.before}" if first.before else ""
    places = dict.fromkeys(
        f"{what} at {_relative(file, settings)}:{line}" for what, file, line in asked
    )
    told = f"the project asks for {', '.join(list(places)[:_SHOWN_PLACES])}; " if places else ""
    place = _place(settings, project, first)
    return ProjectError(
        f"{place} compiles to something else {_ELSEWHERE}{others}{after}",
        hint=f"{told}{_CURE}",
    )


def _before_difference(one: Any, other: Any) -> str:
    """The end of what the statements of two parts have in common, without literals."""
    for here, there in zip_longest(_texts(one), _texts(other), fillvalue=""):
        if here != there:
            same = _common_tokens(here, there)
            shown = ("…" if _LITERAL.fullmatch(token) else token for token in same)
            return "".join(shown)[-_SHOWN:].strip()
    return ""


def _common_tokens(one: str, other: str) -> list[str]:
    """What two statements begin with."""
    pairs = zip(_TOKEN.findall(one), _TOKEN.findall(other), strict=False)
    return [token for token, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]


def _texts(part: Any) -> Iterator[str]:
    """The texts of a compiled part, in their order."""
    if isinstance(part, str):
        yield part
    elif part:
        for each in part.values() if isinstance(part, dict) else part:
            yield from _texts(each)


def _place(settings: Settings, project: Project, difference: Difference) -> str:
    """A function, or the schema of an ingestion, with its file and line."""
    spec = project.tables.get(difference.name) or project.checks.get(difference.name)
    if spec is None:
        return difference.name
    written: Any = inspect.unwrap(spec.function)
    what = difference.name
    if difference.name in project.ingestions:
        written, what = project.ingestions[what].validation_schema, f"the schema of {what}"
    with suppress(OSError, TypeError):
        file, line = inspect.getsourcefile(written) or "", inspect.getsourcelines(written)[1]
        return f"{_relative(file, settings)}:{line}: {what}"
    return what


def _relative(file: str, settings: Settings) -> str:
    """A file as seen from the project's folder, if it lies there."""
    path = Path(file)
    return str(path.relative_to(settings.root) if path.is_relative_to(settings.root) else path)
