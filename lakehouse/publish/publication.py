"""Publication: the marts of one commit in Postgres, all of them in one transaction.

The marts' changed windows are loaded into staging tables; then one transaction moves them and
records the commit. Readers see all old marts or all new ones, never a mixture. Tables keep their
identity, so views, grants and indexes that others put on them stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from lakehouse import postgres, small_files, storage
from lakehouse.addresses import Address
from lakehouse.build.builds import source
from lakehouse.catalogs import Commit, StoredTable
from lakehouse.compile.compiler import Compiled
from lakehouse.config import Settings
from lakehouse.engines import Engine, Load
from lakehouse.engines.sql import where
from lakehouse.errors import PublishError
from lakehouse.publish import publication_table
from lakehouse.publish.publication_table import SCHEMA
from lakehouse.windows import ALL_TIME

if TYPE_CHECKING:
    import psycopg

STAGING = "lakehouse_staging"
LOCK = 7_305_818_223_117
"""Key of the advisory lock in Postgres that lets one publication run at a time."""
Tables: TypeAlias = dict[tuple[str, str], dict[str, str]]
"""Column types by column name, for each table by schema and name."""


@dataclass(frozen=True)
class Published:
    """The rows that a publication moved, by mart; empty if Postgres was up to date."""

    commit: str
    rows: dict[str, int]


@dataclass(frozen=True)
class Mart:
    """One mart to publish: its rows, and the part of Postgres' table that they replace."""

    name: str
    load: Load


def is_current(settings: Settings, commit: Commit) -> bool:
    """Return whether this home remembers publishing the commit to the configured Postgres."""
    if not postgres.is_set_up(settings):
        return False
    return small_files.read(_memory(settings), bytes.decode) == _remembered(settings, commit)


def remembered(settings: Settings) -> str | None:
    """Return the id of the commit that this home published last; None if it does not remember."""
    words = (small_files.read(_memory(settings), bytes.decode) or "").split()
    return words[0] if words else None


def remember(settings: Settings, commit: Commit) -> None:
    """Write down that the commit is published: a run without changes then need not ask Postgres."""
    storage.write(_memory(settings), _remembered(settings, commit))


def forget(settings: Settings) -> None:
    """Delete what `remember` wrote: the next run asks Postgres, and clears it of staging tables."""
    storage.remove(_memory(settings))


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
    marts are replaced. `again` moves all rows of all marts, whatever Postgres has.

    Raises PublishError; Postgres is then as it was.
    """
    with postgres.connected(address) as connection, _explained(address):
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        publication_table.prepare(connection)
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {STAGING}")
        connection.commit()
        _clear(connection)
        sequence, versions = publication_table.last(connection, is_known)
        if sequence > commit.sequence or (sequence == commit.sequence and not again):
            return Published(commit.id, {})
        current = {
            name: tables[spec.table].state.version
            for name, spec in compiled.project.published.items()
            if spec.table in tables
        }
        marts = list(_changed(compiled, tables, {} if again else versions, commit))
        try:
            engine.load_postgres(address, [mart.load for mart in marts])
            columns = _columns(connection)
            rows = {mart.name: _move(connection, mart, columns) for mart in marts}
            for name in sorted(versions.keys() - current.keys()):
                if (SCHEMA, name) in columns:
                    _empty(connection, name)
                rows[name] = 0
            publication_table.note(connection, commit, current)
            connection.commit()
        finally:
            connection.rollback()
            _clear(connection)
    return Published(commit.id, rows)


@contextmanager
def _explained(address: Address) -> Iterator[None]:
    """Raise PublishError, with Postgres' reason in one line, for an error of Postgres."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        reason = error.diag.message_primary or type(error).__name__
        raise PublishError(
            f"Postgres at {address.shown} refused the publication: {reason}",
            hint="nothing was published; check that the user may create tables in the schema marts",
        ) from None


def _clear(connection: psycopg.Connection) -> None:
    """Drop all staging tables, also those of a publication that was killed."""
    from psycopg import sql

    tables = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = %s", (STAGING,)
    )
    for (name,) in tables.fetchall():
        drop = sql.SQL("DROP TABLE IF EXISTS {}")
        connection.execute(drop.format(sql.Identifier(STAGING, name)))
    connection.commit()


