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
    code = main()
    with suppress(BrokenPipeError):  # whoever read the output has gone
        sys.stdout.flush()
        sys.stderr.flush()
    # Everything is closed by now; taking a thousand modules apart would cost a fifth of a second.
    os._exit(code)


if __name__ == "__main__":
    script()
