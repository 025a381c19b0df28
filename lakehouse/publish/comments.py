"""Comments in Postgres: what the models say of the marts and of their columns.

They are written in the transaction of a publication, where they differ from what stands there. A
column that its model does not describe keeps what somebody else wrote.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lakehouse.declare.specs import ModelSpec
from lakehouse.engines.sql import identifier, literal
from lakehouse.publish.publication_table import qualified
from lakehouse.publish.relations import Relation

if TYPE_CHECKING:
    import psycopg


def digest(specs: Iterable[ModelSpec]) -> str:
    """Return a text that differs if the models say something else of their marts."""
    said = sorted((spec.mart, spec.description, sorted(spec.columns.items())) for spec in specs)
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def differ(spec: ModelSpec, relation: Relation | None) -> bool:
    """Return whether comments have to be written; `relation` is the mart as it stands."""
    return any(_statements(spec, relation))


def write(connection: psycopg.Connection, spec: ModelSpec, relation: Relation | None) -> None:
    """Write the comments that differ from those of the mart as it stood, None if it did not."""
    for statement in _statements(spec, relation):
        connection.execute(statement.encode())


def _statements(spec: ModelSpec, relation: Relation | None) -> Iterator[str]:
    name = qualified(spec.mart)
    if spec.description != ("" if relation is None else relation.comment or ""):
        kind = "VIEW" if spec.is_view else "TABLE"
        yield f"COMMENT ON {kind} {name} IS {literal(spec.description)}"
    known = {} if relation is None else relation.column_comments
    for column, text in spec.columns.items():
        if text != (known.get(column) or ""):
            yield f"COMMENT ON COLUMN {name}.{identifier(column)} IS {literal(text)}"
