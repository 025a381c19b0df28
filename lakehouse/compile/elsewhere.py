"""What `other_process` starts: it works on a project under other circumstances, to be compared.

It has another clock, also for libraries, another working folder and hash seed, and other names for
the machine and the user. Folders list their entries in reverse order, and each variable of the
environment that the project's own code reads has another value. C code that asks the system
directly is not covered: `numpy.datetime64("today")` is today here, too.
"""

from __future__ import annotations

import ctypes
import datetime as dt
import gc
import getpass
import json
import os
import platform
import pwd
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, Self

from lakehouse.compile.other_process import Request
from lakehouse.declare.project_code import is_project_code

_AHEAD = dt.timedelta(days=397, hours=7, minutes=13, seconds=29)
"""Time by which the clock is ahead here."""
_ANSWER = "7301"
"""Value of every environment variable: digits, so that code can also read it as a number."""
_NAME = "elsewhere"
"""Name of the machine and of its user."""


def serve() -> None:
    """Do what standard input asks for; write the result to standard output (JSON)."""
    gc.disable()  # it ends before garbage could matter
    request = Request(**json.loads(sys.stdin.readline()))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    # What a model prints goes to standard error, so that it does not mix with the answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    from lakehouse.declare import project

    make = import_module(request.module).make_elsewhere(request)
    world = _World()
    world.enter()
    answer: dict[str, Any] = {}
    try:
        seeds = Path(request.seeds)
        loaded = project.load_packages(request.root, request.packages, seeds_in=seeds)
        answer["made"] = make(loaded)
    except Exception as error:  # noqa: BLE001 - the other process reports it
        answer["problem"] = _problem(error)
    answers.write(json.dumps({**answer, "asked": list(world.asked), "files": world.all_files()}))
    answers.flush()
    os._exit(0)


class _World:
    """Other circumstances for this process, and a record of what the project's code asks for."""

    def __init__(self) -> None:
        self.asked: dict[tuple[str, str, int], None] = {}
        """Keys: what was asked for, such as 'the time', and the file and line that asked for it."""
        self._read: set[str] = set()

    def enter(self) -> None:
        """Replace the clock, the names, the listings and the environment of this process."""
        self._set_the_clock()
        self._rename()
        self._list_folders_backwards()
        os.environ.__class__ = self._environment()
        sys.addaudithook(self._audit)

    def all_files(self) -> list[str]:
        """The files of the project's modules that were imported, and those that its code read."""
        files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
        modules = {file for file in files if file and is_project_code(file)}
        return sorted(file for file in modules | self._read if Path(file).is_file())

    def _set_the_clock(self) -> None:
        seconds, clock, real = _AHEAD.total_seconds(), time.time, dict(vars(time))

        def now(at: float | None = None) -> float:
            if at is None:
                self._note("the time")
                return clock() + seconds
            return at

        vars(time).update(
            time=lambda: now(),  # noqa: PLW0108 - it takes no argument
            time_ns=lambda: int(now() * 10**9),
            gmtime=lambda at=None: real["gmtime"](now(at)),
            localtime=lambda at=None: real["localtime"](now(at)),
            ctime=lambda at=None: real["ctime"](now(at)),
            asctime=lambda at=None: real["asctime"](at or time.localtime()),
            strftime=lambda form, at=None: real["strftime"](form, at or time.localtime()),
        )
        for name in ("now", "utcnow"):
            _give_method(dt.datetime, name, self._ahead(vars(dt.datetime)[name]))
        _give_method(dt.date, "today", lambda kind: kind.fromtimestamp(time.time()))

    def _ahead(self, real: Any) -> Callable[..., Any]:
        def method(kind: type, *arguments: Any, **named: Any) -> Any:
            self._note("the time")
            return real.__get__(None, kind)(*arguments, **named) + _AHEAD

        return method

    def _rename(self) -> None:
        system = os.uname()
        user = pwd.struct_passwd((_NAME, "x", os.getuid(), os.getgid(), "", "/nonexistent", ""))
        vars(os).update(
            uname=lambda: os.uname_result((system[0], _NAME, *system[2:])),
            getlogin=lambda: _NAME,
        )
        vars(pwd).update(getpwuid=lambda _: user)
        vars(getpass).update(getuser=lambda: _NAME)
        vars(socket).update(gethostname=lambda: _NAME, getfqdn=lambda _="": _NAME)
        vars(platform).update(node=lambda: _NAME)

    def _list_folders_backwards(self) -> None:
        listdir, scandir = os.listdir, os.scandir
        vars(os).update(
            listdir=lambda *place: listdir(*place)[::-1],
            scandir=lambda *place: _Backwards(scandir(*place)),
        )

    def _environment(self) -> type:
        note = self._note

        class Environment(type(os.environ)):  # type: ignore[misc]
            """Gives the project another value for each variable, whether it is set or not."""

            def __getitem__(self, name: str) -> str:
                if _asks_itself(sys._getframe(1)):  # noqa: SLF001
                    note(f"the environment's {name}")
                    return _ANSWER
                value: str = super().__getitem__(name)
                return value

            def __contains__(self, name: object) -> bool:
                return _asks_itself(sys._getframe(1)) or super().__contains__(name)  # noqa: SLF001

        return Environment

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open":
            return
        path, _, flags = arguments
        is_read = isinstance(path, str) and not flags & (os.O_WRONLY | os.O_RDWR)
        if is_read and _asker(sys._getframe(1)):  # noqa: SLF001
            self._read.add(str(Path(path).absolute()))

    def _note(self, name: str) -> None:
        """Record what was asked for, if the project's code asked, itself or through a library."""
        frame = _asker(sys._getframe(1))  # noqa: SLF001
        if frame is not None:
            self.asked[name, frame.f_code.co_filename, frame.f_lineno] = None


