"""Signals that ask a process to end: it ends as at Ctrl-C, and leaves nothing half done."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import TypeAlias

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_passed: list[int] = []
"""Signals that came while none was heeded."""


Leave: TypeAlias = Callable[[int | None, Exception], None]
"""Ends the process at once: takes the signal that came, if any, and what keeps it waiting."""


@dataclass
class _Heeding:
    """What a thread knows of the signals to this process while the main thread heeds them.

    The main thread may be in a library that does not return, where Python's handlers never run. The
    operating system's handler writes the number of each signal into a pipe.
    """

    pipe: int
    leave: Leave | None
    stays: bool
    """Whether the process goes on when a command of it fails."""
    number: int | None = None
    """The first signal to end that has come."""


_heeding: _Heeding | None = None


class Stopped(KeyboardInterrupt):
    """The interruption that a signal to end raises; it knows the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextmanager
def heeded(leave: Leave | None = None) -> Iterator[None]:
    """Raise Stopped inside at SIGINT, SIGTERM and SIGHUP, unless the process ignores the signal.

    A second signal, while the first one's clean-up runs, does nothing: the process is ending.
    `leave` is what the function of this name calls; by default, that of a block around this one,
    which is called only after a signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _ENDING}
    heeding = [number for number in _ENDING if before[number] is not signal.SIG_IGN]
    _passed.clear()
    try:
        with _noticed(leave):
            for number in heeding:
                signal.signal(number, _stop)
            yield
    finally:
        for number in heeding:
            signal.signal(number, before[number])


@contextmanager
def _noticed(leave: Leave | None) -> Iterator[None]:
    """Let other threads notice signals inside, whatever the main thread does."""
    global _heeding  # noqa: PLW0603 - signals are the process', too
    outer = _heeding
    pipe, writing = os.pipe()
    for end in (pipe, writing):
        os.set_blocking(end, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    _heeding = _Heeding(pipe, leave or (outer.leave if outer else None), stays=leave is None)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        _heeding = outer
        os.close(writing)
        os.close(pipe)


def came() -> bool:
    """Return whether a signal to end has come since signals are heeded; any thread may ask."""
    heeding = _heeding
    if heeding is None:
        return False
    with suppress(OSError):  # nothing came since it was asked last, or the block has ended
        ending = (number for number in os.read(heeding.pipe, 64) if number in _ENDING)
        heeding.number = heeding.number or next(ending, None)
    return heeding.number is not None


def leave(reason: Exception) -> None:
    """End the process without a clean-up, which `reason` holds up; only within `heeded`.

    It does nothing in a process that goes on after errors, unless a signal came.
    """
    heeding = _heeding
    if heeding is None or heeding.leave is None or (heeding.stays and heeding.number is None):
        return
    heeding.leave(heeding.number, reason)


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
