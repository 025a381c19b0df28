"""Expressions as SQL: what Ibis writes, put so that each dialect understands it.

Some operations are put in other words before Ibis compiles them:

- a `drop` of few columns, which Ibis writes for DuckDB as `EXCLUDE` with the columns in any order:
  fingerprints would differ from process to process;
- a filter by a window, which Ibis writes with `QUALIFY`: Trino has none, and what sqlglot makes of
  it names a table out of reach;
- rows of a memtable, which become values;
- functions of DuckDB that Trino has under another name, or not at all.

Gain: none in time. Without it models would be rebuilt for no reason, and some not be built on
Trino. Seen with Ibis 12.0.0 and sqlglot 30.17.0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import chain
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir

from lakehouse.patches.ibis_compilers import compilers_on_demand
from lakehouse.patches.ibis_trino_times import six_digits

compilers_on_demand()  # before anything asks Ibis for SQL

from lakehouse.patches.ibis_rows_in_code import in_code  # noqa: E402 - it loads a compiler


@ibis.udf.scalar.builtin(name="hash")  # type: ignore[untyped-decorator]
def hash_of(value) -> dt.uint64:  # type: ignore[no-untyped-def]  # noqa: ANN001 - of any type
    """DuckDB's name for: a number that different values hardly ever share. Trino has none."""


@ibis.udf.scalar.builtin(name="to_unixtime")  # type: ignore[untyped-decorator]
def _to_unixtime(instant: dt.Timestamp(timezone="UTC")) -> float:  # type: ignore[empty-body,valid-type]
    """Trino's name for: seconds since 1970, with their fraction."""


_IN_OTHER_WORDS: Mapping[str, Mapping[str, Callable[..., ir.Value]]] = {
    "trino": {
        "epoch_us": lambda instant: (_to_unixtime(instant) * 1e6).round().cast("int64"),
        "hash": lambda value: value.hash(),  # of which Ibis says that it is not defined
    }
}
"""By dialect, what stands for a function of DuckDB that it lacks."""


def to_sql(expression: ir.Table, dialect: str) -> str:
    """The expression as one SELECT in a dialect; tables go by their bare names."""
    six_digits()
    rewritten = partial(_rewritten, words=_IN_OTHER_WORDS.get(dialect, {}))
    operation = expression.op().replace(rewritten)
    if dialect == "trino":
        operation = _for_trino(operation)
    return str(ibis.to_sql(operation.to_expr(), dialect=dialect, pretty=False))


def _for_trino(operation: ops.Node) -> ops.Node:
    """An expression whose operations mean on Trino what they mean on DuckDB."""
    from lakehouse.patches.ibis_trino_operations import in_a_window, mend

    mend()

    def window(node: ops.Node, changed: Mapping[str, Any] | None) -> ops.Node:
        node = node.copy(**changed) if changed else node
        return in_a_window(node) if isinstance(node, ops.WindowFunction) else node

    return operation.replace(window)


def _rewritten(
    operation: ops.Node,
    changed: Mapping[str, Any] | None,
    words: Mapping[str, Callable[..., ir.Value]],
) -> ops.Node:
    """An operation in a form that Ibis compiles well for the dialect."""
    operation = operation.copy(**changed) if changed else operation
    if isinstance(operation, ops.DropColumns):
        return _name_what_is_kept(operation)
    if isinstance(operation, ops.Filter):
        return _name_windows(operation)
    if isinstance(operation, ops.InMemoryTable):
        return in_code(operation)
    if isinstance(operation, ops.ScalarUDF) and operation.__func_name__ in words:
        return _in_other_words(operation, words[operation.__func_name__])
    return operation


def _in_other_words(function: ops.ScalarUDF, words: Callable[..., ir.Value]) -> ops.Node:
    return words(*(each.to_expr() for each in function.args)).op()


def _name_what_is_kept(drop: ops.DropColumns) -> ops.Node:
    """Ibis writes the columns of a `drop` in any order: select the others instead."""
    kept = [name for name in drop.parent.schema if name not in drop.columns_to_drop]
    return ops.Project(drop.parent, _fields(drop.parent, kept))


def _name_windows(chosen: ops.Filter) -> ops.Node:
    """What is compared with windows becomes a column first: QUALIFY is not known everywhere."""
    found = (each.find(ops.WindowFunction, filter=ops.Value) for each in chosen.predicates)
    windows = {each: f"_window{n}" for n, each in enumerate(dict.fromkeys(chain(*found)))}
    if not windows:
        return chosen
    before, columns = chosen.parent, list(chosen.schema)
    named = ops.Project(
        before, _fields(before, columns) | {name: each for each, name in windows.items()}
    )
    new = {ops.Field(before, name): ops.Field(named, name) for name in columns}
    new |= {each: ops.Field(named, name) for each, name in windows.items()}
    rows = ops.Filter(named, [each.replace(new, filter=ops.Value) for each in chosen.predicates])
    return ops.Project(rows, _fields(rows, columns))


def _fields(table: ops.Relation, names: Iterable[str]) -> dict[str, ops.Field]:
    return {name: ops.Field(table, name) for name in names}
