"""Prints docs/reference/dependencies.md: what requirements.txt pins, and under which licences."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from email.message import Message
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

REQUIREMENTS = Path(__file__).parent.parent / "requirements.txt"
_LONGEST = 60
_HEAD = """# Dependencies

What `requirements.txt` pins, with the licence that each package states. `make requirements`
writes this page.

| package | version | licence |
|---|---|---|"""


def main() -> None:
    """Print the page."""
    sys.stdout.write("\n".join([_HEAD, *_rows(), ""]))


def _rows() -> Iterator[str]:
    pins = re.findall(
        r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;\\]+)", REQUIREMENTS.read_text(), re.MULTILINE
    )
    for name, version in sorted(set(pins)):
        yield f"| {name} | {version} | {_licence(name)} |"


def _licence(name: str) -> str:
    try:
        stated = metadata(name)
    except PackageNotFoundError:
        return "not installed on this platform"
    assert isinstance(stated, Message)
    named = [
        each.rpartition(" :: ")[2]
        for each in stated.get_all("Classifier", [])
        if each.startswith("License ::")
    ]
    text = (
        stated.get("License-Expression")
        or ", ".join(named)
        or stated.get("License")
        or "not stated"
    )
    first = text.strip().splitlines()[0]
    return first if len(first) <= _LONGEST else f"{first[:_LONGEST]}…"


if __name__ == "__main__":
    main()
