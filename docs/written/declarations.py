"""What users import: signatures, and what docstrings say of them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import lakehouse
from docs.written.layers import FRAMEWORK
from docs.written.markdown import paragraph, table
from lakehouse.checks import Rule

SHARED = tuple(inspect.signature(Rule).parameters)
"""What every check takes as keywords."""
_OTHERS = ("Window", "Settings", "SoftDelete", "Unread", "ConfigError", "SourceError")


def checks(_: str) -> str:
    """Return a table of the ready checks, with what every one takes besides."""
    found = [getattr(lakehouse, name) for name in lakehouse.__all__]
    ready = [each for each in found if isinstance(each, type) and issubclass(each, Rule)]
    rows = [(_call(each, without=SHARED), paragraph(each.__doc__)) for each in ready]
    shared = ", ".join(f"`{each}`" for each in SHARED)
    return f"{table(['check', 'what must hold'], rows)}\nEvery check takes {shared} as well:\n"


def names(_: str) -> str:
    """Return a table of what is handed to functions of a project, or yielded or raised by them."""
    rows = []
    for name in _OTHERS:
        value = getattr(lakehouse, name)
        shown = f"`{name}`" if name == "Settings" else _call(value)  # nobody but us makes one
        rows.append((shown, paragraph(value.__doc__)))
    return table(["name", "what it is"], rows)


def expressions(_: str) -> str:
    """Return a table of what `lakehouse.expressions` holds, in the order of the module."""
    return table(["name", "what it is"], _expressions())


def default(value: object) -> str:
    """Return a default as a page shows it; empty where there is none."""
    if value is inspect.Parameter.empty:
        return ""
    return f"`{_shown(value)}`"


def _shown(value: object) -> str:
    return '"0d"' if value == timedelta() else repr(value).replace("'", '"')


def _call(value: Any, without: tuple[str, ...] = ()) -> str:
    """Return how something is called, without types."""
    given = inspect.signature(value).parameters.values()
    pieces = [
        each.name if each.default is each.empty else f"{each.name}={_shown(each.default)}"
        for each in given
        if each.name not in without
    ]
    return f"`{value.__name__}({', '.join(pieces)})`"


def _expressions() -> Iterator[tuple[str, str]]:
    """Yield the public functions and types of the module, read from its text."""
    body = ast.parse((FRAMEWORK / "expressions.py").read_text()).body
    for node, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield f"`{node.name}({_arguments(node.args)})`", paragraph(ast.get_docstring(node))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            said = following.value if isinstance(following, ast.Expr) else None
            text = said.value if isinstance(said, ast.Constant) else ""
            yield f"`{node.targets[0].id}`", paragraph(str(text))


def _arguments(arguments: ast.arguments) -> str:
    """Return parameters with their defaults, without types."""
    bare = ast.parse(f"def f({ast.unparse(arguments)}): ...").body[0]
    assert isinstance(bare, ast.FunctionDef)
    for each in ast.walk(bare.args):
        if isinstance(each, ast.arg):
            each.annotation = None
    return ast.unparse(bare.args)
