"""Which code is the project's own, and errors that it raises, told with their place in it."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sysconfig import get_paths

from lakehouse.addresses.discretion import described
from lakehouse.errors import LakehouseError, ProjectError

_INSTALLED = ("/site-packages/", "/dist-packages/")
_NOT_THE_PROJECT = tuple(
    f"{folder}{os.sep}"
    for folder in (get_paths()["stdlib"], get_paths()["platstdlib"], Path(__file__).parents[1])
)
_HINT = "mend it there; `lakehouse --debug …` shows the traceback"


def is_project_code(file: str) -> bool:
    """Return whether a file is the user's: not a module of Python, a package or the framework."""
    if file.startswith(("<", *_NOT_THE_PROJECT)):
        return False
    return file.endswith(".py") and not any(folder in file for folder in _INSTALLED)


@contextmanager
def placed(what: str) -> Iterator[None]:
    """Turn an error of the project's code into a ProjectError with its file, line and function.

    `what` was being done. Errors that the framework raises on purpose stay as they are.
    """
    try:
        yield
    except LakehouseError:
        raise
    except Exception as error:
        raise ProjectError(f"{what}: {_place(error)}{described(error)}", hint=_HINT) from error


def _place(error: Exception) -> str:
    """The innermost line of the project that led to an error, with a colon; empty if none did."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_shown(error.filename)}:{error.lineno}: "
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if is_project_code(frame.filename)]
    if not ours:
        return ""
    inside = "" if ours[-1].name == "<module>" else f" in {ours[-1].name}"
    return f"{_shown(ours[-1].filename)}:{ours[-1].lineno}{inside}: "


def _shown(file: str) -> str:
    """A file as seen from the working folder, if it lies in there."""
    here = Path.cwd()
    return str(Path(file).relative_to(here)) if Path(file).is_relative_to(here) else file
