"""What to do about an error that Python or a library raised in the project's code."""

from __future__ import annotations

import builtins
import inspect
import re
import sys
from typing import Any

import lakehouse
from lakehouse.errors import choices

_TRACEBACK = "mend it there; `lakehouse --debug …` shows the traceback"
_CALL = re.compile(r"^(\w+)(?:\.__init__)?\(\) ")
_UNEXPECTED = re.compile(r"unexpected keyword argument '(\w+)'")
_NOT_IMPORTED = re.compile(r"cannot import name '(\w+)'")
_DECORATORS = ("ingestion", "model", "quality")


def cure_of(error: BaseException) -> str:
    """Return what to do about an error: how a call is written, which names there are, or look."""
    if isinstance(error, SyntaxError):
        return "correct the syntax in this line, or in the one before it"
    if isinstance(error, ModuleNotFoundError):
        return "install the package that has this module, or correct the name"
    if isinstance(error, ImportError):
        return _of_import(error) or _TRACEBACK
    if isinstance(error, NameError):
        return _of_name(error) or _TRACEBACK
    if isinstance(error, TypeError) and (call := _CALL.match(str(error))):
        return _of_call(call[1], str(error)) or _TRACEBACK
    return _of_columns(error) or _TRACEBACK


def _of_call(name: str, text: str) -> str:
    """How one of our functions or classes is called."""
    if name not in lakehouse.__all__:
        return ""
    if name in _DECORATORS and "positional argument" in text:
        return f"write `@{name}(…)`, with parentheses, and every argument as `name=value`"
    parameters = inspect.signature(getattr(lakehouse, name)).parameters
    unexpected = _UNEXPECTED.search(text)
    return choices(f"arguments of `{name}`", unexpected[1] if unexpected else "", parameters)


def _of_import(error: ImportError) -> str:
    missing, module = _NOT_IMPORTED.match(str(error)), sys.modules.get(error.name or "")
    if missing is None or module is None:
        return ""
    public = getattr(module, "__all__", [name for name in dir(module) if not name.startswith("_")])
    return choices(f"names in {error.name}", missing[1], public)


def _of_name(error: NameError) -> str:
    """The names that are defined where one was not found."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return ""
    names = {**frame.tb_frame.f_globals, **frame.tb_frame.f_locals}
    own = [name for name in names if not name.startswith("_")]
    guess = choices("", error.name or "", [*own, *dir(builtins)]).partition("? ")
    return f"{guess[0]}?" if guess[1] else "define the name, or import it"


def _of_columns(error: BaseException) -> str:
    """The columns of the table that lacks the one that was asked for."""
    table: Any = getattr(error, "obj", None)
    name = getattr(error, "name", None)
    if isinstance(error, AttributeError) and isinstance(getattr(table, "columns", None), tuple):
        return choices("its columns", str(name), table.columns)
    return ""
