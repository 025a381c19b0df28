"""`python -m lakehouse`, and the `lakehouse` command."""

import os
import sys
from contextlib import suppress

from lakehouse.cli import main

# Otherwise NumPy's threads spin for a while after they start, on a core that others could use.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")


def script() -> None:
    """Run the command line and leave with its exit code."""
    code = main()
    with suppress(BrokenPipeError):  # whoever read the output has gone
        sys.stdout.flush()
        sys.stderr.flush()
    # Everything is closed by now; taking a thousand modules apart would cost a fifth of a second.
    os._exit(code)


if __name__ == "__main__":
    script()
