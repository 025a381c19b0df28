"""Users of this machine; one without a name, as in many containers, is named by its number."""

from __future__ import annotations

import getpass
import os
import pwd


def has_name(user: int) -> bool:
    """Return whether the system has a name for a user number."""
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def name(user: int) -> str:
    """Return the name of a user, or the number as tools write it: #1000."""
    return pwd.getpwuid(user).pw_name if has_name(user) else f"#{user}"


def current() -> str:
    """Return the name of the user who runs this process; LOGNAME and USER take precedence."""
    try:
        return getpass.getuser().encode(errors="replace").decode()
    except (KeyError, OSError):
        return name(os.geteuid())
