"""An array is taken apart on Trino by one UNNEST; several are left to Ibis, which pads them."""

import ibis
import pytest
from seen import needless, printed_by

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


def test_an_array_of_no_table():
    rows = ibis.array([1, 2]).unnest().name("made").as_table()
    assert to_sql(rows, "trino").endswith("FROM UNNEST(ARRAY[1, 2]) AS elements(element)")


OTHERS = ibis.table({"number": "int64"}, name="others")
BELOW = {
    "table": ROWS.select(made=ROWS.list.unnest()),
    "join": ROWS.join(OTHERS, "number").select(made=ROWS.list.unnest()),
    "groups": ROWS.group_by(made=ROWS.list.unnest()).agg(rows=ROWS.count()),
    "no table": ibis.array([1, 2]).unnest().name("made").as_table(),
}


@pytest.mark.parametrize("below", BELOW)
def test_an_array_of_a_subquery_is_taken_apart_in_it(below):
    most = OTHERS.mutate(most=BELOW[below].made.max().as_scalar())
    sql = to_sql(most, "trino")
    assert sql.count("UNNEST") == 1
    assert sql.endswith('AS "most" FROM "others" AS "t0"')


def test_several_arrays_are_padded():
    sql = to_sql(ROWS.select(one=ROWS.list.unnest(), other=ROWS.list.unnest()), "trino")
    assert "GREATEST(CARDINALITY(" in sql


@pytest.mark.long
def test_ibis_alone_writes_two_for_one_array():
    ask = (
        "import ibis; t = ibis.table({'a': 'array<int64>'}, name='t');"
        "print(ibis.to_sql(t.select(x=t.a.unnest()), dialect='trino', pretty=False))"
    )
    assert printed_by(ask).count("UNNEST") == 2, needless(PATCH, "sqlglot")
