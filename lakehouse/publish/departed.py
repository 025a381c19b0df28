"""Marts in Postgres that no model makes any more: each stays as it is until it is dropped."""

from __future__ import annotations

from lakehouse import postgres
from lakehouse.errors import PublishError, UnknownNameError
from lakehouse.publish import (
    mart_moves,
    memory,
    publication,
    publication_table,
    refusals,
    relations,
)
from lakehouse.publish.publication_table import shown
from lakehouse.session import Session


def without_model(session: Session) -> list[str]:
    """Return the marts that Postgres had after the last publication, and that no model makes."""
    made = _made(session)
    return [name for name in memory.marts(session.settings) if name not in made]


def _made(session: Session) -> set[str]:
    """Return the names of the marts that models make."""
    return {spec.mart for spec in session.project.published.values()}


def drop(session: Session, name: str) -> None:
    """Drop a mart that no model makes.

    Raises UnknownNameError if no publication made it, and PublishError if a model makes it, or if
    other objects in Postgres depend on it.
    """
    if name in _made(session):
        raise PublishError(
            f"{shown(name)} is not dropped: a model makes it",
            hint="remove the model first; a run then leaves the mart as it is",
        )
    address = session.start_postgres().result()
    with postgres.connected(address) as connection, refusals.explained(address):
        publication.begin(connection)
        publication_table.prepare(connection)
        marts = publication_table.last(connection, lambda _: False).marts
        if name not in marts:
            known = ", ".join(sorted(marts.keys() - _made(session)))
            raise UnknownNameError(
                f"Postgres has no mart {name!r} of an earlier publication",
                hint=f"no model makes {known}" if known else "a model makes each that it has",
            )
        relation = relations.standing(connection, [name]).get(name)
        if relation is not None:
            mart_moves.drop(connection, relation)
        publication_table.strike(connection, name)
    memory.strike(session.settings, name)
