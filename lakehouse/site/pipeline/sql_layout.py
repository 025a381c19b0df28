"""SQL in lines: only white space is added, so that it takes no parser and no time."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\w+|\s+|.""", re.DOTALL)
_CLAUSES = frozenset(
    {"FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "INTERSECT", "EXCEPT"}
    | {"WINDOW", "QUALIFY", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "ASOF", "SEMI", "ANTI"}
)
"""Words that begin a line in a query."""
_FUNCTIONS_TOO = frozenset({"LEFT", "RIGHT"})
_QUERIES = frozenset({"SELECT", "WITH"})
_STEP = "  "


def laid_out(sql: str) -> str:
    """Return a statement in lines: a clause or a column each, queries within it indented."""
    words = [word for word in _TOKEN.findall(sql) if not word.isspace()]
    spaced = _TOKEN.findall(sql)
    following = iter([*words[1:], ""])
    queries: list[bool] = [True]
    """For each open parenthesis, whether a query is in it; the statement itself is one."""
    parts: list[str] = [""]

    def begin_line(depth: int) -> None:
        parts.append("\n" + _STEP * depth)

    for word in spaced:
        if word.isspace():
            parts.append("" if parts[-1].startswith("\n") else " ")
            continue
        after, depth = next(following), sum(queries) - 1
        is_function = word in _FUNCTIONS_TOO and after == "("
        if word == ")" and len(queries) > 1 and queries.pop():
            begin_line(depth - 1)
        elif word in _CLAUSES and queries[-1] and not is_function:
            begin_line(depth)
        parts.append(word)
        if word == "(":
            queries.append(after in _QUERIES)
        if word in ("(", ",") and queries[-1]:
            begin_line(depth + 1)
    return "\n".join(line.rstrip() for line in "".join(parts).splitlines() if line.strip())
