"""Importing modules without Python's garbage collection in between."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def undisturbed() -> Iterator[None]:
    """Switch garbage collection off while modules are loaded inside, as all of them stay.

    Collections would cost a tenth of the time, and would look at the modules again later on. So the
    first use in a process also exempts what it loaded for ever (`gc.freeze`). Later uses do not:
    they would keep any garbage that exists by then. Uses cannot be nested.
    """
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()
        gc.enable()
