"""Relations of the marts' schemas, as they stand in Postgres, whoever made or changed them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.compile.postgres_types import postgres_type
from lakehouse.publish.publication_table import SCHEMA, shown
from lakehouse.table_names import schema_of

if TYPE_CHECKING:
    import ibis
    import psycopg

_TABLES = ("r", "p")
_VIEW = "v"
_KINDS = {_VIEW: "a view", "m": "a materialized view", "f": "a foreign table", "S": "a sequence"}
_FOUND = f"""
SELECT CASE nspname WHEN '{SCHEMA}' THEN relname ELSE nspname || '.' || relname END,
    relkind::text, obj_description(c.oid, 'pg_class'),
    ARRAY(SELECT attname::text FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum),
    ARRAY(SELECT format_type(atttypid, atttypmod) FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum),
    ARRAY(SELECT col_description(c.oid, attnum) FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum),
    (SELECT ARRAY(SELECT attname::text FROM unnest(confkey) WITH ORDINALITY AS k (number, place)
            JOIN pg_attribute ON attrelid = confrelid AND attnum = number ORDER BY place)
        FROM pg_constraint f WHERE confrelid = c.oid AND contype = 'f' ORDER BY f.oid LIMIT 1),
    conname::text,
    ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum = ANY(conkey))
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
LEFT JOIN pg_constraint p ON conrelid = c.oid AND contype = 'p'
WHERE nspname = ANY(%s) AND relkind NOT IN ('i', 'I', 't')
"""
_ALIKE = {"timestamp(6)": "timestamp", "character varying": "text"}
"""Types that an earlier version gave, by engine, and that hold the same values."""


@dataclass(frozen=True)
class Relation:
    """A table, or what else has the name of one."""

    name: str
    kind: str
    """What it is, as `pg_class.relkind` says it."""
    comment: str | None
    columns: Mapping[str, str]
    """The whole type of each column, as `format_type` writes it, under the name it has today."""
    column_comments: Mapping[str, str | None]
    """The comment of each column; None without one."""
    referenced: tuple[str, ...]
    """The columns that the first foreign key of another table refers to; empty without one."""
    primary_key: str | None
    """The name of the primary key's constraint; None without one."""
    key: tuple[str, ...]
    """The columns of the primary key."""

    @property
    def is_table(self) -> bool:
        """Whether rows can be deleted and inserted."""
        return self.kind in _TABLES

    @property
    def is_view(self) -> bool:
        """Whether it is a view that holds no rows of its own."""
        return self.kind == _VIEW

    @property
    def described(self) -> str:
        """What kind of relation it is, in words."""
        return "a table" if self.is_table else _KINDS.get(self.kind, "no table")

    def has(self, columns: Mapping[str, str]) -> bool:
        """Return whether it is a table with exactly these columns, in any order."""
        return (
            self.is_table and {name: _alike(kind) for name, kind in self.columns.items()} == columns
        )


def standing(connection: psycopg.Connection, marts: Iterable[str]) -> dict[str, Relation]:
    """Return the relations of the schemas that marts lie in, and of `marts`, by a mart's name."""
    schemas = sorted({SCHEMA, *(schema_of(shown(mart)) for mart in marts)})
    return {
        name: Relation(
            name,
            kind,
            comment,
            dict(zip(names, map(_alike, types), strict=True)),
            dict(zip(names, comments, strict=True)),
            tuple(referenced or ()),
            primary_key,
            tuple(key),
        )
        for (
            name,
            kind,
            comment,
            names,
            types,
            comments,
            referenced,
            primary_key,
            key,
        ) in connection.execute(_FOUND, (schemas,))
    }


def columns(schema: ibis.Schema) -> dict[str, str]:
    """Return the type in Postgres of each column of a mart."""
    return {name: str(postgres_type(kind)) for name, kind in schema.items()}


def _alike(kind: str) -> str:
    for theirs, ours in _ALIKE.items():
        kind = kind.replace(theirs, ours)
    return kind
