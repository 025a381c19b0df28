"""Tables of one commit of main: as Ibis tables, for planned rows, and what their rows depend on."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING

from lakehouse.errors import UnknownNameError
from lakehouse.site.early_answers import Script

if TYPE_CHECKING:
    import ibis
    import ibis.expr.types as ir
    import pyarrow as pa

    from lakehouse.catalogs import Commit, StoredTable
    from lakehouse.engines import Source
    from lakehouse.session import Session
    from lakehouse.site.early_answers import EarlyAnswers
    from lakehouse.site.page_plan import PlannedPage, Reader, Unread


class Tables:
    """The tables of main's newest commit when it was made, all of one state."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.early: EarlyAnswers | None = None
        """Answers to statements that were asked before pages ask them, if there are any."""
        self.commit: Commit | None = session.catalog.head()
        self.stored: dict[str, StoredTable] = {}
        if self.commit is not None:
            self.stored = session.catalog.tables(self.commit.id)

    def table(self, name: str) -> ir.Table:
        """Return a table or view by its bare name. Raises UnknownNameError if it is not built."""
        return self._session.duckdb.table(self._source(name))

    def schemas(self) -> dict[str, ibis.Schema]:
        """Return the columns of all tables and views that are built, by bare name."""
        names = self._session.project.tables
        return {name: self._source(name).schema for name in names if self.has(name)}

    def reader(self, page: PlannedPage) -> Reader:
        """Return what reads the rows of a page. Raises QueryError."""
        duckdb = self._session.duckdb

        @cache
        def sql_of(unread: Unread) -> str:
            sources = [self._source(name) for name in unread.reads if name not in page.once]
            return duckdb.sql_of(unread.statement, sources)

        once = {name: sql_of(unread) for name, unread in page.once.items()}
        script = Script(once, tuple(dict.fromkeys(map(sql_of, page.unread()))))
        if self.early is None:
            answers = script.answers(duckdb)
        else:
            answers = self.early.answers(page.name, script)

        def read(unread: Unread) -> pa.Table:
            return answers[sql_of(unread)].cast(unread.statement.schema.to_pyarrow())

        return read

    def version(self, name: str) -> str:
        """Return a text that changes whenever the rows of a table may have changed."""
        return _version(self._source(name))

    def has(self, name: str) -> bool:
        """Return whether a table and all that it reads have been built."""
        source = self._sources.get(self._session.project.tables[name].table)
        return source is not None and _is_built(source)

    def _source(self, name: str) -> Source:
        table = self._session.project.tables[name].table
        if not self.has(name):
            raise UnknownNameError(f"{table} is not built yet", hint="`run` builds it")
        return self._sources[table]

    @cached_property
    def _sources(self) -> dict[str, Source]:
        session = self._session
        return session.sources(session.compiled_for_duckdb, self.stored)


def _is_built(source: Source) -> bool:
    return source.stored is not None or (
        source.view is not None and all(map(_is_built, source.sources))
    )


def _version(source: Source) -> str:
    own = source.view.sql if source.view is not None else source.stored and source.stored.metadata
    return " ".join([source.name, own or "", *map(_version, source.sources)])
