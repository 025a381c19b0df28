"""Names and types of columns that would fail late are told when the project is compiled."""

from itertools import count
from types import ModuleType

import ibis.expr.datatypes as dt
import pandera.ibis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import into

from lakehouse import Incremental, Table, ingestion, model
from lakehouse.compile.compiler import compile_project
from lakehouse.declare.project import collect
from lakehouse.errors import DeclarationError, LakehouseError, ProjectError

_NUMBERS = count()


def project(columns, *, key="id", time_column=None, build=lambda rows: rows, kind=None, said=None):
    """A project of one ingestion with these columns, by name, and one mart."""
    module = ModuleType(f"shop_{next(_NUMBERS)}.marts")
    fields = {
        f"field_{place}": pandera.ibis.Field(alias=name) for place, name in enumerate(columns)
    }
    hints = {f"field_{place}": kind for place, kind in enumerate(columns.values())}
    schema = type("Orders", (pandera.ibis.DataFrameModel,), {**fields, "__annotations__": hints})

    @ingestion(
        table_name="orders", unique_key=key, validation_schema=schema, time_column=time_column
    )
    @into(module)
    def orders(window):
        yield from ()

    @model(kind=kind or Table(), columns=said)
    @into(module)
    def sales(orders):
        return build(orders.drop("_run_id", "_ingested_at"))

    return compile_project(collect([module]), "duckdb")


@pytest.mark.parametrize(
    "name",
    [
        "unitPrice",
        "größe",
        "a b",
        "a.b",
        "select",
        "order",
        "日本",
        "a'b",
        "x" * 63,
        "filename",
        "_id",
        "part",
    ],
)
def test_a_column_has_the_name_that_the_source_gives_it(name):
    assert name in project({"id": int, name: str}).schemas["sales"]


@pytest.mark.parametrize(
    "name",
    [
        'a"b',
        "a\nb",
        "a\0b",
        "_run_id",
        "_ingested_at",
        "_fields",
        "reasons",
        "_part",
        "_lakehouse_file",
    ],
)
def test_a_name_that_no_column_can_have_is_told(name):
    with pytest.raises(ProjectError, match=r"raw\.orders: ") as told:
        project({"id": int, name: str})
    assert told.value.hint


def test_names_that_differ_in_capitals_alone_are_told():
    with pytest.raises(ProjectError, match="'v' and 'V' differ in capital letters alone"):
        project({"id": int, "v": str, "V": str})


def test_a_model_whose_names_differ_in_capitals_alone_is_told():
    with pytest.raises(ProjectError, match=r"marts\.sales: 'v' and 'V' differ"):
        project({"id": int, "v": str}, build=lambda rows: rows.mutate(V=rows.v))


@given(st.text(min_size=1, max_size=70))
def test_any_name_is_a_column_or_told(name):
    told = []
    try:
        told += project({"id": int, name: str}).schemas["sales"]
    except LakehouseError as error:
        told.append(error.hint)
    assert name in told or told[-1]


@pytest.mark.parametrize("kind", [int, str, float, dt.Time, dt.Array(dt.date)], ids=str)
def test_a_time_column_of_another_type_is_told(kind):
    with pytest.raises(ProjectError, match=r"raw\.orders: 'at', its `time_column`") as told:
        project({"id": int, "at": kind}, time_column="at")
    assert "Timestamp" in told.value.hint


@pytest.mark.parametrize("kind", [dt.Date, dt.Timestamp, dt.Timestamp("UTC")], ids=str)
def test_a_time_column_is_a_date_or_a_timestamp(kind):
    compiled = project(
        {"id": int, "at": kind}, time_column="at", kind=Incremental(time_column="at")
    )
    assert "at" in compiled.schemas["sales"]


def test_a_model_built_by_a_time_column_of_another_type_is_told():
    with pytest.raises(
        ProjectError, match=r"marts\.sales: 'at', its `time_column`, is of type string"
    ):
        project({"id": int, "at": str}, kind=Incremental(time_column="at"))


def test_an_instant_of_another_zone_is_told():
    with pytest.raises(ProjectError, match="'at' is an instant of the zone Europe/Berlin"):
        project({"id": int, "at": dt.Timestamp("Europe/Berlin")})


def test_a_column_that_no_table_holds_is_told_with_its_model():
    with pytest.raises(ProjectError, match=r"marts\.sales: 'age' is of type interval"):
        project(
            {"id": int, "at": dt.Timestamp("UTC")},
            build=lambda rows: rows.mutate(age=rows.at - rows.at),
        )


def test_a_description_of_a_column_that_is_not_there_is_told():
    with pytest.raises(ProjectError, match=r"marts\.sales: `columns` describes 'idd'") as told:
        project({"id": int}, said={"idd": "the key"})
    assert "'id'" in told.value.hint


@pytest.mark.parametrize("name", ["größen", "Sales", "x" * 64])
def test_a_model_that_not_every_system_can_name_is_told(name):
    def sales(orders):
        return orders

    sales.__name__ = name
    with pytest.raises(DeclarationError, match=r"the name of a model (is|has)"):
        model(kind=Table())(sales)
