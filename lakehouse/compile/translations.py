"""Translations of expressions into SQL that are kept, so that an edit costs what it changes.

Ibis takes three quarters of the time that compiling takes. A translation follows from an expression
and from the code that translates. It is kept once two processes made the same of it, see
`reproducible`, beside the compiled projects.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import ibis.expr.types as ir

from lakehouse.compile import cache_files
from lakehouse.compile.expression_digest import digest
from lakehouse.patches.ibis_dialects import to_sql

_KEPT = 4_000
"""Translations that are kept: those of a project of some hundred models."""


class Translation(NamedTuple):
    """The SQL of an expression."""

    sql: str
    expression: str = ""
    """Digest of the expression; empty for one that has none."""


class Translator(Protocol):
    """Translates expressions into SQL."""

    def translate(self, expression: ir.Table, dialect: str) -> Translation:
        """Return the expression as one SELECT in a dialect; tables go by their bare names."""
        ...


@dataclass
class Translations:
    """Translates expressions, those that are known without Ibis."""

    known: Mapping[str, str] = field(default_factory=dict)
    """SQL by dialect and digest of the expression."""
    used: dict[str, str] = field(default_factory=dict)
    """What was asked for, known or not."""

    def translate(self, expression: ir.Table, dialect: str) -> Translation:
        name = digest(expression)
        if name is None:
            return Translation(to_sql(expression, dialect))
        key = f"{dialect} {name}"
        if key not in self.used:
            self.used[key] = self.known.get(key) or to_sql(expression, dialect)
        return Translation(self.used[key], name)


class Digests:
    """Gives digests for SQL: an expression follows from the code that is compiled, SQL from it."""

    def translate(self, expression: ir.Table, dialect: str) -> Translation:
        name = digest(expression)
        return Translation(to_sql(expression, dialect)) if name is None else Translation("", name)


def load(root: Path) -> Translations:
    """Return what is kept in the cache of the project at `root`."""
    return Translations(cache_files.read(_file(root)) or {})


def keep(root: Path, translations: Translations) -> None:
    """Keep what was used, and of what was known before the newest."""
    if translations.used.keys() <= translations.known.keys():
        return
    earlier = {key: sql for key, sql in translations.known.items() if key not in translations.used}
    kept = [*earlier.items(), *translations.used.items()][-_KEPT:]
    cache_files.write(_file(root), dict(kept))


def _file(root: Path) -> Path:
    """The file that this code keeps translations in: other code translates otherwise."""
    key = hashlib.sha256(cache_files.versions())
    for path in sorted(cache_files.framework_files()):
        place = path.relative_to(cache_files.FRAMEWORK)
        key.update(f"\0{place}\0{cache_files.digest_of(path)}".encode())
    return cache_files.file(root, "sql", key.hexdigest())
