"""Rows that DuckDB keeps under a name for the statements of one step.

A few rows lie in memory, as a temporary table. Many rows are written to a Parquet file in the
folder for what does not fit into memory, and the name is a view of it: memory does not grow with
them, and what they are joined with has all of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from pathlib import Path

from lakehouse.engines.duckdb_connections import Connections
from lakehouse.engines.duckdb_relations import parquet
from lakehouse.engines.sql import identifier, literal

_FORMAT = "FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE 20480"
"""How the file is written: each thread holds a row group of it in memory, so they are small."""


class KeptRows:
    """The rows that are kept in the connection of the calling thread, by name."""

    def __init__(self, connections: Connections, spill: Path | None) -> None:
        """`spill` is the folder of this process for many rows; None: all rows lie in memory."""
        self._connections = connections
        self._spill = spill
        self._files: dict[str, Path] = {}

    def keep(self, name: str, statement: str, *, are_many: bool) -> None:
        """Keep the rows of a statement, in place of those that had this name."""
        run = self._connections.execute
        self.forget([name])
        if self._spill is None or not are_many:
            run(f"CREATE OR REPLACE TEMP TABLE {identifier(name)} AS {statement}")
            return
        file = self._spill / f"{uuid.uuid4().hex}.parquet"
        self._files[name] = file
        run(f"COPY ({statement}) TO {literal(str(file))} ({_FORMAT})")
        rows = parquet([str(file)])
        run(f"CREATE OR REPLACE TEMP VIEW {identifier(name)} AS SELECT * FROM {rows}")

    def forget(self, names: Collection[str]) -> None:
        """Drop the temporary tables and views of these names, if there are any, and their files."""
        if not names:
            return
        listed = ", ".join(map(literal, names))
        kinds = self._connections.execute(
            "SELECT 'VIEW', view_name FROM duckdb_views()"
            f" WHERE temporary AND view_name IN ({listed}) UNION ALL"
            " SELECT 'TABLE', table_name FROM duckdb_tables()"
            f" WHERE temporary AND table_name IN ({listed})"
        ).fetchall()
        for kind, name in kinds:
            self._connections.execute(f"DROP {kind} {identifier(name)}")
        for name in names:
            if (file := self._files.pop(name, None)) is not None:
                file.unlink(missing_ok=True)
