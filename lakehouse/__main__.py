"""`python -m lakehouse`, and the `lakehouse` command."""

import sys

from lakehouse.cli import main


def script() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(main())


if __name__ == "__main__":
    script()
