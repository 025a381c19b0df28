"""Publication: the marts of one commit in Postgres, all of them in one transaction.

The marts' changed rows are loaded into staging tables; then one transaction moves them and records
the commit. Readers see all old marts or all new ones, never a mixture. What stands in Postgres is
compared with what should: a mart that somebody dropped or altered is published as a whole.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse import postgres
from lakehouse.addresses import Address
from lakehouse.build.builds import source
from lakehouse.catalogs import Commit, StoredTable
from lakehouse.compile.compiler import Compiled
from lakehouse.engines import Engine, Load
from lakehouse.engines.sql import identifier
from lakehouse.errors import PublishError
from lakehouse.plan.state import EVERYTHING
from lakehouse.postgres import locks
from lakehouse.publish import (
    comments,
    mart_moves,
    mart_views,
    publication_table,
    refusals,
    relations,
)
from lakehouse.publish.mart_moves import Mart
from lakehouse.publish.mart_views import MartView
from lakehouse.publish.publication_table import LOCK, STAGING, Last, shown
from lakehouse.publish.relations import Relation

if TYPE_CHECKING:
    import psycopg

_FOR_ANOTHER = 600_000
"""Milliseconds that another publication is waited for."""


@dataclass(frozen=True)
class Published:
    """The rows that a publication moved, by mart; empty if Postgres was up to date."""

    commit: str
    rows: dict[str, int]
    marts: Mapping[str, str]
    """The version of each mart that Postgres has, also of those that no model makes any more."""


def publish(
    engine: Engine,
    compiled: Compiled,
    commit: Commit,
    tables: Mapping[str, StoredTable],
    address: Address,
    is_known: Callable[[str], bool],
    *,
    again: bool = False,
) -> Published:
    """Bring the marts in Postgres to a commit, unless Postgres has a newer one already.

    `is_known` tells whether a commit is this lakehouse's. If the last published one is not, all
    marts are replaced. `again` moves all rows of all marts, whatever Postgres has. A mart that no
    model makes any more stays as it is.

    Raises PublishError; Postgres is then as it was.
    """
    marts = [spec.mart for spec in compiled.project.published.values()]
    with postgres.connected(address) as connection, refusals.explained(address, marts):
        begin(connection)
        publication_table.prepare(connection)
        _drop_staging(connection)
        connection.commit()
        begin(connection)
        last = publication_table.last(connection, is_known)
        if last.sequence > commit.sequence:
            return Published(commit.id, {}, last.marts)
        work = _Work(connection, compiled, commit, tables, last, again=again)
        if work.is_done:
            return Published(commit.id, {}, last.marts)
        try:
            with postgres.undisturbed(address):
                engine.load_postgres(address, [mart.load for mart in work.marts])
            return work.move()
        except BaseException:
            with suppress(Exception):
                connection.rollback()
                _drop_staging(connection, work.token)
                connection.commit()
            raise


def stands(address: Address, compiled: Compiled, tables: Mapping[str, StoredTable]) -> bool:
    """Return whether Postgres has a table with the right columns for each mart of a commit.

    Whether the rows are right is not looked at. Raises PublishError.
    """
    with postgres.connected(address) as connection, refusals.explained(address):
        made = compiled.project.published
        found = relations.standing(connection, [spec.mart for spec in made.values()])
    stored = {spec.mart: name for name, spec in made.items() if spec.table in tables}
    views = mart_views.of_commit(compiled, tables)
    return (
        publication_table.NAME in found
        and all(
            mart in found and found[mart].has(relations.columns(compiled.schemas[name]))
            for mart, name in stored.items()
        )
        and all(view.name in found and found[view.name].columns == view.columns for view in views)
    )


class _Work:
    """What a publication has to do, from what stands in Postgres, and the doing of it."""

    def __init__(
        self,
        connection: psycopg.Connection,
        compiled: Compiled,
        commit: Commit,
        tables: Mapping[str, StoredTable],
        last: Last,
        *,
        again: bool,
    ) -> None:
        self.connection, self.compiled, self.tables = connection, compiled, tables
        self.commit, self.last, self.again = commit, last, again
        self.token = secrets.token_hex(4)
        """Beginning of the names of the staging tables of this publication alone."""
        self.made = {spec.mart: spec for spec in compiled.project.published.values()}
        self.standing = relations.standing(connection, {*last.marts, *self.made})
        self.versions = {
            mart: tables[spec.table].state.version
            for mart, spec in self.made.items()
            if spec.table in tables
        }
        views = mart_views.of_commit(compiled, tables)
        gone = last.marts.keys() - self.versions.keys() - {view.name for view in views}
        standing = gone & self.standing.keys()
        self.emptied = sorted(name for name in standing if name in self.made)
        self.kept = {name: last.marts[name] for name in standing if name not in self.made}
        self.marts = list(self._changed())
        self.views = mart_views.with_readers(views, set(self._replaced(views)))
        """Views to make anew, parents first."""
        self.versions |= {view.name: view.version for view in views}

    @property
    def is_done(self) -> bool:
        """Whether Postgres has all of the commit already, and what the models say of it."""
        is_same = self.last.sequence == self.commit.sequence
        is_told = not any(
            comments.differ(self.made[name], self.standing.get(name)) for name in self.versions
        )
        return is_same and not self.marts and not self.views and is_told

    def move(self) -> Published:
        """Move all staged rows, and note the commit, in the transaction that began earlier."""
        publication_table.make_schemas(self.connection, self.versions)
        self._drop_replaced()
        rows = {
            mart.name: mart_moves.move(self.connection, mart, self.standing.get(mart.name))
            for mart in self.marts
        }
        for name in self.emptied:
            if name in self.standing:
                mart_moves.empty(self.connection, name)
                rows[name] = 0
        for view in self.views:
            mart_views.create(self.connection, view)
        for name in self.versions:
            comments.write(self.connection, self.made[name], self.standing.get(name))
        versions = {**self.kept, **self.versions}
        publication_table.note(self.connection, self.commit, versions)
        _drop_staging(self.connection, self.token)
        self.connection.commit()
        return Published(self.commit.id, rows, versions)

    def _changed(self) -> Iterator[Mart]:
        """Yield the marts that have to be written, with the rows that do."""
        for place, mart in enumerate(self.versions):
            spec = self.made[mart]
            rows = source(self.compiled, spec.name, self.tables)
            columns = relations.columns(rows.schema)
            relation = self.standing.get(mart)
            if relation is not None:
                self._require_ours(relation, is_alike=relation.has(columns))
            changed = self.tables[spec.table].state.changed_since(self.last.versions.get(mart))
            if self.again or relation is None or not relation.has(columns):
                changed = EVERYTHING
            if changed:
                # A short name of its own: Postgres would cut one made of the mart's.
                staging = (STAGING, f"{self.token}_{place}")
                key = self.compiled.project.key_of(spec.name)
                # Rows of different windows are compared with each other by no check.
                is_safe = rows.time_column is None or rows.time_column in key
                yield Mart(mart, Load(rows, changed, staging), key if is_safe else ())

    def _replaced(self, views: Iterable[MartView]) -> Iterator[str]:
        """Yield the names of relations that this publication drops, alters or makes as views."""
        for mart in self.marts:
            relation = self.standing.get(mart.name)
            if relation is None or not relation.has(mart.columns):
                yield mart.name
        for view in views:
            relation = self.standing.get(view.name)
            if relation is not None:
                self._require_ours(relation, is_alike=False)
            is_published = self.last.versions.get(view.name) == view.version
            if not (is_published and view.stands(relation)):
                yield view.name

    def _drop_replaced(self) -> None:
        """Drop what stands where views are made anew, and views where tables or nothing will be."""
        tables = {mart.name for mart in self.marts}
        was_view = [n for n in (*self.emptied, *tables) if self._stands_as_view(n)]
        for name in (*(view.name for view in reversed(self.views)), *was_view):
            relation = self.standing.pop(name, None)
            if relation is not None:
                mart_moves.drop(self.connection, relation)

    def _stands_as_view(self, name: str) -> bool:
        return name in self.standing and self.standing[name].is_view

    def _require_ours(self, relation: Relation, *, is_alike: bool) -> None:
        """Raise PublishError for a relation that somebody else made, and that would be lost."""
        name = relation.name
        is_ours = (relation.is_table or relation.is_view) and (
            name in self.last.marts
            or is_alike
            or publication_table.has_ever_had(self.connection, name)
        )
        if not is_ours:
            raise PublishError(
                f"{shown(name)} is {relation.described} in Postgres that no publication made",
                hint="nothing was published; rename or drop it, then publish again",
            )


def begin(connection: psycopg.Connection) -> None:
    """Begin a transaction, once no other publication is in one."""
    postgres.use_formats(connection)
    connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    locks.limit_waits(connection, _FOR_ANOTHER)
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    locks.limit_waits(connection)


def _drop_staging(connection: psycopg.Connection, token: str = "") -> None:
    """Drop the staging tables whose names begin with a token, or those of all publications.

    Under the lock, all others are of publications that were killed.
    """
    tables = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s AND starts_with(tablename, %s)",
        (STAGING, token),
    ).fetchall()
    if tables:
        names = ", ".join(f"{STAGING}.{identifier(name)}" for (name,) in tables)
        connection.execute(f"DROP TABLE IF EXISTS {names}".encode())
