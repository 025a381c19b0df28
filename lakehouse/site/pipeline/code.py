"""The code of tables: Python or SQL as it was written, and the SQL of both engines."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from lakehouse.compile import cache, translations
from lakehouse.compile.compiler import compile_project
from lakehouse.declare import sql_files
from lakehouse.declare.copies import CopySpec
from lakehouse.errors import ProjectError
from lakehouse.site.pipeline.sql_layout import laid_out

if TYPE_CHECKING:
    from lakehouse.compile.compiler import Compiled
    from lakehouse.declare.project import Project
    from lakehouse.session import Session

DIALECTS = {"duckdb": "DuckDB", "trino": "Trino"}


class Code:
    """The code of a project's tables, looked up when it is asked for."""

    def __init__(self, session: Session) -> None:
        self._session, self._compiled = session, session.compiled_for_duckdb

    def fingerprint(self, name: str) -> str:
        """Return a text that changes with the code of a table."""
        model = self._compiled.models.get(name)
        return "\0".join(
            [self._place(name), self._written(name), model.fingerprint if model else ""]
        )

    def parts(self, name: str) -> list[tuple[str, str]]:
        """Return the code of a table: titles with texts."""
        parts = [(self._place(name), self._written(name))]
        if name in self._compiled.models:
            parts += [(f"SQL of {title}", self._sql(name, d)) for d, title in DIALECTS.items()]
        return [(title, text) for title, text in parts if text]

    def _place(self, name: str) -> str:
        return self._compiled.project.tables[name].place

    def _written(self, name: str) -> str:
        spec = self._compiled.project.tables[name]
        if isinstance(spec, CopySpec):
            return ""
        sql = sql_files.sql_of(spec.function)
        if sql is not None:
            return str(sql.text.text)
        with suppress(OSError, TypeError):
            return inspect.cleandoc("\n" + inspect.getsource(inspect.unwrap(spec.function)))
        return ""

    def _sql(self, name: str, dialect: str) -> str:
        compiled = self._by_dialect[dialect]
        if isinstance(compiled, str):
            return compiled
        return laid_out(compiled.models[name].statement.sql)

    @cached_property
    def _by_dialect(self) -> Mapping[str, Compiled | str]:
        """The project compiled for each engine; a comment instead for one that cannot build it."""
        session = self._session

        def make(project: Project, dialect: str) -> Compiled:
            # What is known of one engine's SQL is not asked of Ibis again.
            known = translations.load(session.settings.root)
            return compile_project(project, dialect, known)

        by_dialect: dict[str, Compiled | str] = {"duckdb": self._compiled}
        for dialect in DIALECTS.keys() - {"duckdb"}:
            try:
                by_dialect[dialect] = cache.compiled(
                    session.settings, session.project, dialect, make
                )
            except ProjectError as error:
                by_dialect[dialect] = f"-- this project has no SQL for this engine: {error.message}"
        return by_dialect
