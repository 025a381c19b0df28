"""A process under other circumstances: what compiles to the same here depends on none of them.

It has another clock, also for libraries, another environment, working folder and hash seed; folders
list what they hold the other way round; the machine and its user have other names; and whatever the
project's own code asks of the environment has another answer. Only what is written in C asks the
system behind Python's back: `numpy.datetime64("today")` is today here, too.
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
from pathlib import Path
from types import FrameType
from typing import Any, Self

from lakehouse.project import is_project_code

_AHEAD = dt.timedelta(days=397, hours=7, minutes=13, seconds=29)
_ANSWER = "7301"
"""What each variable is there: a number, so that code which wants one can read it."""
_NAME = "elsewhere"
"""What the machine and its user are called."""


def serve() -> None:
    """Compile the project that standard input names; write what it is to standard output."""
    request = json.loads(sys.stdin.readline())
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a model prints is no answer
    from lakehouse import cache, dag, project
    from lakehouse.compile import compile_project

    dag.load_hamilton()
    world = _World()
    world.enter()
    answer: dict[str, Any] = {}
    try:
        found = project.load_packages(request["root"], request["packages"])
        answer["compiled"] = cache.to_json(compile_project(found, request["dialect"]))
    except Exception as error:  # noqa: BLE001 - the other process tells it
        answer["problem"] = _told(error)
    answers.write(json.dumps({**answer, "asked": list(world.asked), "files": world.all_files()}))
    answers.flush()
    os._exit(0)


class _World:
    """Other circumstances, and what the project's code asks of them."""

    def __init__(self) -> None:
        self.asked: dict[tuple[str, str, int], None] = {}
        """What it asked for, with the file and line that asked."""
        self._read: set[str] = set()

    def enter(self) -> None:
        """Let everything in this process see them, from now on."""
        self._set_the_clock()
        self._rename()
        self._list_folders_backwards()
        os.environ.__class__ = self._environment()
        sys.addaudithook(self._audit)

    def all_files(self) -> list[str]:
        """The files of the project's modules that were imported, and those that its code read."""
        modules = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
        own = {file for file in modules if file and is_project_code(file)}
        return sorted(file for file in own | self._read if Path(file).is_file())

    def _set_the_clock(self) -> None:
        seconds, clock, known = _AHEAD.total_seconds(), time.time, dict(vars(time))

        def now(at: float | None = None) -> float:
            if at is None:
                self._note("the time")
                return clock() + seconds
            return at

        vars(time).update(
            time=lambda: now(),  # noqa: PLW0108 - it takes no argument
            time_ns=lambda: int(now() * 10**9),
            gmtime=lambda at=None: known["gmtime"](now(at)),
            localtime=lambda at=None: known["localtime"](now(at)),
            ctime=lambda at=None: known["ctime"](now(at)),
            asctime=lambda at=None: known["asctime"](at or time.localtime()),
            strftime=lambda form, at=None: known["strftime"](form, at or time.localtime()),
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
            """Has another value for each variable that the project asks for, set or not."""

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

    def _note(self, what: str) -> None:
        """Remember what was asked for, if it was by or for the project's code."""
        frame = _asker(sys._getframe(1))  # noqa: SLF001
        if frame is not None:
            self.asked[what, frame.f_code.co_filename, frame.f_lineno] = None


class _Backwards:
    """The entries of a folder, the last first."""

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
        """Do what is done to the listing of a folder."""


def _give_method(kind: type, name: str, method: Callable[..., Any]) -> None:
    """Give a class that is written in C another class method.

    Another class in its place would not be that of values that C makes, and known to no library.
    """
    (methods,) = gc.get_referents(vars(kind))
    methods[name] = classmethod(method)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


_PASSED = (os.__file__, "<frozen os>", "<frozen _collections_abc>")
"""What the environment is asked through."""


def _asks_itself(frame: FrameType | None) -> bool:
    """Whether it is the project's own code that asks; libraries need their variables to work."""
    while frame is not None and frame.f_code.co_filename in _PASSED:
        frame = frame.f_back
    return frame is not None and is_project_code(frame.f_code.co_filename)


def _asker(frame: FrameType | None) -> FrameType | None:
    """The project's code that asks, itself or through a library; None if it is not the project.

    A library that the project imports asks for itself, as long as it is imported.
    """
    while frame is not None and not is_project_code(frame.f_code.co_filename):
        frame = None if frame.f_code.co_filename.startswith("<frozen importlib") else frame.f_back
    return frame


def _told(error: Exception) -> str:
    """What went wrong in a line, with the project's line where it did."""
    lines = str(error).strip().splitlines() or ["no reason was given"]
    own = [each for each in traceback.extract_tb(error.__traceback__) if _is_own(each)]
    place = f"{own[-1].filename}:{own[-1].lineno}: " if own else ""
    return f"{place}{type(error).__name__}: {lines[0]}"


def _is_own(place: traceback.FrameSummary) -> bool:
    return is_project_code(place.filename)
