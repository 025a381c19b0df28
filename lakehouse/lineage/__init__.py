"""Lineage by column: which columns give a column its value, and which only influence it.

It is read from the expressions of models, from the fields of sources to the marts. What is made of
rows is `history.why`, and pictures are `draw`.
"""

from __future__ import annotations

from lakehouse.lineage.graph import INFLUENCE, VALUE, Edge, Kind, Lineage
from lakehouse.lineage.parents import ROWS, Column, Parents, TableParents
from lakehouse.lineage.project import kept, of
from lakehouse.lineage.relations import table_parents

__all__ = [
    "INFLUENCE",
    "ROWS",
    "VALUE",
    "Column",
    "Edge",
    "Kind",
    "Lineage",
    "Parents",
    "TableParents",
    "kept",
    "of",
    "table_parents",
]
