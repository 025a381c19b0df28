"""`python -m lakehouse`, and the `lakehouse` command."""

import os
import sys
import warnings
from contextlib import suppress

from lakehouse.cli import main
from lakehouse.system import users

_THIS_MACHINE = "localhost,127.0.0.1,::1"


def script() -> None:
    """Run the command line and leave with its exit code."""
    # NumPy, which is not loaded yet, starts threads for linear algebra. By default they spin for
    # 2^26 cycles, on a core that the staging process could use; 2^4 is the least that can be set.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"  # also where a project's source is of dlt
    # Libraries fail if a user has neither a name, as in many containers, nor a home.
    if not users.has_name(os.geteuid()):
        os.environ.setdefault("HOME", "/nonexistent")
    _open_closed_streams()
    os.umask(os.umask(0) & 0o077)  # what is made here can be used here
    _show_warnings()
    _reach_this_machine_directly()
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
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            os.set_inheritable(opened, True)  # as a standard stream is, for processes that start


def _show_warnings() -> None:
    """Show the warnings that Python was told to raise, here and in processes that are started.

    Libraries warn developers, also from C, where a warning that is raised makes no sense.
    """
    os.environ.pop("PYTHONWARNINGS", None)
    if any(action == "error" for action, *_ in warnings.filters):
        warnings.simplefilter("default")


def _reach_this_machine_directly() -> None:
    """Keep requests to this machine from a proxy, also those of DuckDB and of S3 clients."""
    said = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    if said != "*":
        for name in ("no_proxy", "NO_PROXY"):
            os.environ[name] = f"{said},{_THIS_MACHINE}" if said else _THIS_MACHINE


if __name__ == "__main__":
    script()