def _changed(
    compiled: Compiled,
    tables: Mapping[str, StoredTable],
    versions: Mapping[str, str],
    commit: Commit,
) -> Iterator[Mart]:
    for name, spec in compiled.project.published.items():
        if spec.table not in tables:
            continue
        changed = tables[spec.table].state.changed_since(versions.get(name))
        if changed:
            origin = source(compiled, name, tables)
            staging = (STAGING, f"{name}_{commit.sequence}")
            yield Mart(name, Load(origin, changed, staging))


def _move(connection: psycopg.Connection, mart: Mart, columns: Tables) -> int:
    """Replace the mart's changed windows by the staged rows, and return how many rows moved."""
    import psycopg
    from psycopg import sql

    target = sql.Identifier(SCHEMA, mart.name)
    staging = sql.Identifier(*mart.load.target)
    old, new = columns.get((SCHEMA, mart.name)), columns[mart.load.target]
    try:
        if not old:
            connection.execute(sql.SQL("CREATE TABLE {} (LIKE {})").format(target, staging))
        elif old != new:
            _alter(connection, target, old, new)
    except (psycopg.errors.DependentObjectsStillExist, psycopg.errors.FeatureNotSupported) as error:
        detail = error.diag.message_detail or error.diag.message_primary
        raise PublishError(
            f"the columns of {SCHEMA}.{mart.name} changed, and other objects in Postgres depend on"
            f" them: {detail}",
            hint="change or drop what depends on it, then run again",
        ) from None
    _delete(connection, mart, target)
    names = sql.SQL(", ").join(map(sql.Identifier, new))
    moved = connection.execute(
        sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(target, names, names, staging)
    )
    return moved.rowcount


def _empty(connection: psycopg.Connection, name: str) -> None:
    """Delete all rows of a mart that the commit lacks; the table stays for views on it."""
    from psycopg import sql

    connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(SCHEMA, name)))


def _delete(connection: psycopg.Connection, mart: Mart, target: Any) -> None:
    """Delete the rows of the mart that lie in a changed window and have a changed key."""
    from psycopg import sql

    source, windows = mart.load.source, mart.load.changed.windows
    # A condition on the time would never delete rows whose time is null.
    column = None if ALL_TIME in windows else source.time_column
    condition = where(windows, mart.load.changed.keys, column, source.schema, "postgres")
    connection.execute(sql.SQL("DELETE FROM {} WHERE ").format(target) + sql.SQL(condition))


def _columns(connection: psycopg.Connection) -> Tables:
    """Return the published and the staged tables, with the types of their columns."""
    columns = connection.execute(
        "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = ANY(%s) ORDER BY table_schema, table_name, ordinal_position",
        ([SCHEMA, STAGING],),
    )
    tables: Tables = {}
    for schema, table, column, kind in columns.fetchall():
        tables.setdefault((schema, table), {})[column] = kind
    return tables


def _alter(
    connection: psycopg.Connection, target: Any, old: Mapping[str, str], new: Mapping[str, str]
) -> None:
    """Give the published table the columns that the mart has now."""
    from psycopg import sql

    for name in old.keys() - new.keys():
        drop = sql.SQL("ALTER TABLE {} DROP COLUMN {}")
        connection.execute(drop.format(target, sql.Identifier(name)))
    for name, kind in new.items():
        column = sql.Identifier(name)
        if name not in old:
            add = sql.SQL("ALTER TABLE {} ADD COLUMN {} {}")
            connection.execute(add.format(target, column, sql.SQL(kind)))
        elif old[name] != kind:
            change = sql.SQL("ALTER TABLE {} ALTER COLUMN {} TYPE {} USING NULL")
            connection.execute(change.format(target, column, sql.SQL(kind)))


def _memory(settings: Settings) -> Path:
    return settings.home / "published"


def _remembered(settings: Settings, commit: Commit) -> str:
    return f"{commit.id} {postgres.identity(settings)}\n"
