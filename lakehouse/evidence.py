"""What shows a failed check to people: a few of the rows, and the SQL that finds all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

EXAMPLES = 5
"""Rows that are kept of a failure."""
_COLUMNS = 8
_TEXT = 80
_NO_COLUMNS = [
    "at",
    "authorization",
    "by",
    "collation",
    "columns",
    "concurrently",
    "freeze",
    "generated",
    "lambda",
    "pivot_longer",
    "similar",
    "try_cast",
    "unpack",
    "verbose",
]
"""Words that DuckDB takes for columns only in quotes, and that sqlglot does not know as such."""


def examples(rows: pa.Table, about: Sequence[str]) -> list[dict[str, Any]]:
    """Rows as a report keeps them: the columns that a check is about first, no long texts."""
    first = [name for name in about if name in rows.column_names]
    others = [name for name in rows.column_names if name not in first]
    shown = [*first, *others][: max(_COLUMNS, len(first))]
    return [{name: _plain(value) for name, value in row.items()} for row in _rows(rows, shown)]


def summary(check: Mapping[str, Any]) -> str:
    """What a check of a run record found, in a line; rows are counted if there are some to show."""
    of = "" if check.get("rows") is None else f" of {check['rows']}"
    count = f": {check['failures']}{of} rows" if check.get("sql") else ""
    return f"{check['table']}: {check['label']}{count}"


def told(check: Mapping[str, Any], ref: str) -> str:
    """The same with a few of the rows, and the command that shows all of them on a ref."""
    rows = ("  ".join(f"{k}={v}" for k, v in row.items()) for row in check.get("examples", ()))
    look = [f"  → {command(check['sql'], ref)}"] if check.get("sql") else []
    return "\n".join([summary(check), *(f"    {row}" for row in rows), *look])


def readable(sql: str, tables: Mapping[str, str], dialect: str) -> str:
    """A statement over bare table names as one that `query` answers, as people write it.

    `tables` gives the qualified name of each table.
    """
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(sql, read=dialect)
    for table in tree.find_all(exp.Table):
        if table.name in tables and not table.db:
            schema, _, name = tables[table.name].partition(".")
            table.set("this", exp.to_identifier(name, quoted=True))
            table.set("db", exp.to_identifier(schema, quoted=True))
    reserved = _reserved(dialect)
    for identifier in tree.find_all(exp.Identifier):
        name = identifier.name
        plain = name.isidentifier() and name.islower() and name not in reserved
        identifier.set("quoted", not plain)
    return tree.sql(dialect=dialect)


def command(sql: str, ref: str) -> str:
    """The words that show the rows of a statement, as a shell takes them."""
    import shlex

    special = set(sql) & set('"$`\\!\n')
    return f"lakehouse query {shlex.quote(sql) if special else _double(sql)} --ref {ref}"


def _double(sql: str) -> str:
    return f'"{sql}"'


def _reserved(dialect: str) -> set[str]:
    from sqlglot.dialects import Dialect

    known = Dialect.get_or_raise(dialect)
    words = {
        *known.tokenizer_class.KEYWORDS,
        *known.generator_class.RESERVED_KEYWORDS,
        *_NO_COLUMNS,
    }
    return {word.lower().removesuffix("_p") for word in words}


def _rows(rows: pa.Table, names: Sequence[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rows.select(list(names)).to_pylist()
    return found


def _plain(value: Any) -> Any:
    """A value as JSON holds it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Decimal):
        return float(value)
    text = value.isoformat() if isinstance(value, date | datetime | time) else str(value)
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}…"
