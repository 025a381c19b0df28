"""A hundred wrong projects, each a right shop with one mistake.

`python tests/helpers/wrong_projects.py` runs every one of them, and prints what was told as a table.
"""

# ruff: noqa: T201 - it prints a table
import os
import sys
import tempfile
from pathlib import Path

from shop import (
    CHECKS,
    DAY,
    MARTS,
    ORDERS,
    SHOP,
    SILVER,
    TOML,
    Mistake,
    answer_to,
    command,
    problems,
    write,
)

_MODEL = """
from lakehouse import model


@model()
def extra(lines):
    return lines.select("id")
"""

CHECK = """
from lakehouse import quality


@quality(table="silver.lines")
def extra(lines):
    return lines.filter(lines.price < 0)
"""
_ODD = """class Odd(Exception):
        def __str__(self):
            return 1 / 0

    raise Odd
"""
_PYTHON = """import ibis

@ibis.udf.scalar.python
def _twice(number: int) -> int:
    return 2 * number
"""


def _edits(file, *edits, function=""):
    """Mistakes in one function of a file: title, right text, wrong text, what is told."""
    return [
        Mistake(title, file, right, wrong, function, told) for title, right, wrong, told in edits
    ]


def _added(title, file, text, function="", told="", **more):
    """A mistake in a text that is added to a file."""
    return Mistake(title, file, "", text, function, told, **more)


