"""A mistake in the project's code is told in one line: function, file, line, and what it was."""

import sys
from itertools import count
from textwrap import dedent

import pytest

from lakehouse.compile.compiler import compile_project
from lakehouse.declare.project import load_packages
from lakehouse.errors import LakehouseError

ORDERS = dedent("""
    from typing import Annotated
    import ibis.expr.datatypes as dt
    import pandera.ibis as pa
    from lakehouse import ingestion

    class Orders(pa.DataFrameModel):
        id: str
        price: Annotated[dt.Decimal, 12, 2, True]
        at: Annotated[dt.Timestamp, "UTC", 6, True]

    @ingestion(table_name="orders", unique_key="id", validation_schema=Orders, time_column="at")
    def orders(window):
        yield from ()
""")
MARTS = dedent("""
    import ibis
    from lakehouse import NullCheck, Table, model, quality

    @model(kind=Table())
    def sales(orders):
        return orders.group_by("id").agg(price=orders.price.sum())

    @quality(table="marts.sales", checks=[NullCheck(columns=["id"])])
    def sales_are_whole(sales):
        return sales.filter(sales.price < 0)
""")
_NUMBERS = count()


@pytest.fixture
def compiled(tmp_path, monkeypatch):
    """Compiles the shop of these modules, in packages of names of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def compile_shop(orders=ORDERS, marts=MARTS):
        names = [f"shop_{next(_NUMBERS)}_{part}" for part in ("ingestion", "models")]
        for name, module, code in zip(names, ("orders", "marts"), (orders, marts), strict=True):
            (tmp_path / name).mkdir()
            (tmp_path / name / "__init__.py").touch()
            (tmp_path / name / f"{module}.py").write_text(code)
        return compile_project(load_packages(str(tmp_path), names), "duckdb")

    return compile_shop


def test_a_shop_without_mistakes_compiles(compiled):
    assert set(compiled().models) == {"sales"}


MISTAKES = [
    (
        "import ibis",
        "import ibis, nothing_of_the_kind",
        r"marts\.py:2: ModuleNotFoundError: .*kind",
    ),
    ("import ibis", "import ibis; 1 / 0", r"marts\.py:2: ZeroDivisionError: division by zero"),
    ("import ibis", "import ibis as", r"marts\.py:2: SyntaxError"),
    ("@model(kind=Table())", "@model", r"marts\.py:5 in sales: TypeError: model\(\)"),
    (
        "@model(kind=Table())",
        "@model(kind=Table(), publsh=1)",
        r"marts\.py:5 in sales: TypeError: .*'publsh'",
    ),
    (
        "orders.price.sum",
        "orders.prize.sum",
        r"marts\.sales .*marts\.py:7 in sales: AttributeError: .*'prize'",
    ),
    ("orders.price.sum()", "{}['x']", r"marts\.sales .*marts\.py:7 in sales: KeyError: 'x'"),
    (
        "sales.price < 0",
        "sales.prize < 0",
        r"marts\.sales: .*marts\.py:11 in sales_are_whole: AttributeError",
    ),
    (
        "sales.price < 0",
        "{}['x']",
        r"marts\.sales: .*marts\.py:11 in sales_are_whole: KeyError: 'x'",
    ),
    (
        "def sales(orders)",
        "def sales(order)",
        r"marts\.sales reads 'order', which no function builds",
    ),
    ("return orders.group", "return 1 or orders.group", r"marts\.sales returned int, not a table"),
]


def assert_told(compile_it, told):
    """Assert that a mistake is told in one line, with a cure."""
    with pytest.raises(LakehouseError, match=told) as caught:
        compile_it()
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(("right", "wrong", "told"), MISTAKES)
def test_a_mistake_in_a_model_is_told_with_its_place(compiled, right, wrong, told):
    assert right in MARTS
    assert_told(lambda: compiled(marts=MARTS.replace(right, wrong, 1)), told)


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ('unique_key="id"', 'unique_key="idd"', r"raw\.orders: 'idd', its `unique_key`"),
        ('time_column="at"', 'time_column="att"', r"raw\.orders: 'att', its `time_column`"),
        ("import ingestion", "import ingestions", r"orders\.py:5: ImportError"),
        ("    id: str", "    id: nothing", r"orders\.py:8 in Orders: NameError"),
    ],
)
def test_a_mistake_in_an_ingestion_is_told_with_its_place(compiled, right, wrong, told):
    assert right in ORDERS
    assert_told(lambda: compiled(orders=ORDERS.replace(right, wrong, 1)), told)


def test_a_password_in_an_error_of_the_project_is_not_repeated(compiled, monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", "of-the-shop")
    with pytest.raises(LakehouseError, match="ValueError: …") as caught:
        compiled(marts=MARTS.replace("import ibis", "raise ValueError('of-the-shop')", 1))
    assert "of-the-shop" not in str(caught.value)
