"""What an error says that Python or a library raised in the project's code, and what to do."""

from __future__ import annotations

import inspect
import re
import sys
from difflib import get_close_matches
from typing import Any

import lakehouse
from lakehouse.addresses.discretion import described
from lakehouse.errors import choices

_TRACEBACK = "mend it there; `lakehouse --debug …` shows the traceback"
_OF_IBIS = (
    "Ibis has no such expression: look at the columns and types that it is made of;"
    " `lakehouse --debug …` shows the traceback"
)
_CURES: dict[type[BaseException], str] = {
    SyntaxError: "correct the syntax in this line, or in the one before it",
    SystemExit: "take the exit out: the project's modules are imported, not run",
    ModuleNotFoundError: "install the package that has this module, or correct the name",
    RecursionError: "a function calls itself without end: let it stop",
}
_CALL = re.compile(r"^(\w+)(?:\.__init__)?\(\) ")
_UNEXPECTED = re.compile(r"unexpected keyword argument '(\w+)'")
_NOT_IMPORTED = re.compile(r"cannot import name '(\w+)'")
_NO_COLUMN = re.compile(r"Column '(.*?)' is not found in table\. Existing columns: (.*)")
_ARGUMENTS = re.compile(r"^(\w+)\(.*? has failed due to the following errors:\n +(.*)\n", re.DOTALL)
_DECORATORS = ("ingestion", "model", "quality")
_SHOWN = 200
"""Characters of an error of Ibis that are shown, at most."""


def said(error: BaseException) -> str:
    """Return the type of an error and what it says, in one line."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - an error of the project, whose own text fails
        return type(error).__name__
    if not _is_of_ibis(error):
        return described(error)
    if arguments := _ARGUMENTS.match(text):
        reason = arguments[2].partition("\n")[0]
        text = f"Ibis cannot make {arguments[1]} of these arguments: {reason}"
        return described(TypeError(text[:_SHOWN]))
    line = " ".join(text.split())
    return described(type(error)(line[:_SHOWN]))


def cure_of(error: BaseException) -> str:
    """Return what to do about an error: how a call is written, which names there are, or look."""
    for kind, cure in _CURES.items():
        if isinstance(error, kind):
            return cure
    if said(error) == type(error).__name__:  # it says nothing, or its text fails
        return _TRACEBACK
    if isinstance(error, ImportError):
        return _of_import(error) or _TRACEBACK
    if isinstance(error, NameError):
        return _of_name(error)
    if isinstance(error, TypeError) and (call := _CALL.match(str(error))):
        return _of_call(call[1], str(error)) or _TRACEBACK
    found = _of_settings(error) or _of_columns(error)
    return found or (_OF_IBIS if _is_of_ibis(error) else _TRACEBACK)


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
    if "circular import" in str(error):
        return "let one of the two modules import the other one inside a function"
    missing, module = _NOT_IMPORTED.match(str(error)), sys.modules.get(error.name or "")
    if missing is None or module is None:
        return ""
    public = getattr(module, "__all__", [name for name in dir(module) if not name.startswith("_")])
    return choices(f"names in {error.name}", missing[1], public)


def _of_settings(error: BaseException) -> str:
    """Where dlt looks for the settings and secrets of a source, if it did not find them."""
    if type(error).__name__ != "ConfigFieldMissingException":
        return ""
    traces: Any = getattr(error, "traces", {})
    variables = [next((each.key for each in found), name) for name, found in traces.items()]
    return (
        f"set {' and '.join(variables)} in the environment, or write it to .dlt/secrets.toml or"
        " .dlt/config.toml of the folder that you start in"
    )


def _of_name(error: NameError) -> str:
    """The most similar name that is defined where one was not found."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    names = {**place.tb_frame.f_globals, **place.tb_frame.f_locals} if place else {}
    guess = get_close_matches(error.name or "", names, 1)
    return f"did you mean {guess[0]!r}?" if guess else "define the name, or import it"


def _of_columns(error: BaseException) -> str:
    """The columns of the table, or the methods of a column, that lack what was asked for."""
    if missing := _NO_COLUMN.match(str(error)):
        return choices("its columns", missing[1], re.findall(r"'(.*?)'", missing[2]))
    thing: Any = getattr(error, "obj", None)
    name = str(getattr(error, "name", None))
    if not isinstance(error, AttributeError) or thing is None:
        return ""
    if isinstance(columns := getattr(thing, "columns", None), tuple):
        return choices("its columns", name, columns)
    guess = get_close_matches(name, dir(thing), 1, cutoff=0.75)
    if guess:
        return f"did you mean {guess[0]!r}?"
    if type(thing).__module__.startswith("ibis."):
        return f"a {type(thing).__name__} of Ibis has no {name!r}: cast it to another type before"
    return ""


def _is_of_ibis(error: BaseException) -> bool:
    return type(error).__module__.startswith("ibis.")
