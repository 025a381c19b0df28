"""What a home remembers of its last publication, so that most commands need not ask Postgres."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from lakehouse import postgres, small_files, storage
from lakehouse.catalogs import Commit
from lakehouse.config import Settings
from lakehouse.publish.mart_views import MartView, is_view


def is_current(
    settings: Settings,
    commit: Commit,
    views: Iterable[MartView] = (),
    comments: str | None = None,
) -> bool:
    """Return whether this home remembers publishing the commit to the configured Postgres.

    With `views`, also whether it published them as they are defined now; with `comments`, a digest,
    whether it wrote those.
    """
    first, *marts = _lines(settings) or [""]
    commit_and_server, told = first.split()[:2], first.split()[2:]
    is_published = postgres.is_set_up(settings) and commit_and_server == [
        commit.id,
        postgres.identity(settings),
    ]
    is_told = comments is None or told == [comments]
    return (
        is_published
        and is_told
        and {_line(view.name, view.version) for view in views} <= set(marts)
    )


def commit(settings: Settings) -> str | None:
    """Return the id of the commit that this home published last; None if it does not remember."""
    words = " ".join(_lines(settings)[:1]).split()
    return words[0] if words else None


def marts(settings: Settings) -> list[str]:
    """Return the names of the marts that Postgres had after the last publication of this home."""
    return [line.split()[0] for line in _lines(settings)[1:]]


def remember(
    settings: Settings, published: Commit, marts: Mapping[str, str], comments: str
) -> None:
    """Write down which commit is published, the version of each mart, and a digest of comments.

    A run without changes then need not ask an embedded Postgres.
    """
    first = f"{published.id} {postgres.identity(settings)} {comments}"
    lines = [first, *(_line(*mart) for mart in sorted(marts.items()))]
    storage.write(_place(settings), "".join(f"{line}\n" for line in lines))


def strike(settings: Settings, mart: str) -> None:
    """Take a mart that was dropped out of what the home remembers."""
    lines = [line for line in _lines(settings) if line.split()[0] != mart]
    storage.write(_place(settings), "".join(f"{line}\n" for line in lines))


def forget(settings: Settings) -> None:
    """Forget the commit: the next run asks Postgres, and clears it of staging tables."""
    storage.remove(_place(settings))


def _lines(settings: Settings) -> list[str]:
    return (small_files.read(_place(settings), bytes.decode) or "").splitlines()


def _place(settings: Settings) -> Path:
    return settings.home / "published"


def _line(name: str, version: str) -> str:
    """A mart as a line: the commit alone says the version of a table, and not that of a view."""
    return f"{name} {version}" if is_view(version) else name
