"""Whether two lakehouses hold the same: every table, every row, every column.

`python -m tests.stack.parity FIRST LAST` runs days of the project through the local profile and
through the production profile of the environment, each in a home of its own, and compares them.
"""

import os
import sys
import tempfile
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse import config
from lakehouse.cli.output import table as shown
from lakehouse.run.attempts import run
from lakehouse.run.request import Request
from lakehouse.session import Session

ROOT = Path(__file__).parents[2]
OF_A_RUN = ("_run_id", "_ingested_at", "ingested_at")
"""Columns that say when something was done, rather than what is."""
TOLERANCE = 1e-9


def both(first, last, production, home, root=ROOT):
    """A row for each table, after running these days of a project through both profiles."""
    variables = {"LAKEHOUSE_HOME": str(home / "local")}
    with Session(config.load(root, variables)) as local:
        _run(local, first, last)
        with Session(config.load(root, production | {"LAKEHOUSE_HOME": str(home / "far")})) as far:
            _run(far, first, last)
            return [compared(name, local, far) for name in sorted(_tables(local))]


def compared(name, one, other):
    """What the same table of two lakehouses has in common, and the first column that differs."""
    left, right = (_rows(each, name) for each in (one, other))
    found = {"table": name, "rows": len(left), "columns": left.num_columns, "differs": ""}
    if right.column_names != left.column_names:
        return found | {"differs": f"columns: {right.column_names}"}
    if len(right) != len(left):
        return found | {"differs": f"{len(right)} rows"}
    unlike = [column for column in left.column_names if not _alike(left[column], right[column])]
    return found | {"differs": ", ".join(unlike)}


def _run(session, first, last):
    session.open()
    windows = session.days(first, last)
    run(session, Request(windows, frozenset(session.project.tables), message="parity"))


def _tables(session):
    return {spec.table for spec in session.project.tables.values()}


def _rows(session, name):
    """The rows of a table, sorted by what tells them apart: all but floats and lists."""
    rows = session.query(f"select * from {name}").drop_columns(
        [each for each in OF_A_RUN if each in session.compiled.schemas[name.partition(".")[2]]]
    )
    is_no_key = (pa.types.is_floating, pa.types.is_nested)
    by = [field.name for field in rows.schema if not any(is_(field.type) for is_ in is_no_key)]
    return rows.sort_by([(each, "ascending") for each in by])


def _alike(left, right):
    if pa.types.is_floating(left.type):
        near = pc.less_equal(
            pc.abs(pc.subtract(left, right)),
            pc.add(pc.multiply(pc.abs(left), TOLERANCE), TOLERANCE),
        )
        return (
            pc.all(pc.fill_null(near, True)).as_py()
            and left.null_count == right.null_count
            and (left.is_null() == right.is_null())
        )
    return left.to_pylist() == right.to_pylist()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        rows = both(*map(date.fromisoformat, sys.argv[1:3]), dict(os.environ), Path(folder))
    sys.stdout.write(shown(rows) + "\n")
    sys.exit(any(row["differs"] for row in rows))
