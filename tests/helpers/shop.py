"""A right project, a shop; wrong ones, each with one edit of it; and what a run says of them."""

import ast
import importlib
import io
import json
import re
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from lakehouse import config
from lakehouse.cli import main
from lakehouse.compile.compiler import compile_project
from lakehouse.declare.project import load
from lakehouse.errors import LakehouseError

DAY = "2024-03-01"
TOML, ORDERS, SILVER, MARTS, CHECKS = (
    "lakehouse.toml",
    "feeds/orders.py",
    "tables/silver.py",
    "tables/marts.py",
    "tables/checks.py",
)
SHOP = {
    TOML: """
[project]
ingestion = "feeds"
models = "tables"
timezone = "UTC"
""",
    "feeds/__init__.py": "",
    ORDERS: '''
"""What the till of the shop has sold."""

from datetime import UTC, datetime
from typing import Annotated

import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pyarrow
from lakehouse import ingestion


class Orders(pa.DataFrameModel):
    id: str
    sku: str
    price: int = pa.Field(ge=0)
    note: str = pa.Field(nullable=True)
    at: Annotated[dt.Timestamp, "UTC", 6, True] = pa.Field()


def till(settings):
    noon = datetime(2024, 3, 1, 12, tzinfo=UTC)
    return [
        {"id": "1", "sku": "tea", "price": "3", "note": "no", "at": noon},
        {"id": "2", "sku": "cup", "price": "0", "note": "12", "at": noon},
    ]


@ingestion(
    table_name="orders",
    unique_key="id",
    validation_schema=Orders,
    time_column="at",
    cron="0 * * * *",
    overlap="1d",
    freshness_hours=(24, 48),
)
def orders(window, till):
    """Each order, once it is paid."""
    yield pyarrow.Table.from_pylist(till)
''',
    "tables/__init__.py": "",
    SILVER: '''
"""Orders, cleaned."""

from lakehouse import Incremental, View, model


@model(kind=View(time_column="at"))
def paid(orders):
    """Orders with the price in pounds."""
    return orders.mutate(pounds=orders.price / 100)


@model(kind=Incremental(time_column="at", grain="day", lookback="1h"))
def lines(paid):
    """One row per order."""
    return paid.select("id", "sku", "price", "note", "pounds", "at")
''',
    MARTS: '''
"""What the shop looks at."""

from lakehouse import Table, model


@model(kind=Table(), tags=["daily"])
def sales(lines):
    """Sales of each article."""
    return lines.group_by("sku").agg(orders=lines.count(), price=lines.price.sum())


@model(kind=Table())
def best(sales):
    """The articles that sell best."""
    return sales.filter(sales.orders >= 1).select("sku", "price")
''',
    CHECKS: '''
"""What has to hold."""

from lakehouse import (
    AcceptedValuesCheck,
    CustomCheck,
    FreshnessCheck,
    NullCheck,
    PatternCheck,
    RangeCheck,
    ReconciliationCheck,
    ReferenceCheck,
    RowCountCheck,
    UniqueCheck,
    quality,
)


@quality(
    table="marts.sales",
    checks=[
        NullCheck(columns=["sku"]),
        UniqueCheck(columns=["sku"]),
        RangeCheck("price", min_value=0, max_value=1000),
        RowCountCheck(min_rows=1),
        AcceptedValuesCheck("sku", values=["tea", "cup"]),
        PatternCheck("sku", pattern="^[a-z]+$"),
        CustomCheck("orders are counted", lambda sales: sales.orders > 0),
        ReferenceCheck(columns=["sku"], to="silver.lines"),
        ReconciliationCheck(to="silver.lines", value=lambda table: table.price.sum()),
    ],
)
def sales_are_whole(sales):
    """No article is sold for less than nothing."""
    return sales.filter(sales.price < 0)


@quality(table="silver.lines", checks=[FreshnessCheck("at", max_age_hours=24)], blocking=False)
def lines_are_fresh(): ...
''',
}


@dataclass(frozen=True)
class Mistake:
    """One edit of the right shop."""

    title: str
    file: str
    right: str
    wrong: str
    function: str = ""
    """The function that has to be named; empty if the mistake is in none."""
    told: str = ""
    """What the message has to say, as a regular expression."""
    place: str = ""
    """The file that has to be named, if it is not the edited one."""

    @property
    def files(self):
        """The files of the wrong project; without a right text, the wrong one is added."""
        if not self.right:
            return {**SHOP, self.file: SHOP.get(self.file, "") + self.wrong}
        assert self.right in SHOP[self.file], self.title
        return {**SHOP, self.file: SHOP[self.file].replace(self.right, self.wrong, 1)}


@dataclass(frozen=True)
class Told:
    """The answer to a command."""

    code: int
    error: str
    hint: str


def write(folder, files):
    """Write a project to an empty folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip("\n"), encoding="utf-8")


def forget():
    """Forget the modules of the shops that this process has loaded."""
    for name in [*sys.modules]:
        if name.partition(".")[0] in ("feeds", "tables"):
            del sys.modules[name]
    sys.path[:] = [path for path in sys.path if not (Path(path) / "feeds").is_dir()]
    importlib.invalidate_caches()


def command(folder, *arguments):
    """Run a command in the project of a folder; its exit code, and what it printed as JSON."""
    forget()
    printed = io.StringIO()
    with chdir(folder), redirect_stdout(printed), redirect_stderr(io.StringIO()):
        code = main([*arguments, "--format", "json"])
    return code, json.loads(printed.getvalue())


def compiled(folder):
    """Compile the project of a folder."""
    forget()
    with chdir(folder):
        return compile_project(load(config.load()), "duckdb")


def answer_to_compiling(mistake, folder):
    """What is said when the wrong project is compiled, as every command does first."""
    write(folder, mistake.files)
    try:
        compiled(folder)
    except LakehouseError as error:
        return Told(error.exit_code, error.message, error.advice)
    return Told(0, "", "")


def answer_to(mistake, folder):
    """What a run of the wrong project says."""
    write(folder, mistake.files)
    code, document = command(folder, "run", "--date", DAY, "--full-refresh")
    return Told(code, document.get("error") or "", document.get("hint") or "")


def problems(mistake, told):
    """What is wrong with an answer: nothing, if it says function, file, line and cure."""
    place = re.escape(mistake.place or mistake.file)
    if (mistake.place or mistake.file).endswith(".py"):
        place += r":(\d+)"
        place += f" in {mistake.function}: " if mistake.function else "(: | in )"
    named = re.search(place, told.error + told.hint)
    if told.code != 2:
        yield f"exit code {told.code}"
    if named is None:
        yield f"no place like {place} in {mistake.function}"
    elif mistake.function and not _holds(mistake, int(named[1])):
        yield f"line {named[1]} is not in {mistake.function}"
    if not told.hint:
        yield "no cure"
    if "\n" in told.error:
        yield "several lines"
    if "unexpected " in told.error.replace("unexpected keyword", ""):
        yield "unexpected"
    if not re.search(mistake.told, told.error):
        yield f"nothing like {mistake.told}"


def _holds(mistake, line):
    """Whether a line lies in the function that is to be named, or in its decorators."""
    text = mistake.files[mistake.place or mistake.file].lstrip("\n")
    return any(
        min(part.lineno for part in (node, *node.decorator_list)) <= line <= node.end_lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and node.name == mistake.function
    )
