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
    "shown-as-text": lambda r: r.at.cast("string"),
    "shown-as-text of floats": lambda r: r.share.cast("string"),
    "text-cast": lambda r: ibis.literal("1.5").concat(r.text.substr(9)).cast("int64"),
    "decimals": lambda r: r.number.cast("decimal(15,2)") / 7_000_000,
    "cut": lambda r: r.text.right(r.none.fill_null(-2)),
    "pad": lambda r: r.text.lpad(4, "xy"),
    "letters": lambda r: r.text.replace("a", "ä").levenshtein("b"),
    "shift": lambda r: (r.number - r.number - 1) << 1,
    "type-name": lambda r: r.text.typeof(),
    "arrays": lambda r: ibis.array([r.number, r.none]).sums(),
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
