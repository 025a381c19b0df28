"""The folders of the framework, with what belongs in each."""

from __future__ import annotations

import ast
from pathlib import Path

from docs.written.floors import FLOORS
from docs.written.markdown import plain, table

FRAMEWORK = Path(__file__).parents[2] / "lakehouse"


def folders(_: str) -> str:
    """Return a table of all folders and modules at the root, from the top floor down."""
    rows = [
        (str(number), f"`{name}/`" if (FRAMEWORK / name).is_dir() else f"`{name}.py`", about(name))
        for number, names in zip(range(len(FLOORS), 0, -1), FLOORS, strict=True)
        for name in names
    ]
    return table(["floor", "folder or module", "what belongs there"], rows)


def about(name: str) -> str:
    """Return the first line of the docstring of a folder or module."""
    file = FRAMEWORK / name / "__init__.py"
    text = (file if file.exists() else FRAMEWORK / f"{name}.py").read_text()
    return plain((ast.get_docstring(ast.parse(text)) or "").splitlines()[0])
