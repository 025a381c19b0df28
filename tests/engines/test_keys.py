"""Conditions by keys: the rows with one of them, however many there are."""

import duckdb
import ibis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.engines.sql import where
from lakehouse.keys import Keys
from lakehouse.windows import ALL_TIME

TEXTS = st.none() | st.text(alphabet="ab'ß😀", max_size=2)
NUMBERS = st.none() | st.integers(-2, 2) | st.sampled_from([-(2**63), 2**63 - 1])
OF_A_PERSON = st.tuples(TEXTS)
OF_A_DEVICE = st.tuples(TEXTS, NUMBERS)


def condition(keys, dialect, **kinds):
    """The condition on a table whose columns have these types; text and a whole number else."""
    schema = ibis.schema({"site": "string", "device": "int64", **kinds})
    return where((ALL_TIME,), keys, None, schema, dialect)


def rows_with(keys, rows, dialect):
    """Of rows of (site, device), those for which the condition is true."""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (site VARCHAR, device BIGINT)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
        statement = f"SELECT * FROM t WHERE {condition(keys, dialect)}"
        found = connection.execute(statement).fetchall()
    return sorted(found, key=repr)


@pytest.mark.parametrize(
    ("columns", "values"), [(("site",), OF_A_PERSON), (("site", "device"), OF_A_DEVICE)]
)
@given(data=st.data())
def test_the_rows_with_one_of_several_keys_are_found(columns, values, data):
    keys = Keys(columns, data.draw(st.frozensets(values, min_size=1, max_size=5)))
    rows = data.draw(st.lists(OF_A_DEVICE, min_size=1, max_size=6))
    expected = [row for row in rows if row[: len(columns)] in keys.values]
    assert rows_with(keys, rows, "duckdb") == sorted(expected, key=repr)
    assert rows_with(keys, rows, "trino") == sorted(expected, key=repr)


@pytest.mark.parametrize(
    ("kind", "column", "values", "found"),
    [
        ("int64", "9::BIGINT", ["9", "10"], True),
        ("int64", "9::BIGINT", [9, "10"], True),
        ("string", "'9'", [9, 10], True),
        ("string", "'11'", [9, 10], False),
        ("uuid", "uuid '6c1f2a9e-0000-4000-8000-000000000001'", ["6c1f2a9e-0000-4000-8000-000000000001", "6c1f2a9e-0000-4000-8000-000000000002"], True),
        ("date", "date '2024-03-15'", ["2024-03-15", "2024-03-16"], True),
    ],
)  # fmt: skip
def test_keys_of_a_column_of_another_type_are_found(kind, column, values, found):
    """A model may make text of a source's number."""
    keys = Keys(("site",), frozenset((value,) for value in values))
    statement = f"SELECT {condition(keys, 'duckdb', site=kind)} FROM (SELECT {column} AS site)"
    assert duckdb.sql(statement).fetchone() == (found,)


def test_a_condition_by_many_keys_is_one_call_for_duckdb():
    """Each further part of a condition is copied on its way down a plan, twice at each window."""
    few, many = (
        Keys(("site",), frozenset((f"person{n}",) for n in range(number))) for number in (2, 200)
    )
    parts = [
        duckdb.sql(
            f"SELECT json_serialize_sql($$SELECT 1 FROM t WHERE {condition(keys, 'duckdb')}$$)"
        ).fetchone()[0]
        for keys in (few, many)
    ]
    assert [part.count('"COMPARE_') for part in parts] == [1, 1]
    assert [part.count('"function_name":"list_contains"') for part in parts] == [1, 1]
