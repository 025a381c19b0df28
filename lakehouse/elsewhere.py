"""A process under other circumstances: what compiles to the same here depends on none of them.

Only the project's own code sees another world: its clock is ahead, whatever it asks of the
environment has another answer, and the machine and its user have other names. Libraries see the
world as it is, apart from the environment, the working folder and the hash seed of the process.
"""

from __future__ import annotations

import builtins
import datetime as dt
import getpass
import json
import os
import platform
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from sysconfig import get_paths
from types import FrameType, ModuleType
from typing import Any

_AHEAD = dt.timedelta(days=397, hours=7, minutes=13, seconds=29)
_ANSWER = "7301"
"""What each variable is there: a number, so that code which wants one can read it."""


def serve() -> None:
    """Compile the project that standard input names; write what it is to standard output."""
    asked = json.loads(sys.stdin.readline())
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a model prints is no answer
    from lakehouse import cache, project
    from lakehouse.compile import compile_project

    _move()
    found = project.load_packages(asked["root"], asked["packages"])
    answers.write(json.dumps(cache.to_json(compile_project(found, asked["dialect"]))))
    answers.flush()
    os._exit(0)


def _move() -> None:
    """Change what the modules of the project see of the world when they are imported."""
    os.environ.__class__ = _Environment
    real, others = builtins.__import__, _modules()

    def importing(name: str, *arguments: Any, **named: Any) -> ModuleType:
        if name in others and _is_the_projects(sys._getframe(1)):  # noqa: SLF001 - who asks
            return others[name]
        return real(name, *arguments, **named)

    builtins.__import__ = importing


def _modules() -> dict[str, ModuleType]:
    """The modules of Python's own that tell another world, by name."""
    seconds = _AHEAD.total_seconds()

    def later(moment: float | None) -> float:
        return time.time() + seconds if moment is None else moment

    return {
        "datetime": _like(dt, datetime=_ahead(dt.datetime), date=_ahead(dt.date)),
        "time": _like(
            time,
            time=lambda: time.time() + seconds,
            time_ns=lambda: time.time_ns() + int(seconds) * 10**9,
            gmtime=lambda at=None: time.gmtime(later(at)),
            localtime=lambda at=None: time.localtime(later(at)),
            strftime=lambda form, at=None: time.strftime(form, at or time.localtime(later(None))),
            ctime=lambda at=None: time.ctime(later(at)),
        ),
        "socket": _like(socket, gethostname=lambda: "elsewhere", getfqdn=lambda: "elsewhere"),
        "platform": _like(platform, node=lambda: "elsewhere"),
        "getpass": _like(getpass, getuser=lambda: "somebody"),
    }


def _like(real: ModuleType, **replaced: Any) -> ModuleType:
    """A module that has what another has, but for some."""
    module = ModuleType(real.__name__, real.__doc__)
    vars(module).update({**vars(real), **replaced})
    return module


def _ahead(real: type) -> type:
    """The class, with a clock that is ahead; instances of the real one count as its own."""

    class Kind(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, real)

        def __subclasscheck__(cls, other: type) -> bool:
            return issubclass(other, real)

    def clock(tell: Callable[..., Any]) -> Any:
        return classmethod(lambda _, *arguments, **named: tell(*arguments, **named) + _AHEAD)

    names = [name for name in ("now", "today", "utcnow") if hasattr(real, name)]
    return Kind(real.__name__, (real,), {name: clock(getattr(real, name)) for name in names})


class _Environment(os._Environ):  # type: ignore[type-arg] # noqa: SLF001 - it has no other name
    """Has another value for each variable that the project asks for, set or not."""

    def __getitem__(self, name: str) -> str:
        if _is_the_projects(sys._getframe(1)):  # noqa: SLF001 - who asks
            return _ANSWER
        value: str = super().__getitem__(name)
        return value

    def __contains__(self, name: object) -> bool:
        return _is_the_projects(sys._getframe(1)) or super().__contains__(name)  # noqa: SLF001


_PASSED = (os.__file__, "<frozen os>", "<frozen _collections_abc>")
"""What the environment is asked through."""
_OTHERS = (*dict.fromkeys(get_paths().values()), str(Path(__file__).parent), "<")
"""Where code lies that is not the project's."""


def _is_the_projects(frame: FrameType | None) -> bool:
    """Whether the code that asks is the project's own."""
    while frame is not None and frame.f_code.co_filename in _PASSED:
        frame = frame.f_back
    return frame is not None and not frame.f_code.co_filename.startswith(_OTHERS)
