"""Soft deletes: sources that keep a row which they deleted, and say so in a column of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SoftDelete:
    """The source keeps deleted rows, and says so in `column`: true, or an instant that is not null.

    Such rows are marked as gone, and leave all models until the source says otherwise.
    """

    column: str