SETTINGS = [
    *_edits(
        TOML,
        ("a key that is misspelt", 'models = "tables"', 'modles = "tables"', "modles"),
        ("a key that is not known", 'timezone = "UTC"', 'zone = "UTC"', "`zone`"),
        ("no such package", '"tables"', '"tabels"', "'tabels'"),
        ("a library as a package", '"tables"', '"json"', "'json'"),
        ("no such time zone", '"UTC"', '"Mars/Base"', "Mars/Base"),
        ("a number for a name", '"feeds"', "5", "`ingestion`"),
        ("a text that does not end", '"feeds"', '"feeds', "line 2"),
        ("no name of a package", '"tables"', '"./tables"', "'./tables'"),
        ("a package of no name", '"tables"', '""', "''"),
        ("no such profile", "timezone", 'profile = "lokal"\ntimezone', "'lokal'"),
        ("no such engine", "timezone", 'engine = "duck"\ntimezone', "'duck'"),
    ),
]
MODULES = [
    _added("the schema of records", "tables/lakehouse.py", _MODEL, "extra", "'lakehouse'"),
    _added("the schema of raw tables", "tables/raw.py", _MODEL, "extra", "'raw'"),
    _added("the schema of quarantine", "tables/quarantine.py", _MODEL, "extra", "'quarantine'"),
    _added("a model in no schema", "tables/__init__.py", _MODEL, "extra", "no schema"),
    _added("a syntax error in a folder", "tables/deep/odd.py", "def x(:\n", told="SyntaxError"),
    _added(
        "a name that two schemas have",
        "tables/zinc.py",
        _MODEL.replace("extra", "sales"),
        "best",
        "reads 'sales', which several schemas have.*",
        place=MARTS,
    ),
    *_edits(
        MARTS,
        ("two models of one name, in a module", "def best", "def sales", "second time"),
        function="sales",
    ),
    *_edits(
        CHECKS,
        ("two checks of one name", "def lines_are_fresh", "def sales_are_whole", "second time"),
        function="sales_are_whole",
    ),
    _added(
        "a check that is called as a table",
        "tables/alarms.py",
        CHECK.replace("extra", "sales"),
        "sales",
        "shares the name 'sales' with tables/alarms.py:",
        place=MARTS,
    ),
    *_edits(
        MARTS,
        ("a module that is not installed", "import Table", "import Table, nothing_", "nothing_"),
        ("no such module", "from lakehouse import", "import panda\nfrom lakehouse import", "panda"),
        ("a name that is misspelt", "import Table, model", "import Tabel, model", "'Tabel'"),
        ("a missing colon", "def best(sales):", "def best(sales)", "SyntaxError"),
        ("wrong indentation", "    return sales.filter", "   return sales.filter", "Indentation"),
        ("an error in a module", "from lakehouse", "1 / 0\nfrom lakehouse", "ZeroDivisionError"),
        ("a module that exits", "from lakehouse", "raise SystemExit(0)\nfrom lakehouse", "Exit"),
        ("a name of another module", "@model(kind=Table())", "@mudel()", "'mudel'"),
    ),
]
MODELS = [
    *_edits(
        MARTS,
        ("a decorator without parentheses", '@model(kind=Table(), tags=["daily"])', "@model", "m"),
        ("an argument that is not known", "tags=", "tag=", "'tag'"),
        ("a kind without parentheses", "kind=Table()", "kind=Table", "`kind`"),
        ("a kind as a text", "kind=Table()", 'kind="table"', "`kind`"),
        ("an argument without its name", "kind=Table(), ", "Table(), ", "positional"),
        ("tags that are no texts", '["daily"]', "[1]", "`tags`"),
        ("a group that is no text", 'tags=["daily"]', "group=1", "`group`"),
        ("a column that is misspelt", "lines.price.sum", "lines.prise.sum", "'prise'"),
        ("a column that is not there", '"sku"', '"shop"', "shop"),
        ("a method that is misspelt", ".sum()", ".summ()", "'summ'"),
        ("a name that is not defined", "lines.price.sum", "line.price.sum", "'line'"),
        ("an error of Python", "lines.count()", "{}['orders']", "KeyError"),
        ("a text plus a number", "lines.price.sum()", '"1" + 1', "TypeError"),
        ("a sum of texts", "lines.price.sum", "lines.sku.sum", "sku|sum"),
        ("a column as the result", "lines.group_by", "lines.price  # ", "IntegerColumn"),
        ("nothing as the result", "return lines.group_by", "lines.group_by", "nothing"),
        ("a generator", "return lines", "yield lines", "generator"),
        ("a number as the result", "return lines", "return 1 or lines", "int"),
        ("a data frame as the result", "return lines", 'return {"a": 1} or lines', "dict"),
        (
            "an incremental model without a parameter",
            'Table, model\n\n\n@model(kind=Table(), tags=["daily"])\ndef sales(lines)',
            'Incremental, Table, model\n\n\n@model(kind=Incremental(key="sku"))\ndef sales()',
            "reads none",
        ),
        ("a parameter that is misspelt", "def sales(lines)", "def sales(line)", "'line'"),
        ("any parameters", "def sales(lines)", "def sales(*lines)", "lines"),
        ("parameters by any name", "def sales(lines)", "def sales(**lines)", "lines"),
        ("a parameter with a default", "def sales(lines)", "def sales(lines=None)", "default"),
        ("a parameter by position", "def sales(lines)", "def sales(lines, /)", "by name"),
        ("a model that reads itself", "def sales(lines)", "def sales(lines, sales)", "circle"),
        ("models in a circle", "def sales(lines)", "def sales(lines, best)", "circle"),
        ("a coroutine", "def sales", "async def sales", "async"),
        ("an error whose text fails", "return lines", f"{_ODD}    return lines", "Odd"),
        ("two decorators", "def sales", "@model()\ndef sales", "second decorator"),
        ("a time column that is not there", "Table()", 'View(time_column="day")', "View"),
        ("a union of other columns", "return lines", "return lines.union(lines.drop('id'))", "."),
        ("a join over nothing", "return lines", 'return lines.join(lines, "x")', "."),
        ("a cast to no type", "lines.price.sum()", 'lines.price.sum().cast("money")', "money"),
        function="sales",
    ),
    *_edits(
        MARTS,
        (
            "a class",
            "def best(sales):",
            "class best:\n    number = 1\n\n\ndef unused(sales):",
            "no function",
        ),
        (
            "many rows of its own",
            'return sales.filter(sales.orders >= 1).select("sku", "price")',
            'import ibis\n    return ibis.memtable({"sku": ["tea"] * 2000})',
            "2000 rows in its code",
        ),
        (
            "another table",
            'return sales.filter(sales.orders >= 1).select("sku", "price")',
            'import ibis\n    return ibis.table({"sku": "string"}, name="stock")',
            "'stock'",
        ),
        (
            "a function of Python",
            'return sales.filter(sales.orders >= 1).select("sku", "price")',
            "return sales.select(n=_twice(sales.orders))\n\n\n" + _PYTHON,
            "'_twice'",
        ),
        ("two columns of one name", 'select("sku", "price")', 'select("sku", "sku")', "sku"),
        function="best",
    ),
    *_edits(
        SILVER,
        ("a kind's argument, misspelt", "lookback=", "lookbak=", "'lookbak'"),
        ("a length without a unit", '"1h"', '"1"', "`lookback`"),
        ("a number for a length", '"1h"', "1", "`lookback`"),
        ("no such unit", '"1h"', '"1 fortnight"', "`lookback`"),
        ("a grain that is not known", '"day"', '"week"', "`grain`"),
        ("neither time nor key", 'time_column="at", grain="day", lookback="1h"', "", "`key`"),
        ("a lookback without time", 'time_column="at", grain="day"', 'key="sku"', "`lookback`"),
        ("a time column, misspelt", 'time_column="at", g', 'time_column="att", g', "'att'"),
        ("a key that is not there", 'lookback="1h"', 'key=["shop"]', "'shop'"),
        ("a key that is a number", 'lookback="1h"', 'key=["pounds"]', "'pounds'"),
        ("a key that is not a name", 'lookback="1h"', "key=5", "`key`"),
        ("a negative length", '"1h"', "__import__('datetime').timedelta(-1)", "`lookback`"),
        function="lines",
    ),
]
INGESTIONS = [
    *_edits(
        ORDERS,
        ("a key that is misspelt", '"id",', '"idd",', "'idd'"),
        ("no key", 'unique_key="id"', "unique_key=()", "`unique_key`"),
        ("an argument left out", '    unique_key="id",\n', "", "unique_key"),
        ("a time column, misspelt", 'time_column="at"', 'time_column="att"', "'att'"),
        ("an argument that is not known", "overlap=", "overlapping=", "'overlapping'"),
        ("an overlap without time", '    time_column="at",\n', "", "`overlap`"),
        ("an overlap without a unit", '"1d"', '"1"', "`overlap`"),
        ("a cron of one word", '"0 * * * *"', '"hourly"', "`cron`"),
        ("a minute that never comes", '"0 * * * *"', '"75 * * * *"', "`cron`"),
        ("a day that never comes", '"0 * * * *"', '"0 0 30 2 *"', "`cron`"),
        ("a cron that is a number", '"0 * * * *"', "5", "`cron`"),
        ("one limit of freshness", "(24, 48)", "24", "`freshness_hours`"),
        ("limits the wrong way round", "(24, 48)", "(48, 24)", "`freshness_hours`"),
        ("a table with its schema", '"orders",', '"raw.orders",', "`table_name`"),
        ("a schema that is no class", "=Orders", '="Orders"', "`validation_schema`"),
        ("a schema that was called", "=Orders", "=Orders.to_schema()", "`validation_schema`"),
        ("a percentage above 100", 'overlap="1d"', "max_quarantine_percent=101", "percent"),
        ("a retention of nothing", 'overlap="1d"', 'retention="0d"', "`retention`"),
        ("a resource that is not there", "(window, till)", "(window, tills)", "'tills'"),
        function="orders",
    ),
    *_edits(
        ORDERS,
        ("a schema for pandas", "pandera.ibis as", "pandera.pandas as", "`validation_schema`"),
        function="orders",
    ),
    *_edits(
        ORDERS,
        ("a type that is not defined", "id: str", "id: text", "'text'"),
        ("a type that is none", "price: int", "price: object", "object"),
        ("a rule that is not known", "ge=0", "gee=0", "gee"),
        function="Orders",
    ),
    *_edits(
        ORDERS,
        ("a resource that takes more", "till(settings)", "till(settings, shop)", "'shop'"),
        function="till",
    ),
]
QUALITY = [
    *_edits(
        CHECKS,
        ("no such table", '"marts.sales"', '"marts.sale"', "'marts.sale'"),
        ("another schema", '"marts.sales"', '"silver.sales"', "'silver.sales'"),
        ("a table without its schema", '"marts.sales"', '"sales"', "`table`"),
        ("a table that is none", '"marts.sales"', "sum", "`table`"),
        ("an argument that is not known", "checks=", "check=", "'check'"),
        ("no list of checks", "checks=[", "checks=NullCheck('sku') or [", "`checks`"),
        ("a check as a text", 'NullCheck(columns=["sku"])', '"not null"', "`checks`"),
        ("a column that is misspelt", 'NullCheck(columns=["sku"])', "NullCheck('sk')", "'sk'"),
        ("no column", 'NullCheck(columns=["sku"])', "NullCheck([])", "`columns`"),
        ("columns that are no names", '(columns=["sku"])', "([1])", "`columns`"),
        ("a check's argument, misspelt", "UniqueCheck(columns", "UniqueCheck(column", "'column'"),
        ("a check without arguments", 'UniqueCheck(columns=["sku"])', "UniqueCheck()", "columns"),
        ("a check without parentheses", 'UniqueCheck(columns=["sku"])', "UniqueCheck", "Unique"),
        ("no limit of a range", ", min_value=0, max_value=1000", "", "`min_value`"),
        ("limits the wrong way round", "min_value=0", "min_value=2000", "2000"),
        ("a limit that is a text", "min_value=0", 'min_value="0"', "`min_value`"),
        ("a range of texts", 'RangeCheck("price"', 'RangeCheck("sku"', "sku"),
        ("rows that are no number", "min_rows=1", 'min_rows="1"', "`min_rows`"),
        ("values that are a text", '["tea", "cup"]', '"tea"', "`values`"),
        ("values of another type", '["tea", "cup"]', "[1, 2]", "sku"),
        ("no pattern", '"^[a-z]+$"', '"^[a-z+$"', "`pattern`"),
        ("a pattern for a number", 'PatternCheck("sku"', 'PatternCheck("price"', "'price'"),
        ("a condition of no column", "sales.orders > 0", "sales.order > 0", "'order'"),
        ("a condition that is a number", "sales.orders > 0", "sales.orders", "boolean"),
        ("a condition that fails", "sales.orders > 0", "{}[0]", "KeyError"),
        ("a condition that is none", "lambda sales: sales.orders > 0", "True", "`holds`"),
        ("no such table to compare with", 'to="silver.lines")', 'to="silver.line")', "silver.line"),
        ("other columns to compare", '["sku"], to=', '["sku"], to_columns=["a", "b"], to=', "2"),
        ("no such column to compare", '["sku"], to=', '["sku"], to_columns=["skew"], to=', "skew"),
        ("a value of no column", "table.price.sum()", "table.cost.sum()", "'cost'"),
        ("a value that is no number", "table.price.sum()", "table.price", "`value`"),
        (
            "rows chosen by a number",
            '(columns=["sku"])',
            "('sku', where=lambda t: t.price)",
            "where",
        ),
        ("a tolerance above all", '(columns=["sku"])', "('sku', max_percent=500)", "`max_percent`"),
        ("a check that returns nothing", "return sales.filter", "sales.filter", "nothing"),
        ("a tolerance below nothing", "],\n)", "],\n    max_failures=-1,\n)", "`max_failures`"),
        ("a lookback without a unit", "],\n)", '],\n    lookback="3",\n)', "`lookback`"),
        ("blocking as a text", "],\n)", '],\n    blocking="yes",\n)', "`blocking`"),
        ("a parameter that is misspelt", "whole(sales)", "whole(sale)", "'sale'"),
        ("offending rows of no column", "sales.price < 0", "sales.prise < 0", "'prise'"),
        (
            "a condition, not rows",
            "return sales.filter(sales.price < 0)",
            "return sales.price",
            "C",
        ),
        function="sales_are_whole",
    ),
    *_edits(
        CHECKS,
        ("an age of nothing", "max_age_hours=24", "max_age_hours=0", "`max_age_hours`"),
        ("a freshness of texts", 'FreshnessCheck("at"', 'FreshnessCheck("sku"', "sku"),
        ("nothing to check", 'checks=[FreshnessCheck("at", max_age_hours=24)]', "checks=[]", "no"),
        function="lines_are_fresh",
    ),
]
RUNS = [
    *_edits(
        ORDERS,
        ("a source that fails", "from_pylist(till)", "from_pylist(till[5])", "IndexError"),
        ("a row instead of a table", "yield pyarrow", "yield 5 or pyarrow", "int"),
        ("a source that returns nothing", "    yield pyarrow", "    pyarrow", "None"),
        function="orders",
    ),
    *_edits(
        ORDERS,
        ("a resource that fails", "noon = ", "noon = 1 / 0 or ", "ZeroDivisionError"),
        function="till",
    ),
    *_edits(
        SILVER,
        (
            "a text that is no number",
            '"note", "p',
            'paid.note.cast("int64").name("n"), "p',
            "lines",
        ),
        (
            "a number that is too large",
            '"price",',
            '(paid.price + 300).cast("int8").name("price"),',
            "l",
        ),
        function="lines",
    ),
    *_edits(
        CHECKS,
        (
            "a check of a text as a number",
            "sales.price < 0",
            'sales.sku.cast("int64") < 0',
            "sales",
        ),
        function="sales_are_whole",
    ),
    Mistake(
        "a view of a text that is no number",
        SILVER,
        "pounds=orders.price / 100",
        'pounds=orders.note.cast("int64") / 100',
        "lines",
        "silver.lines cannot be built",
    ),
]
"""Mistakes that only a run shows."""
COMPILED = [*SETTINGS, *MODULES, *MODELS, *INGESTIONS, *QUALITY]
MISTAKES = [*COMPILED, *RUNS]


def show():
    """Run every wrong project, and print a row of a table for each."""
    wrong = 0
    with tempfile.TemporaryDirectory() as place:
        os.environ["LAKEHOUSE_HOME"] = f"{place}/home"
        write(Path(place) / "right", SHOP)
        assert command(Path(place) / "right", "run", "--date", DAY)[0] == 0
        before = command(Path(place) / "right", "log")
        print("| mistake | what is told | cure |\n|---|---|---|")
        for number, mistake in enumerate(MISTAKES):
            told = answer_to(mistake, Path(place) / str(number))
            cells = [mistake.title, told.error, told.hint, *problems(mistake, told)]
            wrong += len(cells) > 3
            print("|", " | ".join(cell.replace("|", "\\|") for cell in cells), "|", flush=True)
        is_same = command(Path(place) / "right", "log") == before
    print(f"\n{len(MISTAKES)} mistakes, {wrong} told badly; main is as it was: {is_same}")
    return wrong or not is_same


if __name__ == "__main__":
    sys.exit(bool(show()))
