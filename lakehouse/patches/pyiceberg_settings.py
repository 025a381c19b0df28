"""PyIceberg without the settings of whoever runs it.

PyIceberg reads variables `PYICEBERG_…` and the file `.pyiceberg.yaml` of the user's home or of the
working folder, again and again: they change what it writes into metadata, and a file that is no
YAML, or a number that is none, ends the run. Tables are to depend on the project alone. Import this
before `pyiceberg.catalog`, which reads them when it is imported.

Mends a fault. Seen with PyIceberg 0.12.0.
"""

from __future__ import annotations

from pyiceberg.utils.config import Config


def _know_nothing(config: Config) -> None:
    """Take the place of `Config.__init__`, which reads files and variables."""
    config.config = {}


Config.__init__ = _know_nothing  # type: ignore[assignment]
