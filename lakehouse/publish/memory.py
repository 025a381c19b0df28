"""What a home remembers of its last publication, so that most commands need not ask Postgres."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from lakehouse import postgres, small_files, storage
from lakehouse.catalogs import Commit
from lakehouse.config import Settings
from lakehouse.publish.mart_views import MartView, is_view


def is_current(settings: Settings, commit: Commit, views: Iterable[MartView] = ()) -> bool:
    """Return whether this home remembers publishing the commit to the configured Postgres.

    With `views`, also whether it published them as they are defined now.
    """
    first, *marts = _lines(settings) or [""]
    is_published = postgres.is_set_up(settings) and first == _first(settings, commit)
    return is_published and {_line(view.name, view.version) for view in views} <= set(marts)


def commit(settings: Settings) -> str | None:
    """Return the id of the commit that this home published last; None if it does not remember."""
    words = " ".join(_lines(settings)[:1]).split()
    return words[0] if words else None


def marts(settings: Settings) -> list[str]:
    """Return the names of the marts that Postgres had after the last publication of this home."""
    return [line.split()[0] for line in _lines(settings)[1:]]


def remember(settings: Settings, published: Commit, marts: Mapping[str, str]) -> None:
    """Write down which commit is published, and the version of each mart that Postgres has.

    A run without changes then need not ask an embedded Postgres.
    """
    lines = [_first(settings, published), *(_line(*mart) for mart in sorted(marts.items()))]
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


def _first(settings: Settings, published: Commit) -> str:
    return f"{published.id} {postgres.identity(settings)}"


def _line(name: str, version: str) -> str:
    """A mart as a line: the commit alone says the version of a table, and not that of a view."""
    return f"{name} {version}" if is_view(version) else name
