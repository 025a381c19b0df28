"""Signals that ask a process to end: it ends as at Ctrl-C, and leaves nothing half done."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_passed: list[int] = []
"""Signals that came while none was heeded."""


class Stopped(KeyboardInterrupt):
    """The interruption that a signal to end raises; it knows the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextmanager
def heeded() -> Iterator[None]:
    """Raise Stopped inside at SIGINT, SIGTERM and SIGHUP, unless the process ignores the signal.

    A second signal, while the first one's clean-up runs, does nothing: the process is ending.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _ENDING}
    heeding = [number for number in _ENDING if before[number] is not signal.SIG_IGN]
    _passed.clear()
    try:
        for number in heeding:
            signal.signal(number, _stop)
        yield
    finally:
        for number in heeding:
            signal.signal(number, before[number])


@contextmanager
def unheeded() -> Iterator[None]:
    """Let the block inside finish: a signal that `heeded` would raise does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heeding = [number for number in _ENDING if signal.getsignal(number) is _stop]
    for number in heeding:
        signal.signal(number, _pass)
    try:
        yield
    finally:
        for number in heeding:
            signal.signal(number, _stop)


def passed() -> bool:
    """Return whether a signal has come in vain since signals are heeded, in a block of `unheeded`.

    Whoever goes on after such a block asks.
    """
    return bool(_passed)


def stopped(error: BaseException | None) -> KeyboardInterrupt | None:
    """Return the interruption that caused an error, if any; DuckDB raises an error of its own."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def exit_code(error: BaseException) -> int:
    """Return the exit code that shells expect of a process that a signal ended: 128 + number."""
    interruption = stopped(error)
    return 128 + (interruption.number if isinstance(interruption, Stopped) else signal.SIGINT)


def _stop(number: int, _: FrameType | None) -> None:
    if stopped(sys.exception()) is None:
        raise Stopped(number)


def _pass(number: int, _: FrameType | None) -> None:
    """Only note it; unlike SIG_IGN, a handler is not inherited by processes that are started."""
    _passed.append(number)