class _Backwards:
    """The entries of a folder in reverse order; replaces the result of `os.scandir`."""

    def __init__(self, entries: Iterator[os.DirEntry[str]]) -> None:
        self._entries = reversed(list(entries))

    def __iter__(self) -> Iterator[os.DirEntry[str]]:
        return self._entries

    def __next__(self) -> os.DirEntry[str]:
        return next(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing; the callers of `os.scandir` close its result."""


def _give_method(kind: type, name: str, method: Callable[..., Any]) -> None:
    """Replace a class method of a class that is written in C.

    A subclass in its place would not do: values that C code makes, and libraries that have imported
    the class, would still use the original.
    """
    (methods,) = gc.get_referents(vars(kind))
    methods[name] = classmethod(method)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


_PASSED = (os.__file__, "<frozen os>", "<frozen _collections_abc>")
"""Files of Python whose code stands between `os.environ` and the code that asks."""


def _asks_itself(frame: FrameType | None) -> bool:
    """Return whether the project's own code asks; libraries get the real values, to work."""
    while frame is not None and frame.f_code.co_filename in _PASSED:
        frame = frame.f_back
    return frame is not None and is_project_code(frame.f_code.co_filename)


def _asker(frame: FrameType | None) -> FrameType | None:
    """The frame of the project's code that asks, itself or through a library; None if none does.

    While a library is being imported, it asks for itself, not for the project that imports it.
    """
    while frame is not None and not is_project_code(frame.f_code.co_filename):
        frame = None if frame.f_code.co_filename.startswith("<frozen importlib") else frame.f_back
    return frame


def _problem(error: Exception) -> str:
    """An error in one line, after the file and line of the project where it happened."""
    lines = str(error).strip().splitlines() or ["no reason was given"]
    frames = [*filter(_is_of_project, traceback.extract_tb(error.__traceback__))]
    place = f"{frames[-1].filename}:{frames[-1].lineno}: " if frames else ""
    return f"{place}{type(error).__name__}: {lines[0]}"


def _is_of_project(frame: traceback.FrameSummary) -> bool:
    return is_project_code(frame.filename)
