"""Pandera's checks, asked of rows that no engine holds when the question is put together."""

import ibis
import pandera.ibis as pa
import pytest
from ibis.common.exceptions import IbisError
from pandera.api.base.checks import BaseCheck
from pandera.api.checks import Check
from pandera.api.function_dispatch import Dispatcher
from pandera.api.ibis.types import IbisData
from pandera.backends.ibis.checks import IbisCheckBackend
from seen import assert_unchanged, needless, printed_by, still

from lakehouse.errors import ProjectError
from lakehouse.patches.pandera_checks import passed

ROWS = ibis.memtable({"id": [1, 2, 3], "value": [1, 5, None]}, schema={"id": "int64", "value": "int64"})  # fmt: skip
RELIED_UPON = {
    IbisCheckBackend.__init__: "12a1b228b31c",
    IbisCheckBackend.apply: "0116d20e6a24",
    Check.__call__: "23e5d863d542",
    BaseCheck.get_builtin_check_fn.__func__: "4e5f77c62f05",
    Dispatcher.register: "333c14368b18",
    Dispatcher.__call__: "3db25e9ec518",
}
"""How Pandera calls the function of a check: with an `IbisData`, and with what the check keeps."""


class Values(pa.DataFrameModel):
    id: int
    value: int = pa.Field(nullable=True, ge=2)

    @pa.check("value", name="ge")
    @classmethod
    def is_odd(cls, data: IbisData) -> ibis.Value:
        return data.table[data.key] % 2 == 1

    @pa.dataframe_check
    @classmethod
    def id_is_less(cls, data: IbisData) -> ibis.Value:
        return data.table["id"] < data.table["value"]


def verdicts(engine, check, column="value"):
    table = ROWS.select("id", passed=passed(check, ROWS, column)).order_by("id")
    sql = ibis.to_sql(table, dialect="duckdb")
    engine.connection.register(ROWS.op().name, ROWS.op().data.to_pyarrow(ROWS.schema()))
    return [row[1] for row in engine.connection.execute(sql).fetchall()]


def test_a_built_in_check_says_which_rows_pass(engine):
    at_least_two, _ = Values.to_schema().columns["value"].checks
    assert verdicts(engine, at_least_two) == [False, True, True]  # a null passes


def test_a_check_of_a_project_says_which_rows_pass(engine):
    _, is_odd = Values.to_schema().columns["value"].checks
    assert verdicts(engine, is_odd) == [True, True, True]


def test_a_check_of_the_whole_row_says_which_rows_pass(engine):
    (id_is_less,) = Values.to_schema().checks
    assert verdicts(engine, id_is_less, None) == [False, True, True]


def test_a_built_in_check_is_known_whatever_it_is_called(engine):
    assert verdicts(engine, Check.ge(2, name="not too small")) == [False, True, True]


def test_a_check_of_a_project_may_be_called_like_a_built_in_one(engine):
    check = Check(lambda data: data.table[data.key] < 5, name="greater_than")
    assert verdicts(engine, check) == [True, False, True]


def test_a_built_in_check_that_is_not_for_ibis_is_refused():
    with pytest.raises(ProjectError, match="has no check 'is_monotonic' for Ibis"):
        passed(Check.is_monotonic("value"), ROWS, "value")


def test_pandera_calls_checks_as_it_did():
    assert_unchanged("pandera_checks", "pandera", RELIED_UPON)


def test_pandera_knows_no_check_of_an_unbound_table():
    """It would do without this patch if a check gave its column for a table of no engine."""
    unbound = ibis.table({"value": "int64"}, name="t")
    with still("pandera_checks", "pandera", IbisError, match="unbound tables"):
        Check.ge(2)(unbound, "value")


@pytest.mark.long
def test_pandera_copies_built_in_checks_before_they_are_for_ibis():
    code = """if True:
        import ibis, pandera.ibis as pa
        from pandera.api.ibis.types import IbisData
        from pandera.backends.ibis.register import register_ibis_backends
        class Rows(pa.DataFrameModel):
            value: int = pa.Field(ge=1)
        (check,) = Rows.to_schema().columns["value"].checks
        register_ibis_backends()
        try:
            check._check_fn(IbisData(ibis.table({"value": "int64"}), "value"), **check._check_kwargs)
        except KeyError:
            print("stale")
    """
    assert printed_by(code) == "stale\n", (
        f"get_builtin_check_fn: {needless('pandera_checks', 'pandera')}"
    )
