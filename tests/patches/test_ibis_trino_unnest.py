"""An array is taken apart on Trino by one UNNEST; several are left to Ibis, which pads them."""

import subprocess
import sys

import ibis
import pytest
from seen import needless

from lakehouse.patches.ibis_dialects import to_sql

PATCH = "ibis_trino_unnest"
ROWS = ibis.table(
    {"number": "int64", "list": "array<int64>", "structs": "array<struct<a: int64, b: string>>"},
    name="rows",
)


@pytest.mark.parametrize(
    "rows",
    [
        ROWS.select(made=ROWS.list.unnest()),
        ROWS.select("number", made=ROWS.number + ROWS.list.unnest()),
        ROWS.mutate(sum=ROWS.number.sum().over(group_by="number"), made=ROWS.list.unnest()),
        ROWS.filter(ROWS.number > 1).select(made=ROWS.list.unnest()),
    ],
)
def test_one_array_is_one_unnest(rows):
    sql = to_sql(rows, "trino")
    assert sql.count("UNNEST") == 1
    assert 'CROSS JOIN UNNEST("' in sql


def test_arrays_of_several_steps_are_taken_apart_one_after_the_other():
    first = ROWS.select("structs", made=ROWS.list.unnest())
    sql = to_sql(first.select("made", other=first.structs.unnest().a), "trino")
    assert sql.count("UNNEST") == 2
    assert "pos" not in sql


def test_structs_are_put_into_structs_of_one_column():
    assert 'UNNEST(TRANSFORM("t0"."structs", struct -> ROW(struct)))' in to_sql(
        ROWS.select(made=ROWS.structs.unnest()), "trino"
    )


def test_several_arrays_are_padded():
    sql = to_sql(ROWS.select(one=ROWS.list.unnest(), other=ROWS.list.unnest()), "trino")
    assert "GREATEST(CARDINALITY(" in sql


@pytest.mark.long
def test_ibis_alone_writes_two_for_one_array():
    ask = (
        "import ibis; t = ibis.table({'a': 'array<int64>'}, name='t');"
        "print(ibis.to_sql(t.select(x=t.a.unnest()), dialect='trino', pretty=False))"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.count("UNNEST") == 2, needless(PATCH, "sqlglot")
