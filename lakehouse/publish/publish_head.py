"""Bringing Postgres to main's newest commit, unless it has that commit already."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from lakehouse.catalogs import Catalog
from lakehouse.errors import UnknownNameError
from lakehouse.publish import publication
from lakehouse.session import Session


def publish_head(session: Session, *, again: bool = False) -> dict[str, int] | None:
    """Publish main's newest commit to Postgres; return the number of rows moved by mart.

    Return None if Postgres has that commit already, or if main is empty. `again` moves all rows,
    whatever Postgres holds. Raises PublishError.
    """
    head = session.catalog.head()
    if head is None or (not again and publication.is_current(session.settings, head)):
        return None
    tables = session.catalog.tables(head.id)
    address = session.start_postgres().result()
    publication.forget(session.settings)
    is_known = partial(_is_known, session.catalog)
    published = publication.publish(
        session.engine, session.compiled, head, tables, address, is_known, again=again
    )
    publication.remember(session.settings, head)
    return published.rows


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
