"""Rows of pages, asked for while Python still loads the project.

What a page asks follows from its plan and from the metadata files of tables, none of which is ever
written twice. So its next statements are most likely those of the last build, with the present
metadata files in place of the former ones. They run in a thread from the beginning of a build on.
A page takes their rows only if its own statements turn out to be the same texts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from lakehouse.compile import cache_files
from lakehouse.engines.sql import literal
from lakehouse.errors import QueryError
from lakehouse.site.folder import digest

if TYPE_CHECKING:
    import pyarrow as pa

    from lakehouse.catalogs import StoredTable
    from lakehouse.engines.duckdb import DuckDB
    from lakehouse.session import Session

_Answer: TypeAlias = "Future[dict[str, pa.Table]]"
_PAUSE = 0.05
"""Seconds between two interrupts."""
_AHEAD = 2
"""Pages whose rows are asked for before a page takes its own: they lie in memory."""
_FORM = 1
"""Raise it when scripts are kept in another form."""


@dataclass(frozen=True)
class Script:
    """All statements of a page, as DuckDB is given them."""

    once: Mapping[str, str]
    """Statements of rows that others read, by name, each after those that it reads."""
    rows: tuple[str, ...]

    def answers(self, duckdb: DuckDB) -> dict[str, pa.Table]:
        """Return the rows of each statement, by its text."""
        try:
            for name, statement in self.once.items():
                duckdb.keep(name, statement, are_many=False)
            return {sql: duckdb.execute(sql).to_arrow_table() for sql in self.rows}
        finally:
            duckdb.forget(self.once)


@dataclass(frozen=True)
class _Asked:
    """A script that was asked, and the tables that it read."""

    script: Script
    metadata: Mapping[str, str]
    """Metadata files of tables, by qualified name."""

    def over(self, stored: Mapping[str, StoredTable]) -> _Asked | None:
        """Return the same over these tables; None if one of its tables is not there."""
        if not self.metadata.keys() <= stored.keys():
            return None
        now = {table: stored[table].metadata for table in self.metadata}

        def moved(sql: str) -> str:
            for table, former in self.metadata.items():
                sql = sql.replace(literal(former), literal(now[table]))
            return sql

        once = {name: moved(sql) for name, sql in self.script.once.items()}
        return _Asked(Script(once, tuple(map(moved, self.script.rows))), now)


class EarlyAnswers:
    """Answers to the scripts of pages, by the names of the pages."""

    def __init__(
        self, session: Session, stored: Mapping[str, StoredTable], threads: ThreadPoolExecutor
    ) -> None:
        self._session, self._stored, self._threads = session, stored, threads
        self._place = cache_files.file(session.settings.root, "asked", _key(session))
        self._kept = _from_json(cache_files.read(self._place) or {})
        self._asked: dict[str, _Asked] = {}
        self._waiting: dict[str, Script] = {}
        self._early: dict[str, tuple[Script, _Answer]] = {}
        self._unused: list[_Answer] = []
        self.pages: Collection[str] = ()
        """Names of all pages of the site; what others asked is forgotten."""

    def begin(self, *, all_pages: bool) -> None:
        """Begin to ask the scripts of pages whose tables changed, or of `all_pages`."""
        for name, former in self._kept.items():
            asked = former.over(self._stored)
            if asked is not None and (all_pages or asked != former):
                self._waiting[name] = asked.script
        for _ in range(_AHEAD):
            self._ask_next()

    def answers(self, page: str, script: Script) -> dict[str, pa.Table]:
        """Return the rows of each statement of a page, by its text. Raises QueryError."""
        texts = "\n".join([*script.once.values(), *script.rows])
        files = {name: table.metadata for name, table in self._stored.items()}
        read = {name: file for name, file in files.items() if literal(file) in texts}
        self._asked[page] = _Asked(script, read)
        self._waiting.pop(page, None)
        early = self._early.pop(page, None)
        if early is not None:
            self._ask_next()
            if early[0] == script:
                with suppress(QueryError):  # perhaps of too little memory for two at once
                    return early[1].result()
            else:
                self._unused.append(early[1])
        return script.answers(self._session.duckdb)

    def end(self) -> None:
        """Interrupt what nobody waits for any more."""
        begun = [*self._unused, *(answer for _, answer in self._early.values())]
        running = [answer for answer in begun if not answer.cancel()]
        while not all(answer.done() for answer in running):
            self._session.duckdb.interrupt()  # the one statement that runs now
            wait(running, _PAUSE)

    def keep(self) -> None:
        """Keep what was asked for the next build."""
        if self._asked:
            former = {name: asked for name, asked in self._kept.items() if name in self.pages}
            cache_files.write(self._place, _to_json({**former, **self._asked}))

    def _ask_next(self) -> None:
        if self._waiting:
            name = next(iter(self._waiting))
            script = self._waiting.pop(name)
            answer = self._threads.submit(script.answers, self._session.duckdb)
            self._early[name] = script, answer


@contextmanager
def asked_early(
    session: Session, stored: Mapping[str, StoredTable], *, all_pages: bool
) -> Iterator[EarlyAnswers]:
    """Ask for the rows of pages while this is open; what was asked is kept unless it fails."""
    with ThreadPoolExecutor(max_workers=1) as threads:
        early = EarlyAnswers(session, stored, threads)
        try:
            early.begin(all_pages=all_pages)
            yield early
        finally:
            early.end()
    early.keep()


def _key(session: Session) -> str:
    """Return what names the tables of a home, and the form of what is kept."""
    return digest(_FORM, session.settings.warehouse)


def _to_json(asked: Mapping[str, _Asked]) -> dict[str, Any]:
    return {name: asdict(each) for name, each in asked.items()}


def _from_json(document: Mapping[str, Any]) -> dict[str, _Asked]:
    return {
        name: _Asked(
            Script(each["script"]["once"], tuple(each["script"]["rows"])), each["metadata"]
        )
        for name, each in document.items()
    }
