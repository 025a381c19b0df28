"""Processes that start at once: forked from one that has everything imported and no threads."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeVar

Result = TypeVar("Result")


def heed_signals() -> None:
    """Ignore no signal, here and in what is started: some are under `nohup`, or after `&`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def preload() -> None:
    """Import what a run imports; nothing that is imported here may start a thread of Python."""
    from lakehouse import session
    from lakehouse.compile.dag import load_hamilton
    from lakehouse.config import LOCAL

    load_hamilton()
    needed = session._NEEDED_BY_PROFILE[LOCAL]  # noqa: SLF001
    to_publish = ("ibis.backends.duckdb", "psycopg")
    for module in ("lakehouse.run.attempts", "lakehouse.cli.run", *needed, *to_publish):
        import_module(module)
    gc.freeze()


def call(work: Callable[[], Result]) -> Result:
    """What `work` gives in a process of its own."""
    reader, writer = os.pipe()
    process = _fork(lambda: _send(writer, work()), close=reader)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    _wait(process)
    if not answer:
        message = "a process ended without an answer; its traceback is above"
        raise RuntimeError(message)
    result: Result = pickle.loads(answer)
    return result


def kill(work: Callable[[], object], after: float) -> bool:
    """Start `work` and kill it after so many seconds; whether it was alive until then."""
    return signalled(work, signal.SIGKILL, after) == -signal.SIGKILL


def signalled(work: Callable[[], object], number: int, after: float) -> int:
    """Start `work` and send it a signal after so many seconds.

    Gives its exit code, which is what `work` gives if that is a number, or else 0; a negative one
    is that of a signal that killed it.
    """

    def ending() -> None:
        code = work()
        os._exit(code if isinstance(code, int) else 0)

    process = _fork(ending)
    time.sleep(after)
    os.kill(process, number)
    return os.waitstatus_to_exitcode(_wait(process))


def struck(work: Callable[[], object], after: float, strike: Callable[[], None]) -> bool:
    """Start `work`, `strike` after so many seconds and kill it; whether it had succeeded before."""
    process = _fork(work)
    time.sleep(after)
    ended, status = os.waitpid(process, os.WNOHANG)
    strike()
    if not ended:
        os.kill(process, signal.SIGKILL)
        _wait(process)
    return bool(ended) and os.waitstatus_to_exitcode(status) == 0


@contextmanager
def beside(work: Callable[[int], None]) -> Iterator[bytes]:
    """Run `work` meanwhile; the line that it writes to the file it is given."""
    reader, writer = os.pipe()
    process = _fork(lambda: work(writer), close=reader)
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as pipe:
            yield pipe.readline().strip()
    finally:
        os.kill(process, signal.SIGKILL)
        _wait(process)


def _fork(work: Callable[[], object], close: int | None = None) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # libraries in C have threads; they wait for work
        process = os.fork()
    if process:
        return process
    try:
        if close is not None:
            os.close(close)
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - nothing may run on in a second copy of this process
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _send(writer: int, answer: Any) -> None:
    with os.fdopen(writer, "wb") as pipe:
        pickle.dump(answer, pipe)


def _wait(process: int) -> int:
    return os.waitpid(process, 0)[1]
