"""Keeps what a project was compiled to, for as long as its code stays the same.

Compiling takes about a second; most processes find the code as the one before left it. It is kept
where Python keeps the bytecode of the same code, so an empty home does not compile anew. The
key is the text of every module that was imported from the project and of the framework, what other
files lie in the project's packages, and the versions of the libraries that compile. Nothing else
can change what models compile to: code that depends on the time, the environment or chance is
refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from sysconfig import get_paths
from typing import Any

import ibis

from lakehouse import documents, storage
from lakehouse.compile import (
    Compiled,
    CompiledCheck,
    CompiledModel,
    Statement,
    compile_project,
)
from lakehouse.config import Settings
from lakehouse.errors import StorageError
from lakehouse.project import Project

_COMPILERS = ("ibis-framework", "sqlglot", "pandera")
_KEPT = 8
"""How many are kept of a dialect: tests and scripts import other modules than the command does."""

_DIGEST = hashlib.sha256().digest_size * 2
"""The bytes before the document in a file, which tell whether it is damaged."""


def compiled(
    settings: Settings,
    project: Project,
    dialect: str,
    make: Callable[[Project, str], Compiled] = compile_project,
) -> Compiled:
    """The project compiled for a dialect, from the cache if the code is the same.

    If it is not, `make` compiles it.
    """
    path = settings.root / "__pycache__" / f"lakehouse-{dialect}-{_key(settings)}.json"
    kept = documents.read(path, lambda raw: _from_json(project, _opened(raw)))
    if kept is not None:
        return kept
    fresh = make(project, dialect)
    _keep(path, to_json(fresh))
    return fresh


def _key(settings: Settings) -> str:
    digest = hashlib.sha256(repr((sys.version, *map(version, _COMPILERS))).encode())
    for package in (settings.ingestion, settings.models):
        digest.update(repr(sorted(_data_files(package))).encode())
    for path in sorted(set(_sources())):
        digest.update(b"\0%b\0" % os.fsencode(path))
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _sources() -> Iterator[Path]:
    """The files of the framework, and of modules that were imported from anywhere but packages.

    Of the framework all of them, whatever this command has loaded: it compiles for the others too.
    """
    framework, paths = Path(__file__).parent, get_paths()
    yield from framework.rglob("*.py")
    packages = ("/site-packages/", "/dist-packages/", f"{framework}{os.sep}")
    elsewhere = (*packages, paths["stdlib"], paths["platstdlib"])
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and file.endswith(".py") and not any(place in file for place in elsewhere):
            yield Path(file).resolve()


def _data_files(package: str) -> Iterator[tuple[str, int, int]]:
    """The files of a package that are no code, each with its size and when it was changed."""
    for folder in getattr(sys.modules.get(package), "__path__", ()):
        for path in Path(folder).rglob("*"):
            if path.suffix not in (".py", ".pyc") and path.is_file():
                status = path.stat()
                yield str(path), status.st_size, status.st_mtime_ns


def _keep(path: Path, document: dict[str, Any]) -> None:
    """Keep what was compiled, if that is possible, and take away what older code left."""
    with suppress(OSError, StorageError):
        raw = json.dumps(document).encode()
        storage.write(path, _digest(raw) + raw, lasting=False)
        kept = path.parent.glob(f"{path.name.rpartition('-')[0]}-*.json")
        others = [each for each in kept if each != path]  # whatever its clock said
        for earlier in sorted(others, key=_written)[: 1 - _KEPT]:
            earlier.unlink(missing_ok=True)


def _opened(raw: bytes) -> dict[str, Any]:
    """What is kept in a file. Raises ValueError if it is not what was written: it may be SQL."""
    document = raw[_DIGEST:]
    if raw[:_DIGEST] != _digest(document):
        raise ValueError
    found: dict[str, Any] = json.loads(document)
    return found


def _digest(raw: bytes) -> bytes:
    return hashlib.sha256(raw).hexdigest().encode()


def _written(path: Path) -> float:
    return path.stat().st_mtime


def to_json(compiled: Compiled) -> dict[str, Any]:
    """What was compiled as a JSON object: a group for each kind of part, each part by name."""
    return {
        "schemas": {name: _plain(schema) for name, schema in compiled.schemas.items()},
        "models": {
            name: [_statement(model.statement), model.fingerprint]
            for name, model in compiled.models.items()
        },
        "checks": {
            name: [[_statement(rule) for rule in check.rules], _statement(check.function)]
            for name, check in compiled.checks.items()
        },
        "counts": {name: _statement(counts) for name, counts in compiled.counts.items()},
        "suspects": {name: _statement(counts) for name, counts in compiled.suspects.items()},
        "judgements": compiled.judgements,
    }


def _from_json(project: Project, document: dict[str, Any]) -> Compiled:
    return Compiled(
        project,
        schemas={name: ibis.schema(schema) for name, schema in document["schemas"].items()},
        models={
            name: CompiledModel(project.models[name], _read(statement), fingerprint)
            for name, (statement, fingerprint) in document["models"].items()
        },
        checks={
            name: CompiledCheck(
                tuple(rule and _read(rule) for rule in rules), function and _read(function)
            )
            for name, (rules, function) in document["checks"].items()
        },
        counts={name: _read(counts) for name, counts in document["counts"].items()},
        suspects={name: _read(counts) for name, counts in document["suspects"].items()},
        judgements=document["judgements"],
    )


def _plain(schema: ibis.Schema) -> dict[str, str]:
    return {name: str(kind) for name, kind in schema.items()}


def _statement(statement: Statement | None) -> list[Any] | None:
    return None if statement is None else [statement.sql, _plain(statement.schema)]


def _read(statement: list[Any]) -> Statement:
    sql, schema = statement
    return Statement(sql, ibis.schema(schema))
