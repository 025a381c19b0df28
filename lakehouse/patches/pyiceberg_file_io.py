"""One `FileIO` of our own for all tables of a catalog.

PyIceberg makes another one for each table that it loads and for each commit, from the properties of
the catalog and of the table. One that notes which files it writes, for a power cut, has to be the
same for all tables of a branch; and a bucket is to be read with our own keys, whatever Nessie says
of the table. `_load_file_io`, which makes them, has no public counterpart that is handed an object.

Gain: none in time. Without it files would not be synced before main moves. Seen with PyIceberg
0.12.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiceberg.typedef import EMPTY_DICT, Properties

if TYPE_CHECKING:
    from pyiceberg.io import FileIO


class OneFileIO:
    """A catalog of PyIceberg, to be named before its own class, that has one `FileIO`: `_io`."""

    _io: FileIO

    def _load_file_io(
        self,
        properties: Properties = EMPTY_DICT,  # noqa: ARG002
        location: str | None = None,  # noqa: ARG002
    ) -> FileIO:
        return self._io
