"""The path of a home, which libraries have ideas of their own about."""

from __future__ import annotations

from pathlib import Path

from lakehouse.errors import ConfigError

_LONGEST_HOME, _LONGEST_NAME = 480, 255
"""Bytes in the path of a home, at most (SQLite takes 512 with its file names), and in a name."""


def home_folder(root: Path, named: str) -> Path:
    """Return the folder that a setting names. Raises ConfigError if it cannot serve as a home."""
    if "://" in named or named.startswith("file:"):  # not repeated: it may hold a password
        raise ConfigError(
            "LAKEHOUSE_HOME, or `home` in lakehouse.toml, is an address and no folder",
            hint="set LAKEHOUSE_HOME to the path of a folder; a bucket is LAKEHOUSE_WAREHOUSE",
        )
    try:
        home = (root / Path(named).expanduser()).resolve()
    except (RuntimeError, ValueError, OSError) as error:  # no such user, links in a circle, a NUL
        raise _no_home(named, f"names no folder: {error}") from None
    # Libraries take a path that begins with two slashes for one on a server.
    path = f"/{str(home).lstrip('/')}"
    if reason := _unfit(path):
        raise _no_home(path, reason)
    return Path(path)


def _unfit(path: str) -> str:
    """Return why a path can never be a home; empty if it can."""
    try:
        length = len(path.encode())
    except UnicodeEncodeError:
        return "is not UTF-8: tables name their files by text"
    if length > _LONGEST_HOME:
        return f"is longer than {_LONGEST_HOME} bytes: SQLite opens no file there"
    if any(len(part.encode()) > _LONGEST_NAME for part in path.split("/")):
        return f"has a name that is longer than {_LONGEST_NAME} bytes"
    if "\\" in path and {*path} & {*"*?["}:
        return "has a backslash and a `*`, `?` or `[`: DuckDB takes it for a pattern"
    if path.count('"') % 2:
        return 'has a `"` without a second one: DuckDB looks for it'
    return ""


def _no_home(named: str, reason: str) -> ConfigError:
    shown = named.encode(errors="backslashreplace").decode()
    return ConfigError(
        f"the home {shown!r} {reason}",
        hint="set LAKEHOUSE_HOME, or `home` in lakehouse.toml, to the path of another folder",
    )
