"""The connections of one DuckDB: one for each thread; they share the cores, and end together."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING

from lakehouse.engines.duckdb_connection import most_memory
from lakehouse.engines.interrupts import Interrupts
from lakehouse.errors import QueryError, ValueRefusedError

if TYPE_CHECKING:
    import duckdb


_ROOM_OF_A_CORE = 64 * 1024**2
"""Bytes of memory, for each core, that statements take while DuckDB is `sparing`."""
_OF_VALUES = ("Conversion Error", "Invalid Input Error", "Out of Range Error")
"""How errors of single values begin."""


class Connections:
    """Connections to one database, one for each thread, whose statements run in parallel."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._main = connection
        self._own = threading.local()
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        self.large = threading.Lock()
        """Lock held while a large table is read or built: two at once would spill to disk."""
        self.interrupts = Interrupts("DuckDB")
        self._sharing = 1
        self._is_sparing = False
        self._own.connection = connection

    @property
    def own(self) -> duckdb.DuckDBPyConnection:
        """The connection of the calling thread; all connections share one database."""
        if not hasattr(self._own, "connection"):
            self._own.connection = self._main.cursor()
            self._cursors.append(self._own.connection)
        connection: duckdb.DuckDBPyConnection = self._own.connection
        return connection

    def execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        """Run a statement; the caller fetches its rows. Raises QueryError."""
        import duckdb

        connection, is_spared = self.own, self._is_sparing
        try:
            return connection.execute(sql)
        except duckdb.Error as error:
            if is_spared and isinstance(error, duckdb.OutOfMemoryException):
                self._end_sparing()
                return self.execute(sql)
            raise refusal(error) from error
        except BaseException:
            # A signal: DuckDB's own threads may go on, and the next statement would wait for them.
            connection.interrupt()
            raise

    def scalar(self, sql: str) -> int:
        """Run a statement that returns one integer; 0 if it returns no row."""
        row = self.execute(sql).fetchone()
        return int(row[0]) if row else 0

    @contextmanager
    def sparing(self) -> Iterator[None]:
        """Let statements take little memory before their rows go to disk.

        A statement that cannot work in so little runs again with all that DuckDB may use, which is
        what every later one gets then.
        """
        import duckdb

        room = min(self.cores * _ROOM_OF_A_CORE, most_memory())
        with suppress(duckdb.OutOfMemoryException):  # others hold more just now
            self.own.execute(f"SET GLOBAL memory_limit = '{room}B'")
            self._is_sparing = True
        try:
            yield
        finally:
            self._end_sparing()

    def _end_sparing(self) -> None:
        self._is_sparing = False
        self.own.execute(f"SET GLOBAL memory_limit = '{most_memory()}B'")

    def interrupt(self) -> None:
        """Interrupt the running statements of all threads."""
        self.interrupts.add()
        for cursor in self._cursors:
            cursor.interrupt()

    def share_cores(self, statements: int) -> None:
        """Set DuckDB's threads to one for each core, while so many statements run at once.

        A statement runs in the thread that calls it, and DuckDB's own threads help all statements.
        With two cores, two statements get no help: each then groups rows as they come, whereas
        several threads would partition them first, which takes a quarter longer in all. The setting
        is left alone if it is right, as changing it frees memory that the next piece could reuse.
        """
        if statements != self._sharing:
            self.execute(f"SET GLOBAL threads = {self.cores + 1 - statements}")
            self._sharing = statements

    @cached_property
    def cores(self) -> int:
        """Number of cores that DuckDB may use: its default number of threads."""
        return self.scalar("SELECT current_setting('threads')")

    def close(self) -> None:
        """End the database: its threads, its memory, and its connections to Postgres."""
        with ExitStack() as closing:
            for connection in (self._main, *self._cursors):
                closing.callback(connection.close)


def refusal(error: Exception) -> QueryError:
    """Turn an error of DuckDB into one line, with a hint what to do."""
    lines = (str(error).strip() or type(error).__name__).splitlines()
    made = ValueRefusedError if lines[0].startswith(_OF_VALUES) else QueryError
    return made(f"DuckDB: {lines[0]}", hint=_advice(lines))


def _advice(lines: Sequence[str]) -> str:
    """The hint for an error: DuckDB's own if it has one, `doctor` if a table's file is named."""
    if lines[0].startswith("Permission Error"):
        return "a query reads tables, and files of the warehouse, such as archived ones"
    proposal = next((line for line in lines[1:] if line.startswith("Did you mean")), "")
    is_file = any(ending in lines[0] for ending in (".parquet", ".avro", ".metadata.json"))
    return proposal or ("if the file is damaged, `doctor --deep` names the cure" if is_file else "")
