"""The traps that the rules of portability are about: where they are silent, engines do differ.

If one of these fails, engines have come to agree, and its rule may go.
"""

import ibis
import pyarrow as pa
import pytest

from lakehouse import config
from lakehouse.compile.compiler import Statement, stored
from lakehouse.declare import project
from lakehouse.errors import QueryError
from lakehouse.patches.ibis_dialects import to_sql
from lakehouse.testing.runner import RunModel
from lakehouse.testing.trino_sandbox import TrinoSandbox

SCHEMA = ibis.schema(
    {"at": "timestamp('UTC', 6)", "text": "string", "number": "int64", "none": "int64", "share": "float64"}
)  # fmt: skip
ROW = {
    "at": ["2024-03-15T08:05:00.123456Z"],
    "text": ["ab1"],
    "number": [1_710_460_800_123],
    "none": [None],
    "share": [2.5],
}
TRAPS = {
    "unix-time": lambda r: r.number.as_timestamp("ms"),
    "nulls": lambda r: ibis.least(r.number, r.none),
    "halves": lambda r: r.share.cast("int64"),
    "shown-as-text": lambda r: r.at.cast("string"),
    "shown-as-text of floats": lambda r: r.share.cast("string"),
    "text-cast": lambda r: ibis.literal("1.5").concat(r.text.substr(9)).cast("int64"),
    "regex groups": lambda r: r.text.re_replace("(b)", r"<\1>"),
    "regex without a match": lambda r: r.text.re_extract("x", 0),
    "modulo": lambda r: r.number % (r.number - r.number),
    "interval": lambda r: r.at + (-r.share).round().cast("int64").as_interval("D"),
    "window-filter": lambda r: r.number.sum(where=r.share > 0).over(group_by="text"),
    "decimals": lambda r: r.number.cast("decimal(15,2)") / 7_000_000,
    "bare-timestamp": lambda r: r.at.cast("timestamp(6)").cast("timestamp"),
    "percentiles": lambda r: r.share.median(),
}


@pytest.fixture(scope="module")
def engines(stack):
    def load():
        return project.load(config.load(None, {}))

    sandbox = TrinoSandbox(config.load(None, stack))
    yield RunModel(load), RunModel(load, lambda: sandbox)
    sandbox.close()


@pytest.mark.parametrize("trap", TRAPS)
def test_engines_differ(engines, trap):
    duckdb, trino = (_answer(run_model, TRAPS[trap]) for run_model in engines)
    assert duckdb != trino


def _answer(run_model, value):
    sandbox = run_model.sandbox()
    sandbox.fill("given", SCHEMA, pa.table(ROW))
    rows = ibis.table(SCHEMA, name="given")
    try:
        made = rows.select(made=value(rows))
        statement = Statement(to_sql(made, sandbox.dialect), stored(made.schema()))
        return run_model.rows(statement, ["given"])
    except (QueryError, ibis.common.exceptions.IbisError) as error:
        return type(error)
