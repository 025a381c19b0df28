"""The columns of tables, with what the project says of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import ibis.expr.datatypes as dt

from docs.written.markdown import table
from lakehouse import config
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
    described = _compiled().project.models[name].columns
    rows = []
    for column, kind in _compiled().schemas[name].items():
        bare = kind.copy(nullable=True)
        rows.append([f"`{column}`", _TYPES.get(bare, str(bare)), described.get(column, "")])
    return table(["column", "type", "meaning"], rows)


@cache
def _compiled() -> Compiled:
    with Session(config.load(Path(__file__).parents[2], {})) as session:
        return session.compiled
