"""The users of this machine; one without a name, as in many a container, goes by its number."""

from __future__ import annotations

import getpass
import os
import pwd


def has_name(user: int) -> bool:
    """Whether the system knows a user by name."""
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def name(user: int) -> str:
    """The name of a user, or the number as tools write it: #1000."""
    return pwd.getpwuid(user).pw_name if has_name(user) else f"#{user}"


def current() -> str:
    """Who runs this process, by name; LOGNAME and USER go first."""
    try:
        return getpass.getuser().encode(errors="replace").decode()
    except (KeyError, OSError):
        return name(os.geteuid())
