"""Parts of pages that are written from the code: `make pages` writes them anew.

A part stands between `<!-- written: … -->` and `<!-- end -->`. The words after the colon name it:
a key of `PARTS`, and what the part is about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.written import commands, declarations, layers, tables, types

DOCS = Path(__file__).parent.parent
PARTS: Mapping[str, Callable[[str], str]] = {
    "checks": declarations.checks,
    "columns": tables.columns,
    "command": commands.command,
    "expressions": declarations.expressions,
    "folders": layers.folders,
    "names": declarations.names,
    "options": commands.shared_options,
    "types": types.matrix,
}
"""What writes a part, by the first word of its name; it is handed the other words."""
_PART = re.compile(r"(<!-- written: (\w+)((?: \w+)*) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages() -> list[Path]:
    """The pages that hold such parts."""
    return [page for page in sorted(DOCS.rglob("*.md")) if _PART.search(page.read_text())]


def rewritten(text: str) -> str:
    """Return the text of a page with each part as the code says it now."""

    def part(found: re.Match[str]) -> str:
        begin, name, about, end = found.groups()
        return f"{begin}\n{PARTS[name](about.strip())}\n{end}"

    return _PART.sub(part, text)
