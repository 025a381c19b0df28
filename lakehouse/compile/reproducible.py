"""Refuses code that compiles to different SQL at another time, in another place or by chance.

Compiled SQL is cached until the code changes. A time or a setting that Python wrote into it would
therefore never change. So a project is compiled a second time, by a process with another clock,
environment, user, working folder and hash seed; see `elsewhere`.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import takewhile, zip_longest
from pathlib import Path
from types import FunctionType
from typing import Any

from lakehouse.compile import cache, cache_files, dag, translations
from lakehouse.compile.compiler import Compiled, Statement, compile_project, kind_of
from lakehouse.compile.other_process import Request, answer, started
from lakehouse.compile.translations import Digests
from lakehouse.config import Settings
from lakehouse.declare.copies import CopySpec
from lakehouse.declare.project import Project
from lakehouse.errors import ProjectError

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
    with started(Request.of(settings, __name__, {"dialect": dialect})) as process:
        known = translations.load(settings.root)
        compiled = compile_project(project, dialect, known)
        there = answer(process)
    _require_same(settings, project, compiled, dialect, there)
    translations.keep(settings.root, known)
    files = {path: cache_files.digest_of(Path(path)) for path in there["files"]}
    return replace(compiled, files=files)


def make_elsewhere(request: Request) -> Callable[[Project], Any]:
    """Return what the other process does with a project: it compiles it.

    Where it is not asked for SQL, expressions will do: Ibis takes most of the time.
    """
    dag.load_hamilton()
    dialect = request.details["dialect"]
    if "sql" not in request.details:
        return lambda project: _plain(_by_expression(compile_project(project, dialect, Digests())))
    known = translations.load(Path(request.root))
    return lambda project: cache.to_json(compile_project(project, dialect, known))


def _require_same(
    settings: Settings, project: Project, compiled: Compiled, dialect: str, there: Mapping[str, Any]
) -> None:
    """Raise ProjectError if the project compiled to something else in the other process."""
    if there.get("made") == _plain(_by_expression(compiled)):
        return
    here = _plain(cache.to_json(compiled))
    if "made" in there:  # what differs is told by its SQL
        details = {"dialect": dialect, "sql": True}
        with started(Request.of(settings, __name__, details)) as process:
            there = answer(process)
    differences = list(_differences(here, there.get("made", here)))
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


def _by_expression(compiled: Compiled) -> dict[str, Any]:
    """Return what a project compiles to, with the digests of expressions in place of their SQL."""
    return {
        "schemas": compiled.schemas,
        "models": {
            name: [_said(model.statement), kind_of(model.spec), model.postgres_view]
            for name, model in compiled.models.items()
        },
        "checks": {
            name: [*map(_said, check.rules), _said(check.function)]
            for name, check in compiled.checks.items()
        },
        "counts": {name: _said(counts) for name, counts in compiled.counts.items()},
        "quarantine_reasons": compiled.quarantine_reasons,
    }


def _said(statement: Statement | None) -> list[Any] | None:
    if statement is None:
        return None
    return [statement.expression or statement.sql, statement.schema]


def _plain(document: dict[str, Any]) -> Any:
    """Return a document as JSON gives it back."""
    return json.loads(json.dumps(document, default=str))


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
