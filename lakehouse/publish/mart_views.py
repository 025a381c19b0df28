"""Marts that are views: in Postgres they are views over the tables of other marts.

Nothing of them is loaded. A view is made anew if its definition changed, or if the table of a mart
that it reads gets other columns, as Postgres alters no column that a view reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.compile.compiler import Compiled
from lakehouse.engines.sql import identifier
from lakehouse.publish.publication_table import qualified, shown
from lakehouse.publish.relations import Relation, columns
from lakehouse.table_names import name_of

if TYPE_CHECKING:
    import psycopg


_VIEW = "view "
"""Beginning of the version of a view; that of a table has no blank."""


@dataclass(frozen=True)
class MartView:
    """A mart that is a view in Postgres."""

    name: str
    select: str
    """Its SELECT in the SQL of Postgres, over bare names of marts."""
    columns: Mapping[str, str]
    """The type of each column in Postgres."""
    parents: tuple[str, ...]
    """Names of the marts that it reads."""

    @property
    def version(self) -> str:
        """A text that differs for another definition."""
        content = repr((self.select, dict(self.columns)))
        return f"{_VIEW}{hashlib.sha256(content.encode()).hexdigest()[:16]}"

    def stands(self, relation: Relation | None) -> bool:
        """Return whether `relation` is a view with the columns of this one."""
        return relation is not None and relation.is_view and relation.columns == self.columns


def is_view(version: str) -> bool:
    """Return whether a version is that of a view."""
    return version.startswith(_VIEW)


def of_commit(compiled: Compiled, tables: Collection[str]) -> list[MartView]:
    """Return the views over marts among `tables`, and over each other, parents first."""
    views: list[MartView] = []
    published = compiled.project.published
    known = {name for name, spec in published.items() if spec.table in tables}
    for name, model in compiled.models.items():
        if model.postgres_view is None or not known.issuperset(model.spec.inputs):
            continue
        known.add(name)
        views.append(
            MartView(
                model.spec.mart,
                model.postgres_view,
                columns(model.statement.schema),
                tuple(published[parent].mart for parent in model.spec.inputs),
            )
        )
    return views


def with_readers(views: list[MartView], changed: Collection[str]) -> list[MartView]:
    """Return the views that read relations of these names, in themselves or through others."""
    names = set(changed)
    readers = []
    for view in views:
        if view.name in names or not names.isdisjoint(view.parents):
            names.add(view.name)
            readers.append(view)
    return readers


def create(connection: psycopg.Connection, view: MartView) -> None:
    """Make a view in the transaction of a publication."""
    tables = ", ".join(
        f"{identifier(name_of(shown(mart)))} AS (SELECT * FROM {qualified(mart)})"
        for mart in view.parents
    )
    ctes = f"WITH {tables} " if tables else ""
    values = ", ".join(
        f"CAST({identifier(name)} AS {kind}) AS {identifier(name)}"
        for name, kind in view.columns.items()
    )
    connection.execute(
        f"CREATE VIEW {qualified(view.name)} AS {ctes}"
        f"SELECT {values} FROM ({view.select}) AS made".encode()
    )
