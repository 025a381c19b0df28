"""Imports added to the text of a module, where a person would put them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable
from typing import TypeGuard

_PACKAGE, _WIDEST = "lakehouse", 100


def with_imports(module: str, imports: Iterable[str], names: Collection[str]) -> str:
    """Return a module with these lines of imports, and these names imported from `lakehouse`.

    What it imports already is not repeated.
    """
    body = ast.parse(module).body
    own = next(filter(_is_of_package, body), None)
    known = [alias.name for alias in own.names if alias.asname is None] if own else []
    lines = module.split("\n")
    if own is not None and not set(names) <= set(known):
        aliased = [ast.unparse(alias) for alias in own.names if alias.asname]
        lines[own.lineno - 1 : own.end_lineno] = _of_package([*aliased, *known, *names])
    missing = [line for line in imports if line not in map(ast.unparse, body)]
    first = next((node for node in body if _is_import(node)), None)
    if own is None:
        missing += [*([""] if missing or first else []), *_of_package(names)]
    if first is not None:
        at, after = first.lineno - 1, [""] if own is None else []
    else:
        at, after = _end_of_docstring(body), []
        missing = ["", *missing] if at else missing
    lines[at:at] = [*missing, *after] if missing else []
    return "\n".join(lines)


def _is_of_package(node: ast.stmt) -> TypeGuard[ast.ImportFrom]:
    return isinstance(node, ast.ImportFrom) and node.module == _PACKAGE


def _is_import(node: ast.stmt) -> bool:
    is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
    return isinstance(node, ast.Import | ast.ImportFrom) and not is_future


def _of_package(names: Iterable[str]) -> list[str]:
    unique = sorted(set(names), key=lambda name: (name[0].islower(), name))
    line = f"from {_PACKAGE} import {', '.join(unique)}"
    if len(line) <= _WIDEST:
        return [line]
    return [f"from {_PACKAGE} import (", *(f"    {name}," for name in unique), ")"]


def _end_of_docstring(body: list[ast.stmt]) -> int:
    """Return the number of lines down to the end of the docstring and of `__future__`."""
    heads = [
        node.end_lineno or 0
        for position, node in enumerate(body)
        if (position == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.ImportFrom) and node.module == "__future__")
    ]
    return max(heads, default=0)
