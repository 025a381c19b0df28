"""Bringing Postgres to main's newest commit, unless it has that commit already."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from lakehouse.catalogs import Catalog, StoredTable
from lakehouse.errors import PublishError, UnknownNameError
from lakehouse.publish import comments, mart_views, memory, publication
from lakehouse.session import Session


def publish_head(session: Session, *, again: bool = False) -> dict[str, int] | None:
    """Publish main's newest commit to Postgres; return the number of rows moved by mart.

    Return None if Postgres has that commit already, or if main is empty. A Postgres that others may
    write to is asked whether all marts are still there. `again` moves all rows,
    whatever Postgres holds. Raises PublishError.
    """
    settings, head = session.settings, session.catalog.head()
    if head is None:
        return None
    tables = session.catalog.tables(head.id)
    views = mart_views.of_commit(session.compiled, tables)
    said = comments.digest(session.project.published.values())
    is_current = not again and memory.is_current(settings, head, views, said)
    if is_current and _stands(session, tables):
        return None
    address = session.start_postgres().result()
    memory.forget(settings)
    is_known = partial(_is_known, session.catalog)
    published = publication.publish(
        session.engine, session.compiled, head, tables, address, is_known, again=again
    )
    memory.remember(settings, head, published.marts, said)
    return published.rows


def _stands(session: Session, tables: Mapping[str, StoredTable]) -> bool:
    """Return whether no mart is missing in Postgres, as far as somebody may have dropped one.

    Nobody else writes to an embedded Postgres, and one that does not answer cannot be told.
    """
    address = session.settings.postgres_url
    with suppress(PublishError):
        return address is None or publication.stands(address, session.compiled, tables)
    return True


def summary(published: Mapping[str, int]) -> tuple[int, str]:
    """How many rows a publication moved, and in words how many marts they are in."""
    return sum(published.values()), f"{len(published)} marts in Postgres"


def _is_known(catalog: Catalog, commit: str) -> bool:
    """Return whether main knows a commit."""
    try:
        catalog.commit(commit)
    except UnknownNameError:
        return False
    return True
