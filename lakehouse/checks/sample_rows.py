"""Text about a failed check for people: sample rows, and the command that shows all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lakehouse.table_names import name_of, schema_of

if TYPE_CHECKING:
    import pyarrow as pa

EXAMPLES = 5
"""Offending rows that a result keeps, at most."""
_COLUMNS = 8
"""Columns of a sample row, at most, unless the check is about more."""
_TEXT = 80
"""Characters of a text in a sample row, at most."""
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
"""Words that DuckDB accepts as column names only in quotes, and that sqlglot does not list."""


def examples(rows: pa.Table, about: Sequence[str]) -> list[dict[str, Any]]:
    """Rows as a result keeps them: the columns in `about` first, long texts cut, ready for JSON."""
    first = [name for name in about if name in rows.column_names]
    others = [name for name in rows.column_names if name not in first]
    shown = [*first, *others][: max(_COLUMNS, len(first))]
    return [{name: _plain(value) for name, value in row.items()} for row in _rows(rows, shown)]


def summary(check: Mapping[str, Any]) -> str:
    """A check of a run record in one line, with the number of offending rows if it has any."""
    of = "" if check.get("rows") is None else f" of {check['rows']}"
    count = f": {check['failures']}{of} rows" if check.get("sql") else ""
    return f"{check['table']}: {check['label']}{count}"


def message(check: Mapping[str, Any], ref: str) -> str:
    """`summary`, then the sample rows, then the command that shows all of them on `ref`."""
    rows = ("  ".join(f"{k}={v}" for k, v in row.items()) for row in check.get("examples", ()))
    look = [f"  → {command(check['sql'], ref)}"] if check.get("sql") else []
    return "\n".join([summary(check), *(f"    {row}" for row in rows), *look])


def readable(sql: str, tables: Mapping[str, str], dialect: str) -> str:
    """Rewrite SQL over bare table names for `query`: qualified names, quotes only where needed.

    `tables` gives the qualified name of each bare one.
    """
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(sql, read=dialect)
    for table in tree.find_all(exp.Table):
        if table.name in tables and not table.db:
            schema, name = schema_of(tables[table.name]), name_of(tables[table.name])
            table.set("this", exp.to_identifier(name, quoted=True))
            table.set("db", exp.to_identifier(schema, quoted=True))
    reserved = _reserved(dialect)
    for identifier in tree.find_all(exp.Identifier):
        name = identifier.name
        plain = name.isidentifier() and name.islower() and name not in reserved
        identifier.set("quoted", not plain)
    return tree.sql(dialect=dialect)


def command(sql: str, ref: str) -> str:
    """The shell command that shows the rows of a statement on `ref`."""
    import shlex

    special = set(sql) & set('"$`\\!\n')
    return f"lakehouse query {shlex.quote(sql) if special else _double(sql)} --ref {ref}"


def _double(sql: str) -> str:
    return f'"{sql}"'


def _reserved(dialect: str) -> set[str]:
    from sqlglot.dialects import Dialect

    sqlglot_dialect = Dialect.get_or_raise(dialect)
    words = {
        *sqlglot_dialect.tokenizer_class.KEYWORDS,
        *sqlglot_dialect.generator_class.RESERVED_KEYWORDS,
        *_NO_COLUMNS,
    }
    return {word.lower().removesuffix("_p") for word in words}


def _rows(rows: pa.Table, names: Sequence[str]) -> list[dict[str, Any]]:
    selected: list[dict[str, Any]] = rows.select(list(names)).to_pylist()
    return selected


def _plain(value: Any) -> Any:
    """A value that JSON can hold."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Decimal):
        return float(value)
    text = value.isoformat() if isinstance(value, date | datetime | time) else str(value)
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}…"
