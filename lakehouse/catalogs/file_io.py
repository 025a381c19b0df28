"""What all tables of a catalog are read and written with, for PyIceberg.

It would make one for each table and each commit; what is remembered of a table's manifests goes by
the one that read them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiceberg.typedef import EMPTY_DICT, Properties

if TYPE_CHECKING:
    from pyiceberg.io import FileIO


class OneFileIO:
    """A catalog of PyIceberg, to be named before its own class, that has one for all."""

    _io: FileIO

    def _load_file_io(
        self,
        properties: Properties = EMPTY_DICT,  # noqa: ARG002
        location: str | None = None,  # noqa: ARG002
    ) -> FileIO:
        return self._io
