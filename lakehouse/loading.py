"""Loading what a command needs in less time than Python takes by itself."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from typing import Any

_COMPILERS = "ibis.backends.sql.compilers"


@contextmanager
def undisturbed() -> Iterator[None]:
    """Within it, modules are loaded: all of that stays, so nothing looks for garbage in it.

    It would cost a tenth of the time, and later on as well. Not for use inside of itself. What
    the first one in a process loaded is exempt from the search for ever; a later one exempts
    nothing, as it would keep whatever garbage there is by then.
    """
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()
        gc.enable()


def compilers_on_demand() -> None:
    """Let Ibis load the SQL compilers of the engines in use, instead of those of twenty engines.

    That takes a tenth of a second of every start. Does nothing if they are loaded already.
    """
    spec = None if _COMPILERS in sys.modules else find_spec(_COMPILERS)
    if spec is not None:
        package = module_from_spec(spec)
        vars(package)["__getattr__"] = _compiler
        sys.modules[_COMPILERS] = package
        parent, _, name = _COMPILERS.rpartition(".")
        setattr(sys.modules[parent], name, package)


def _compiler(name: str) -> Any:
    """What the package has under a name: the module of an engine, or its class in there."""
    engine = name.removesuffix("Compiler").lower()
    if find_spec(f"{_COMPILERS}.{engine}") is None:
        raise AttributeError(f"module {_COMPILERS!r} has no attribute {name!r}")
    module = import_module(f"{_COMPILERS}.{engine}")
    return module if name == engine else getattr(module, name)
