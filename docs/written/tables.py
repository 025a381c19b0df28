"""The columns of tables, with what the project says of them, and the columns they come from."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import ibis.expr.datatypes as dt

from docs.written.markdown import table
from lakehouse import config
from lakehouse.lineage import VALUE, Lineage
from lakehouse.session import Session

if TYPE_CHECKING:
    from lakehouse.compile.compiler import Compiled

_TYPES = {
    dt.Timestamp(timezone="UTC", scale=6): "instant",
    dt.Timestamp(scale=6): "timestamp",
}
"""How the page calls types whose own names are longer."""


def columns(name: str) -> str:
    """Return a table of the columns of a model that describes them."""
    compiled, lineage = _compiled()
    model = compiled.project.models[name]
    rows = []
    for column, kind in compiled.schemas[name].items():
        bare = kind.copy(nullable=True)
        edges = lineage.parents(model.table, column)
        sources = ", ".join(f"`{edge.parent}`" for edge in edges if edge.kind == VALUE)
        meaning = model.columns.get(column, "")
        rows.append([f"`{column}`", _TYPES.get(bare, str(bare)), meaning, sources])
    return table(["column", "type", "meaning", "value from"], rows)


@cache
def _compiled() -> tuple[Compiled, Lineage]:
    with Session(config.load(Path(__file__).parents[2], {})) as session:
        return session.compiled, session.lineage
