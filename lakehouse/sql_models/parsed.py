"""The text of an SQL model as a syntax tree, and the tables that it reads."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from keyword import iskeyword
from types import NoneType
from typing import Any, TypeAlias

import sqlglot
from sqlglot import exp

from lakehouse.errors import ProjectError

Node: TypeAlias = Any
"""A part of a statement: the classes that sqlglot derives its own from differ by version."""
PYTHON = "write it otherwise, or write the model in Python"
"""What to do about a part of SQL that has no equal."""
DIALECT = "duckdb"
"""The SQL that models are written in."""
_ONE_SELECT = "a file holds one SELECT, which may begin with WITH"


_TOKEN = re.compile(r" but got <Token.*", re.DOTALL)
"""What an error of sqlglot says of its own objects."""
logging.getLogger("sqlglot").setLevel(logging.ERROR)  # errors are told with their place


@dataclass(frozen=True)
class TableName:
    """A table as a statement names it."""

    schema: str
    """Empty where the name stands alone."""
    name: str
    line: int

    @property
    def written(self) -> str:
        """The name with its schema, if it has one."""
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True)
class SqlText:
    """The SELECT of a model."""

    file: str
    """Path of the file, as errors show it."""
    text: str
    query: Node

    def error(self, message: str, node: Node, *, hint: str) -> ProjectError:
        """Return an error with the line of a node, or with a number of a line."""
        line = node if isinstance(node, int) else line_of(node)
        return ProjectError(message, hint=hint, place=f"{self.file}:{line}")

    def tables(self) -> Iterator[TableName]:
        """Yield the tables that it reads, in the order of the text; not the CTEs.

        Raises ProjectError for what is no name of a table, such as a file or a function.
        """
        found = sorted(self._tables(self.query, frozenset()), key=lambda table: table.line)
        yield from dict.fromkeys(found)

    def _tables(self, node: Node, ctes: frozenset[str]) -> Iterator[TableName]:
        if isinstance(node, exp.Query) and (with_ := clause(node, "with")):
            if with_.args.get("recursive"):
                raise self.error(
                    "a model cannot be recursive", with_, hint="write it as a model in Python"
                )
            for cte in with_.expressions:
                yield from self._tables(cte.this, ctes)
                ctes |= {cte.alias.lower()}
        if isinstance(node, exp.Table):
            table = self._table(node)
            if table.schema or table.name.lower() not in ctes:
                yield table
        for name, part in node.args.items():
            if name.rstrip("_") == "with":
                continue
            for child in part if isinstance(part, list) else [part]:
                if isinstance(child, exp.Expression):
                    yield from self._tables(child, ctes)

    def _table(self, node: exp.Table) -> TableName:
        is_name = isinstance(node.this, exp.Identifier) and node.name.isidentifier()
        is_name = is_name and not iskeyword(node.name.lower())
        if not is_name or node.catalog:
            raise self.error(
                f"{shown(node)} is no table of the project",
                node,
                hint="read tables by their names, such as silver.orders; an ingestion reads files",
            )
        return TableName(node.db.lower(), node.name.lower(), line_of(node))


def parse(file: str, text: str) -> SqlText:
    """Parse the text of a model. Raises ProjectError with the line if it is not one SELECT."""
    try:
        parsed = sqlglot.parse(text, dialect=DIALECT)
        statements = [part for part in parsed if not isinstance(part, exp.Semicolon | NoneType)]
    except sqlglot.errors.ParseError as error:
        first = error.errors[0]
        raise ProjectError(
            f"{_TOKEN.sub('', first['description']).rstrip('.')} near {first['highlight']!r}",
            hint="correct the SQL in this line, or in the one before it",
            place=f"{file}:{first['line']}",
        ) from None
    except sqlglot.errors.TokenError as error:
        raise ProjectError(
            str(error).partition("\n")[0],
            hint="a quotation mark or a comment does not end: close it",
            place=file,
        ) from None
    queries = [
        each
        for each in statements
        if isinstance(each, exp.Select | exp.SetOperation | exp.Subquery)
    ]
    if len(statements) != 1 or not queries:
        other = next((each for each in statements if each not in queries), None)
        what = f"{len(statements)} statements" if other is None else other.key.upper()
        raise ProjectError(
            f"a model is one SELECT, and this is {what if statements else 'nothing'}",
            hint=_ONE_SELECT,
            place=f"{file}:{line_of(statements[-1])}" if statements else file,
        )
    return SqlText(file, text, queries[0])


def clause(node: Node, name: str) -> Any:
    """Return a clause of a query; sqlglot calls some by a word of Python, with `_` behind it."""
    return node.args.get(f"{name}_") or node.args.get(name)


def line_of(node: Node) -> int:
    """Return the line of a node: of its first part that has one, or of what it is a part of."""
    lines = [part.meta["line"] for part in node.walk() if "line" in part.meta]
    if lines:
        return int(min(lines))
    return line_of(node.parent) if node.parent else 1


def shown(node: Node) -> str:
    """Return a part of a statement as a message shows it."""
    text = " ".join(node.sql(DIALECT, comments=False).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_SHOWN = 60
"""Characters of a part of a statement that an error shows, at most."""
