"""Pandera loads pandas, which its part for Ibis has no use for.

`import pandera.ibis` imports pandas and all that Pandera has for it. Where pandas is not installed,
the package `pandera` leaves that out; but its types for Ibis still import two modules about pandas:
one names types for annotations, the other has functions that only pandas' data reach. So Pandera is
imported as if there were no pandas, with others in place of these two modules until its types are
loaded. Names that were left out are looked up when somebody first asks for them.

Gain: 0.25 s in each command of a project with Pandera's schemas. Seen with pandera 0.35.0.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_PANDERA, _PANDAS = "pandera", "pandas"
_ENGINES = "pandera.engines"
_ALIASES, _UTILS = f"{_ENGINES}.type_aliases", f"{_ENGINES}.utils"


def leave_out_pandas() -> None:
    """Let Pandera be imported without pandas, unless one of them is; again, it does nothing."""
    is_waiting = any(isinstance(finder, _OfPandera) for finder in sys.meta_path)
    if not is_waiting and not {_PANDERA, _PANDAS} & sys.modules.keys():
        sys.meta_path.insert(0, _OfPandera())


class _OfPandera(MetaPathFinder):
    """Finds Pandera, once."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, _: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _PANDERA:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None and _PANDAS not in sys.modules:
            spec.loader = _WithoutPandas(spec.loader)
        return spec


class _WithoutPandas(Loader):
    """Loads Pandera as where there is no pandas, then its types for Ibis."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        with _hidden():
            self._loader.exec_module(module)
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        if _PANDAS not in sys.modules:
            _load_engines()
            vars(module)["__getattr__"] = _of_deprecated
            vars(sys.modules["pandera.typing"])["__getattr__"] = _of_typing


class _NoPandas(MetaPathFinder):
    """Says that there is no pandas, to one thread."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, _: ModuleType | None = None
    ) -> None:
        del path
        if name == _PANDAS and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@contextmanager
def _hidden() -> Iterator[None]:
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def _load_engines() -> None:
    """Load the types for Ibis with others in place of the modules about pandas."""
    engines = importlib.import_module(_ENGINES)
    aliases, utils = ModuleType(_ALIASES), ModuleType(_UTILS)
    vars(aliases)["PandasObject"] = Any
    vars(utils)["__getattr__"] = _of_utils
    sys.modules |= {_ALIASES: aliases, _UTILS: utils}
    vars(engines)["utils"] = utils
    try:
        importlib.import_module(f"{_ENGINES}.ibis_engine")
    finally:
        del sys.modules[_ALIASES], sys.modules[_UTILS], engines.utils


def _of_utils(name: str) -> Any:
    """Return a function for pandas' data."""
    return getattr(importlib.import_module(_UTILS), _public(name, _UTILS))


def _of_deprecated(name: str) -> Any:
    """Return a name that the package `pandera` has where pandas is installed."""
    deprecated = importlib.import_module("pandera._pandas_deprecated")
    return getattr(deprecated, _public(name, _PANDERA))


def _of_typing(name: str) -> Any:
    """Return a name that `pandera.typing` has where pandas is installed; it gets all of them."""
    typing = sys.modules["pandera.typing"]
    _public(name, typing.__name__)
    vars(typing).pop("__getattr__", None)
    return getattr(importlib.reload(typing), name)


def _public(name: str, module: str) -> str:
    """Return a name that is asked for. Raises AttributeError for one of Python's own."""
    if name.startswith("__"):
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    return name
