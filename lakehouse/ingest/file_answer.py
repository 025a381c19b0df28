"""The answer of a source that is a folder: its function is called for each file to be read.

A file that cannot be read, or that changes meanwhile, is noted as unread, and none of its rows
count; the others go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.declare.project_code import placed
from lakehouse.declare.raw_columns import FILE_NAME
from lakehouse.declare.specs import FILE
from lakehouse.declare.unread import Unread
from lakehouse.errors import LakehouseError, ProjectError, SourceError
from lakehouse.ingest.folder import Folder, look
from lakehouse.ingest.piece import Answer, nothing_read, placed_pages, require_key

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass
class FileAnswer(Answer):
    """The pages of several files, each with the name of its file in a column."""

    folder: Folder | None = None

    def __iter__(self) -> Iterator[pa.Table]:
        """Yield the pages. Raises SourceError if no file could be read, nor ever was."""
        assert self.folder is not None
        self.asked_at = self.clock()
        for name, path in self.folder.to_read.items():
            try:
                with placed("", self.spec.function):
                    yield from self._pages(name, path)
            except LakehouseError as error:
                self.unread.append(Unread({FILE_NAME: name}, error.message, error.hint))
        if self.unread and not self.folder.read and not self.folder.known:
            raise nothing_read(self.spec, self.unread)

    def _pages(self, name: str, path: Path) -> Iterator[pa.Table]:
        import pyarrow as pa

        assert self.folder is not None
        before, is_whole = look(path), True
        given = self.function(**{**self.parents, FILE: path})
        for page in placed_pages(given, self.spec):
            if isinstance(page, Unread):
                require_key(self.spec, page)
                self.unread.append(page)
                is_whole = False
            elif FILE_NAME in page.column_names:
                raise ProjectError(
                    f"{self.spec.table} yielded a column {FILE_NAME!r}, which lakehouse adds",
                    hint="give it another name",
                )
            else:
                yield page.append_column(FILE_NAME, pa.array([name] * page.num_rows, pa.string()))
        if look(path).digest != before.digest:
            raise SourceError(
                "it changed while it was read", hint="the next run reads it, once it is complete"
            )
        if is_whole:
            self.folder.read[name] = before
