"""Rows on their way to Postgres: how an engine selects them, and which ones Postgres cannot hold.

Arrays and documents travel as JSON text, which every engine can write; a staging table holds it as
text. The items of an array are texts in it, in the form in which Postgres reads their type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lakehouse.compile.postgres_types import holds, is_document, is_list, parts
from lakehouse.engines.postgres_words import WORDS, Words
from lakehouse.engines.sql import columns, identifier, literal, relation, where
from lakehouse.windows import ALL_TIME

if TYPE_CHECKING:
    import ibis
    import ibis.expr.datatypes as dt

    from lakehouse.catalogs import StoredTable
    from lakehouse.engines import Load

_FIRST_DAY, _LAST_DAY = -2_440_588, 2_145_042_905
"""Days from 1970-01-01 to the first one that Postgres has, 4714-11-24 BC, and to its last one."""
_NO_NUMBER = "(?i)nan|inf"
"""Words in JSON, outside of texts, that DuckDB takes for numbers, and nobody else."""
_JSON_TEXT = r'"([^"\\]|\\.)*"'


def staged(schema: ibis.Schema) -> ibis.Schema:
    """Return the columns of a staging table: arrays and documents are text there."""
    import ibis

    return ibis.schema(
        {name: "string" if _travels_as_text(kind) else kind for name, kind in schema.items()}
    )


def changed(load: Load, scan: Callable[[StoredTable, ibis.Schema], str], dialect: str) -> str:
    """The SELECT of the changed rows of a table, without those that Postgres cannot hold."""
    source, windows = load.source, load.changed.windows
    column = None if ALL_TIME in windows else source.time_column
    inside = where(windows, load.changed.keys, column, source.schema, dialect)
    rows = f"SELECT {columns(source.schema)} FROM {relation(source, scan, dialect)} WHERE {inside}"
    problem = _any_unholdable(source.schema, dialect)
    if problem:
        rows += f" AND NOT coalesce({problem}, false)"
    if not any(map(_travels_as_text, source.schema.values())):
        return rows
    values = ", ".join(
        f"{_staged(kind, identifier(name), WORDS[dialect])} AS {identifier(name)}"
        for name, kind in source.schema.items()
    )
    return f"SELECT {values} FROM ({rows}) AS changed_rows"


def unholdable(schema: Mapping[str, dt.DataType], dialect: str) -> dict[str, str]:
    """Return the SQL condition that Postgres cannot hold a row's value, for columns that need one.

    A condition is null where the value is.
    """
    conditions = {
        name: _unholdable(kind, identifier(name), WORDS[dialect]) for name, kind in schema.items()
    }
    return {name: f"({condition})" for name, condition in conditions.items() if condition}


def _any_unholdable(schema: ibis.Schema, dialect: str) -> str:
    """The SQL condition that Postgres cannot hold one of a row's values; empty if it holds all.

    Texts are looked at together: Ibis reads the statement again, which takes longer than its rows.
    """
    texts = {name: kind for name, kind in schema.items() if kind.is_string()}
    others = {name: kind for name, kind in schema.items() if name not in texts}
    problems = list(unholdable(others, dialect).values())
    if texts:
        joined = f"concat_ws('', {', '.join(map(identifier, texts))})"
        problems.append(_unholdable(next(iter(texts.values())), joined, WORDS[dialect]))
    return " OR ".join(problems)


def _travels_as_text(kind: dt.DataType) -> bool:
    return bool(kind.is_array() or kind.is_json() or is_document(kind) or _is_fraction(kind))


def _is_fraction(kind: dt.DataType) -> bool:
    """Return whether a decimal has one digit before the point at most.

    DuckDB writes such decimals to Postgres with digits that Postgres does not read.
    """
    return bool(kind.is_decimal()) and (kind.precision or 0) - (kind.scale or 0) <= 1


def _staged(kind: dt.DataType, value: str, words: Words) -> str:
    """The SQL of a value as its staging table holds it."""
    if kind.is_json() or _is_fraction(kind):
        return f"CAST({value} AS VARCHAR)"
    if is_list(kind):
        items = words.each(value, "item", _text(kind.value_type, "item", words))
        return words.json_text(words.json(items))
    if is_document(kind):
        return words.json_text(words.json(_part(kind, value, words, 0)))
    return value


def _unholdable(kind: dt.DataType, value: str, words: Words) -> str:
    """The SQL condition that Postgres cannot hold a value; empty if it can hold every one."""
    if kind.is_string():
        return f"strpos({value}, chr(0)) > 0"
    if kind.is_date() or kind.is_timestamp():
        day = f"date_diff('day', DATE '1970-01-01', CAST({value} AS DATE))"
        return f"{day} NOT BETWEEN {_FIRST_DAY} AND {_LAST_DAY}"
    if is_list(kind) and not kind.value_type.is_string():
        condition = _unholdable(kind.value_type, "item", words)
        return words.any(value, "item", condition) if condition else ""
    if kind.is_json():
        return words.matches(words.without(_staged(kind, value, words), _JSON_TEXT), _NO_NUMBER)
    if holds(kind, lambda part: part.is_string()):
        # JSON escapes a NUL; what escapes a backslash is taken out before that is looked for.
        bare = f"replace({_staged(kind, value, words)}, {literal(2 * chr(92))}, '')"
        return f"strpos({bare}, {literal(chr(92) + 'u0000')}) > 0"
    return ""


def _text(kind: dt.DataType, value: str, words: Words) -> str:
    """The SQL of a plain value as text that Postgres reads as its type."""
    if kind.is_binary():
        return words.bytes_text(value)
    if kind.is_timestamp():
        return words.instant_text(value, "Z" if kind.timezone else "")
    if kind.is_floating():
        # Engines have names of their own for what is no number.
        return (
            f"CASE WHEN {words.is_finite(value)} THEN CAST({value} AS VARCHAR)"
            f" WHEN {words.is_nan(value)} THEN 'NaN' WHEN {value} > 0 THEN 'Infinity'"
            f" WHEN {value} < 0 THEN '-Infinity' END"
        )
    return value if kind.is_string() else f"CAST({value} AS VARCHAR)"


def _part(kind: dt.DataType, value: str, words: Words, depth: int) -> str:
    """The SQL of a value as a part of a document, null if the value is."""
    name = f"item_{depth}"

    def inner(part: dt.DataType, item: str) -> str:
        return _part(part, item, words, depth + 1)

    if kind.is_array():
        return words.part(words.each(value, name, inner(kind.value_type, name)))
    if kind.is_map():
        key, item = parts(kind)
        written = words.map(
            value, name, lambda found: _text(key, found, words), lambda found: inner(item, found)
        )
        return words.part(written)
    if kind.is_struct():
        fields = {
            field: inner(part, f"({value}).{identifier(field)}") for field, part in kind.items()
        }
        return f"CASE WHEN {value} IS NOT NULL THEN {words.struct(fields)} END"
    return _plain_part(kind, value, words)


def _plain_part(kind: dt.DataType, value: str, words: Words) -> str:
    """The SQL of a plain value as a part of a document: a number, true or false, or a text."""
    if kind.is_integer() or kind.is_decimal() or kind.is_boolean():
        return words.part(value)
    text = _text(kind, value, words)
    if kind.is_floating():  # JSON has no word for infinity
        finite = words.is_finite(value)
        return f"CASE WHEN {finite} THEN {words.json(value)} ELSE {words.json(text)} END"
    return words.part(text)
