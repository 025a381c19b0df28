"""`python -m lakehouse`, and the `lakehouse` command."""

import os
import sys
from contextlib import suppress

from lakehouse.cli import main
from lakehouse.system import users


def script() -> None:
    """Run the command line and leave with its exit code."""
    # NumPy, which is not loaded yet, starts threads for linear algebra. By default they spin for
    # 2^26 cycles, on a core that the staging process could use; 2^4 is the least that can be set.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    # Libraries fail if a user has neither a name, as in many containers, nor a home.
    if not users.has_name(os.geteuid()):
        os.environ.setdefault("HOME", "/nonexistent")
    _open_closed_streams()
    code = main()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError):  # already reported, or its reader has ended
            stream.flush()
    # Everything is closed by now; an ordinary exit would spend 0.2 s on unloading modules.
    os._exit(code)


def _open_closed_streams() -> None:
    """Open standard streams that are closed on the null device.

    Otherwise the next file that is opened, perhaps a table, would get the number of such a stream,
    and everything that is printed would be written into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free


if __name__ == "__main__":
    script()
