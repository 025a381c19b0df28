"""Keeps what a project was compiled to, for as long as its code stays the same.

Compiling takes about a second; most processes find the code as the one before left it. It is kept
where Python keeps the bytecode of the same code, so an empty home does not compile anew. The
key is the text of every module that was imported from the project and of the framework, what other
files lie in the project's packages, and the versions of the libraries that compile. What the code
read or imported besides is kept with its digest. Nothing else can change what models compile to:
code that depends on the time, the environment or chance is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
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
from lakehouse.project import Project, is_project_code

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
    path = _path(settings, dialect)
    kept = documents.read(path, lambda raw: _from_json(project, _opened(raw)))
    if kept is None or not _are_the_same(kept.files):
        return compiled_anew(settings, project, dialect, make)
    return kept


def compiled_anew(
    settings: Settings,
    project: Project,
    dialect: str,
    make: Callable[[Project, str], Compiled],
) -> Compiled:
    """What `make` compiles the project to for a dialect, kept in place of what was in the cache."""
    path, fresh = _path(settings, dialect), make(project, dialect)
    _keep(path, to_json(fresh))
    return fresh


@cache
def digest_of(path: Path) -> str:
    """The digest of a file as this process first saw it: it runs the code that it loaded."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def changed_files(settings: Settings) -> list[Path]:
    """The files of the project that are no longer what this process loaded."""
    now, loaded = digest_of.__wrapped__, _files(settings.root, settings.ingestion, settings.models)
    return [path for path in loaded if not path.exists() or digest_of(path) != now(path)]


def _path(settings: Settings, dialect: str) -> Path:
    digest = hashlib.sha256(repr((sys.version, *map(version, _COMPILERS))).encode())
    for path in _files(settings.root, settings.ingestion, settings.models):
        digest.update(b"\0%b\0%b" % (os.fsencode(path), digest_of(path).encode()))
    key = digest.hexdigest()[:16]
    return settings.root / "__pycache__" / f"lakehouse-{dialect}-{key}.json"


@cache
def _files(_: Path, *packages: str) -> list[Path]:
    """The files that say what the project in a folder compiles to, as far as they are known.

    What a process imports or finds later makes no other project of it.
    """
    loaded = (sys.modules.get(name) for name in packages)
    folders = (folder for package in loaded for folder in getattr(package, "__path__", ()))
    return sorted({*_sources(), *(path for folder in folders for path in _data_files(folder))})


def _sources() -> Iterator[Path]:
    """The files of the framework, and of modules that were imported from anywhere but packages.

    Of the framework all of them, whatever this command has loaded: it compiles for the others too.
    """
    yield from Path(__file__).parent.rglob("*.py")
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and is_project_code(file):
            yield Path(file).resolve()


def _data_files(folder: str) -> list[Path]:
    """The files of a package that are no code."""
    found = (path for path in Path(folder).rglob("*") if path.suffix not in (".py", ".pyc"))
    return [path for path in found if path.is_file()]


def _are_the_same(files: dict[str, str]) -> bool:
    """Whether files are what they were."""
    with suppress(OSError):
        return all(digest_of(Path(path)) == digest for path, digest in files.items())
    return False


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
        "files": compiled.files,
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
        files=document["files"],
    )


def _plain(schema: ibis.Schema) -> dict[str, str]:
    return {name: str(kind) for name, kind in schema.items()}


def _statement(statement: Statement | None) -> list[Any] | None:
    return None if statement is None else [statement.sql, _plain(statement.schema)]


def _read(statement: list[Any]) -> Statement:
    sql, schema = statement
    return Statement(sql, ibis.schema(schema))
