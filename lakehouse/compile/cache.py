"""Cache of compiled projects on disk: an entry is valid as long as the code stays the same.

Compiling takes about a second, and most processes find the code unchanged. The cache lies in the
project's `__pycache__`, so that a new home need not compile. The key of an entry is a digest of
every module of the framework and every one imported from the project, of its seeds and the other
files in its packages, and of the versions of the libraries that compile. The entry itself holds the
digests of further files that the code read or imported. Nothing else can change what models compile
to: code that depends on the time, the environment or chance is refused.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import ibis

from lakehouse import small_files
from lakehouse.compile import cache_files
from lakehouse.compile.cache_files import digest_of
from lakehouse.compile.compiler import (
    Compiled,
    CompiledCheck,
    CompiledModel,
    Statement,
    compile_project,
)
from lakehouse.config import Settings
from lakehouse.declare import seeds
from lakehouse.declare.project import Project
from lakehouse.declare.project_code import is_project_code


def compiled(
    settings: Settings,
    project: Project,
    dialect: str,
    make: Callable[[Project, str], Compiled] = compile_project,
) -> Compiled:
    """Return the project compiled for a dialect: from the cache if it is there, else by `make`."""
    path = _path(settings, dialect)
    cached = small_files.read(path, lambda raw: _from_json(project, cache_files.parse(raw)))
    if cached is None or not _are_unchanged(cached.files):
        return compiled_anew(settings, project, dialect, make)
    return cached


def compiled_anew(
    settings: Settings,
    project: Project,
    dialect: str,
    make: Callable[[Project, str], Compiled],
) -> Compiled:
    """Compile the project for a dialect by `make`, and store it in the cache."""
    path, fresh = _path(settings, dialect), make(project, dialect)
    cache_files.write(path, to_json(fresh))
    return fresh


def kept(
    settings: Settings,
    name: str,
    make: Callable[[], tuple[dict[str, Any], dict[str, str]]],
    beside: str = "",
) -> dict[str, Any]:
    """Return a document that follows from the code: from the cache, else what `make` gives.

    `make` returns the document, and the digests of further files that it depends on; `beside` is a
    digest of all else that it does.
    """
    path = cache_files.file(settings.root, name, _digest(key(settings), beside))
    entry = cache_files.read(path)
    if entry is None or not _are_unchanged(entry["files"]):
        document, files = make()
        entry = {"document": document, "files": files}
        cache_files.write(path, entry)
    kept_document: dict[str, Any] = entry["document"]
    return kept_document


def changed_files(settings: Settings) -> list[Path]:
    """The files of the project and the framework that changed since this process loaded them."""
    current_digest = digest_of.__wrapped__
    files = _files(settings.root, settings.ingestion, settings.models)
    return [p for p in files if not p.exists() or digest_of(p) != current_digest(p)]


def _path(settings: Settings, kind: str) -> Path:
    return cache_files.file(settings.root, kind, key(settings))


def key(settings: Settings) -> str:
    """Return what names the code of the project and all that compiles it."""
    digest = hashlib.sha256(cache_files.versions())
    for path in _files(settings.root, settings.ingestion, settings.models):
        digest.update(b"\0%b\0%b" % (os.fsencode(path), digest_of(path).encode()))
    for path in seeds.files(settings.seeds):  # data, which may change while a process runs
        digest.update(b"\0%b\0%b" % (os.fsencode(path), digest_of.__wrapped__(path).encode()))
    return digest.hexdigest()


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


@cache
def _files(_: Path, *packages: str) -> list[Path]:
    """The files that make up the cache key: code, and other files of the project's packages.

    They are listed once in a process, so that modules that it imports later do not change the key.
    """
    loaded = (sys.modules.get(name) for name in packages)
    folders = (folder for package in loaded for folder in getattr(package, "__path__", ()))
    return sorted({*_sources(), *(path for folder in folders for path in _data_files(folder))})


def _sources() -> Iterator[Path]:
    """Yield all modules of the framework, and those of the user that were imported."""
    yield from cache_files.framework_files()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and is_project_code(file):
            yield Path(file).resolve()


def _data_files(folder: str) -> list[Path]:
    """The files of a package other than Python's code."""
    paths = (path for path in Path(folder).rglob("*") if path.suffix not in (".py", ".pyc"))
    return sorted(path for path in paths if path.is_file())


def _are_unchanged(files: Mapping[str, str]) -> bool:
    """Return whether all files, given with their digests, exist and are unchanged."""
    with suppress(OSError):
        return all(digest_of(Path(path)) == digest for path, digest in files.items())
    return False


def to_json(compiled: Compiled) -> dict[str, Any]:
    """A compiled project as a JSON object: a group for each kind of part, its parts by name."""
    return {
        "schemas": {name: plain(schema) for name, schema in compiled.schemas.items()},
        "models": {
            name: [_statement(model.statement), model.fingerprint, model.postgres_view]
            for name, model in compiled.models.items()
        },
        "checks": {
            name: [[_statement(rule) for rule in check.rules], _statement(check.function)]
            for name, check in compiled.checks.items()
        },
        "counts": {name: _statement(counts) for name, counts in compiled.counts.items()},
        "suspects": {name: _statement(counts) for name, counts in compiled.suspects.items()},
        "quarantine_reasons": compiled.quarantine_reasons,
        "files": compiled.files,
    }


def _from_json(project: Project, document: dict[str, Any]) -> Compiled:
    return Compiled(
        project,
        schemas={name: schema_of(columns) for name, columns in document["schemas"].items()},
        models={
            name: CompiledModel(project.models[name], _read(statement), fingerprint, postgres_view)
            for name, (statement, fingerprint, postgres_view) in document["models"].items()
        },
        checks={
            name: CompiledCheck(
                tuple(rule and _read(rule) for rule in rules), function and _read(function)
            )
            for name, (rules, function) in document["checks"].items()
        },
        counts={name: _read(counts) for name, counts in document["counts"].items()},
        suspects={name: _read(counts) for name, counts in document["suspects"].items()},
        quarantine_reasons=document["quarantine_reasons"],
        files=document["files"],
    )


def plain(schema: ibis.Schema) -> dict[str, str]:
    """Return the columns of a schema as JSON has them."""
    return {name: str(kind) for name, kind in schema.items()}


def schema_of(columns: Mapping[str, str]) -> ibis.Schema:
    """Return the schema that `plain` was given."""
    return _schema(tuple(columns.items()))


@cache
def _schema(columns: tuple[tuple[str, str], ...]) -> ibis.Schema:
    return ibis.schema(dict(columns))


def _statement(statement: Statement | None) -> list[Any] | None:
    return None if statement is None else [statement.sql, plain(statement.schema)]


def _read(statement: list[Any]) -> Statement:
    sql, columns = statement
    return Statement(sql, schema_of(columns))
