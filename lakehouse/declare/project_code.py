"""Which code is the project's own, and errors in it, told with file, line and function."""

from __future__ import annotations

import ast
import inspect
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from sysconfig import get_paths
from typing import Any

from lakehouse.declare.cures import cure_of, said
from lakehouse.errors import (
    DeclarationError,
    LakehouseError,
    ProjectError,
    QueryError,
    ValueRefusedError,
)

_REFUSED = "filter out the rows that it cannot take, or use `try_cast`, which gives null for them"
_INSTALLED = ("/site-packages/", "/dist-packages/")
_NOT_THE_PROJECT = tuple(
    f"{folder}{os.sep}"
    for folder in (get_paths()["stdlib"], get_paths()["platstdlib"], Path(__file__).parents[1])
)


def is_project_code(file: str) -> bool:
    """Return whether a file is the user's: not a module of Python, a package or the framework."""
    if file.startswith(("<", *_NOT_THE_PROJECT)):
        return False
    return file.endswith(".py") and not any(folder in file for folder in _INSTALLED)


def place_of(declared: Any) -> str:
    """Return the file and the line where a function or a class is declared, and its name."""
    source = inspect.unwrap(declared)
    name = getattr(source, "__name__", type(source).__name__)
    code = getattr(source, "__code__", None)
    if code is not None:
        return f"{shown(code.co_filename)}:{code.co_firstlineno} in {name}"
    with suppress(OSError, TypeError):
        file, line = inspect.getsourcefile(source) or "", inspect.getsourcelines(source)[1]
        return f"{shown(file)}:{line} in {name}"
    return str(name)


@contextmanager
def placed(what: str, declared: Callable[..., Any] | None = None) -> Iterator[None]:
    """Turn an error of the project's code into a ProjectError with its file, line and function.

    `what` could not be done. Where no line of the project led to the error, its place is that of
    the function or class `declared`. Errors that the framework raises on purpose stay as they are;
    those of a declaration get the place of their line, if they have none.
    """
    try:
        yield
    except DeclarationError as error:
        if error.place:
            raise
        raise DeclarationError(error.message, hint=error.hint, place=_place(error)) from None
    except LakehouseError:
        raise
    except (Exception, SystemExit) as error:
        place = _place(error) or ("" if declared is None else place_of(declared))
        message = ": ".join(filter(None, [what, place, said(error)]))
        raise ProjectError(message, hint=cure_of(error)) from error


@contextmanager
def named(what: str, declared: Callable[..., Any], *beside: Callable[..., Any]) -> Iterator[None]:
    """Give an error of a statement the place of the function that it was compiled from.

    `what` could not be done; `beside` are further functions that are part of the statement.
    """
    try:
        yield
    except QueryError as error:
        also = f"mend this function or {', '.join(map(place_of, beside))}" if beside else ""
        cure = error.hint or (_REFUSED if isinstance(error, ValueRefusedError) else "")
        hint = ": ".join(filter(None, [also, cure]))
        message = f"{what}: {error.message}"
        raise QueryError(message, hint=hint, place=place_of(declared)) from error
    except Exception as error:
        error.add_note(f"{what}, see {place_of(declared)}")
        raise


def _place(error: BaseException) -> str:
    """The innermost line of the project that led to an error; empty if none did."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{shown(error.filename)}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if is_project_code(frame.filename)]
    if not ours:
        return ""
    file, line, name = ours[-1].filename, ours[-1].lineno or 0, ours[-1].name
    if name.startswith("<"):  # of a module, or of a lambda
        name = _declared_at(file, line)
    return f"{shown(file)}:{line}" + (f" in {name}" if name else "")


def _declared_at(file: str, line: int) -> str:
    """The function or class that a line of a file belongs to, also one of its decorators."""
    with suppress(OSError, SyntaxError, ValueError):
        for node in ast.parse(Path(file).read_bytes()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                first = min(part.lineno for part in (node, *node.decorator_list))
                if first <= line <= (node.end_lineno or first):
                    return node.name
    return ""


def shown(file: str) -> str:
    """Return a file as seen from the working folder, if it lies in there."""
    here = Path.cwd()
    inside = len(here.parts) > 1 and Path(file).is_relative_to(here)
    return str(Path(file).relative_to(here)) if inside else file
