"""`python -m lakehouse`, and the `lakehouse` command."""

import os
import sys
from contextlib import suppress

from lakehouse import users
from lakehouse.cli import main


def script() -> None:
    """Run the command line and leave with its exit code."""
    # NumPy, which is not loaded yet, starts threads for linear algebra. They spin for 2^26 cycles
    # unless told otherwise, 2^4 being the least, on a core that the process that stages could use.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    # Libraries give up if a user that has no name, as in many a container, has no home either.
    if not users.has_name(os.geteuid()):
        os.environ.setdefault("HOME", "/nonexistent")
    _open_what_is_closed()
    code = main()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError):  # it has been told, or whoever read it has gone
            stream.flush()
    # Everything is closed by now; taking a thousand modules apart would cost a fifth of a second.
    os._exit(code)


def _open_what_is_closed() -> None:
    """Give standard streams that are closed a place where nothing stays.

    The next file that is opened would get the number of one, and be written into by whatever
    prints: it might be a table.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free


if __name__ == "__main__":
    script()
