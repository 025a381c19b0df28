"""Loading what a command needs in less time than Python takes by itself."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

_COMPILERS = "ibis.backends.sql.compilers"


@contextmanager
def undisturbed() -> Iterator[None]:
    """Within it, modules are loaded: all of that stays, so nothing looks for garbage in it.

    It would cost a tenth of the time, and later on as well.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class _OnDemand(ModuleType):
    """A package that loads a module when it is asked for it, and itself for anything else."""

    def __getattr__(self, name: str) -> Any:
        spec = self.__spec__
        if spec is not None and spec.loader is not None and not name.startswith("__"):
            if find_spec(f"{self.__name__}.{name}") is not None:
                return import_module(f"{self.__name__}.{name}")
            spec.loader.exec_module(self)
            if name in vars(self):
                return vars(self)[name]
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


def compilers_on_demand() -> None:
    """Let Ibis load the SQL compilers of the engines in use, instead of those of twenty engines.

    That takes a tenth of a second of every start. Does nothing if they are loaded already.
    """
    spec = None if _COMPILERS in sys.modules else find_spec(_COMPILERS)
    if spec is not None:
        package = _OnDemand(_COMPILERS)
        vars(package).update(vars(module_from_spec(spec)))
        sys.modules[_COMPILERS] = package
