"""What compiles for every engine and means something else is found, with its line and a cure."""

import sys
from inspect import getsourcelines
from pathlib import Path
from types import ModuleType

import ibis
import pandera.ibis
import pytest

from lakehouse import Table, UniqueCheck, config, ingestion, model, quality
from lakehouse.compile.compiler import Compiled, compile_project
from lakehouse.declare import project
from lakehouse.declare.raw_columns import landed
from lakehouse.expressions import INSTANT, LOCAL, greatest, quantiles, to_local
from lakehouse.portability import examine
from lakehouse.portability.page import page

HERE = Path(__file__)


class Rows(pandera.ibis.DataFrameModel):
    key: str
    day: ibis.dtype("date") = pandera.ibis.Field()
    at: ibis.dtype("timestamp('UTC', 6)") = pandera.ibis.Field()
    number: int
    share: float
    good: bool


def examined(function, unique=("key",)):
    """What is found in a model over `rows`."""
    raw, marts = ModuleType("checked.raw"), ModuleType("checked.marts")

    def place(module, each):
        each.__module__ = module.__name__
        setattr(module, each.__name__, each)
        sys.modules[module.__name__] = module
        return each

    def rows(window): ...

    def rows_are_unique(): ...

    function.__name__ = "subject"
    ingestion(table_name="rows", unique_key="key", validation_schema=Rows)(place(raw, rows))
    model(kind=Table())(place(marts, function))
    checks = [UniqueCheck(list(unique))]
    quality(table="raw.rows", checks=checks)(place(marts, rows_are_unique))
    found = project.collect([raw, marts])
    compiled = Compiled(found, {"rows": landed(found.ingestions["rows"])})
    return examine(compiled, HERE.parent)


def over(value, **window):
    return lambda rows: rows.mutate(made=value(rows).over(**window))


def made(value):
    return lambda rows: rows.mutate(made=value(rows))


TRAPS = {
    "narrow literal": ("narrow-integers", made(lambda r: ibis.literal(1))),
    "narrow cast": ("narrow-integers", made(lambda r: r.number.cast("int16"))),
    "narrow product": ("narrow-integers", made(lambda r: r.day.day_of_week.index() * 10_000)),
    "narrow array": ("narrow-integers", made(lambda r: ibis.array([1, 2]).unnest())),
    "unsigned": ("narrow-integers", made(lambda r: r.number.cast("uint64"))),
    "epoch ms": ("unix-time", made(lambda r: r.number.as_timestamp("ms"))),
    "epoch": ("epoch-seconds", made(lambda r: r.at.epoch_seconds())),
    "median": ("percentiles", lambda rows: rows.agg(made=rows.share.median())),
    "quantile": ("percentiles", lambda rows: rows.agg(made=rows.share.quantile(0.9))),
    "approximate": ("approximate", lambda rows: rows.agg(made=rows.share.approx_quantile(0.5))),
    "about how many": ("approximate", lambda rows: rows.agg(made=rows.key.approx_nunique())),
    "minutes": ("delta", made(lambda r: r.at.delta(r.at, unit="minute"))),
    "months": ("delta", made(lambda r: r.day.delta(r.day, unit="month"))),
    "distinct": ("any-row", lambda rows: rows.distinct(on="day", keep="first")),
    "first": ("any-row", lambda rows: rows.group_by("day").agg(made=rows.number.first())),
    "argmax": ("any-row", lambda rows: rows.group_by("day").agg(made=rows.key.argmax(rows.number))),
    "limit": ("any-row", lambda rows: rows.limit(3)),
    "sample": ("any-row", lambda rows: rows.sample(0.5)),
    "joined text": ("unordered", lambda rows: rows.agg(made=rows.key.group_concat())),
    "zone": ("zone-cast", made(lambda r: r.at.cast("timestamp('Europe/Oslo', 6)"))),
    "zone dropped": ("zone-cast", made(lambda r: r.at.cast(LOCAL))),
    "number from text": ("text-cast", made(lambda r: r.key.cast("int64"))),
    "parsed": ("text-cast", made(lambda r: r.key.as_timestamp("%Y"))),
    "text from time": ("shown-as-text", made(lambda r: r.at.cast("string"))),
    "text from float": ("shown-as-text", made(lambda r: r.share.cast("string"))),
    "floats": ("float-equality", lambda rows: rows.filter(rows.share == 0.1)),
    "floats grouped": (
        "float-equality",
        lambda rows: rows.group_by("share").agg(made=rows.count()),
    ),
    "floats counted": ("float-equality", lambda rows: rows.agg(made=rows.share.nunique())),
    "no order": ("ties", made(lambda r: ibis.row_number())),
    "ties": ("ties", over(lambda r: ibis.row_number(), group_by="number", order_by="day")),
    "lag with ties": ("ties", over(lambda r: r.number.lag(), order_by="at")),
    "sum so far": ("ties", over(lambda r: r.number.sum(), order_by="at", rows=(None, 0))),
    "distinct window": ("window-filter", over(lambda r: r.number.nunique(), group_by="day")),
    "division": ("floor-divide", made(lambda r: r.number // r.number)),
    "decimals": ("decimals", made(lambda r: r.number.cast("decimal(9,2)") / 3)),
    "lookahead": ("regex", lambda rows: rows.filter(rows.key.re_search("a(?=b)"))),
    "group": ("regex", made(lambda r: r.key.re_replace("(a)", r"\1b"))),
    "format": ("time-format", made(lambda r: r.day.strftime("%G-%V"))),
    "parsed if it can be": ("text-cast", made(lambda r: r.key.try_cast("int64"))),
    "cast of a flag": ("cast", made(lambda r: r.good.cast("date"))),
    "float32": ("cast", made(lambda r: r.share.cast("float32"))),
    "array": ("nested", made(lambda r: r.key.split(",") == r.key.split(";"))),
    "microseconds": ("interval", made(lambda r: r.at + ibis.interval(microseconds=1))),
    "from the end": ("cut", made(lambda r: r.key.substr(-2))),
    "pad": ("pad", made(lambda r: r.key.lpad(5, "ab"))),
    "no delimiter": ("split", made(lambda r: r.key.split("").length())),
    "distance": ("letters", made(lambda r: r.key.levenshtein("ab"))),
    "shift": ("shift", made(lambda r: r.number << 2)),
    "tens": ("round", made(lambda r: r.number.round(-1))),
    "distinct values": ("arrays", made(lambda r: r.key.split(",").unique().length())),
    "correlation": (
        "statistics",
        lambda rows: rows.agg(made=rows.share.corr(rows.number, how="pop")),
    ),
    "type": ("type-name", made(lambda r: r.key.typeof())),
    "now": ("now", lambda rows: rows.filter(rows.at < ibis.now())),
    "today": ("now", lambda rows: rows.filter(rows.day < ibis.today())),
    "random": ("random", made(lambda r: ibis.random())),
    "asof": ("asof-join", lambda rows: rows.asof_join(rows.view(), on="at").select("key")),
    "bucket": ("undefined", made(lambda r: r.at.bucket(minutes=5))),
    "digest": ("undefined", made(lambda r: r.key.hexdigest())),
    "interval": ("column-type", made(lambda r: r.at - r.at)),
}

PORTABLE = {
    "widened": made(lambda r: ibis.literal(1, "int64") + r.day.day_of_week.index().cast("int64")),
    "numbers of Python": made(lambda r: (r.number + 1) * 2),
    "summed flags": lambda rows: rows.agg(made=ibis.ifelse(rows.good, 1, 0).sum()),
    "rows in code": lambda rows: rows.semi_join(ibis.memtable({"key": ["a"]}), "key"),
    "days": made(lambda r: r.day.delta(r.day, unit="day")),
    "rounded": made(lambda r: r.share.round().cast("int64")),
    "least": made(lambda r: ibis.least(r.number, 1)),
    "remainder": made(lambda r: r.number % r.number),
    "halves": made(lambda r: r.share.cast("int64")),
    "negative interval": made(lambda r: r.at + (-r.number).as_interval("D")),
    "literal": lambda rows: rows.filter(rows.at < ibis.timestamp("2024-03-01 01:01:01.000005+00")),
    "filtered window": over(lambda r: r.number.sum(where=r.good), group_by="day"),
    "first in a total order": lambda rows: rows.group_by("day").agg(
        made=rows.number.first(order_by="key")
    ),
    "letters of any case": lambda rows: rows.filter(rows.key.re_search("(?i)abc")),
    "group that may not match": made(lambda r: r.key.re_extract("(a)(b)?", 2)),
    "cut": made(lambda r: r.key.substr(1, 3) + r.key.right(2)),
    "shift to the right": made(lambda r: r.number >> 2),
    "greatest": made(lambda r: greatest(r.number, 1)),
    "total order": over(lambda r: r.number.lag(), group_by="day", order_by=["at", "key"]),
    "rank": over(lambda r: ibis.dense_rank(), order_by="at"),
    "whole window": over(lambda r: r.number.sum(), group_by="day"),
    "constant divisor": made(lambda r: r.number // 5 + r.number % 5),
    "plain pattern": lambda rows: rows.filter(rows.key.re_search(r"^a[0-9]+\.b$")),
    "common format": made(lambda r: r.day.strftime("%Y-%m %B")),
    "local time": made(lambda r: to_local(r.at, "Europe/Oslo")),
    "scaled": made(lambda r: r.day.cast(LOCAL)),
    "scaled literal": lambda rows: rows.filter(rows.at < ibis.literal("2024-03-01", INSTANT)),
    "percentiles": lambda rows: quantiles(rows, by=["day"], value="number", at={"p50": 0.5}),
}


@pytest.mark.sample(18)
@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_is_found(trap):
    rule, function = TRAPS[trap]
    assert [found.rule for found in examined(function)] == [rule]


@pytest.mark.parametrize("case", PORTABLE)
def test_what_is_portable_is_left_alone(case):
    assert examined(PORTABLE[case]) == []


def test_a_finding_names_its_line_and_the_cure():
    def subject(rows):
        rows = rows.filter(rows.good)
        return rows.agg(made=rows.share.median())

    (found,) = examined(subject)
    assert (found.model, found.file) == ("subject", HERE.name)
    assert found.line == getsourcelines(subject)[1] + 2
    assert "quantiles" in found.cure


def test_a_helper_is_found_where_it_is_written():
    def helper(rows):
        return rows.share.median()

    (found,) = examined(lambda rows: rows.agg(made=helper(rows)))
    assert found.line == getsourcelines(helper)[1] + 1


def test_a_line_can_be_accepted_with_a_reason():
    def subject(rows):
        return rows.agg(
            made=rows.share.median(),  # portable: ok nobody reads it
        )

    assert examined(subject) == []


def test_a_reason_is_asked_for():
    assert examined(lambda rows: rows.agg(made=rows.share.median()))  # portable: ok


def test_another_line_is_not_accepted():
    def subject(rows):
        share = rows.share.median()
        return rows.agg(made=share)  # portable: ok this is not the line

    assert len(examined(subject)) == 1


def test_keys_outlive_what_keeps_rows_apart():
    def subject(rows):
        days = rows.group_by("day").agg(total=rows.number.sum())
        kept = rows.filter(rows.good).rename(id="key").left_join(days, "day")
        kept = kept.select("id", "day", "total")
        return kept.mutate(made=ibis.row_number().over(group_by="day", order_by=["total", "id"]))

    assert examined(subject) == []


def test_keys_are_lost_where_rows_multiply():
    def subject(rows):
        twice = rows.join(rows.view(), "day")
        return twice.mutate(made=ibis.row_number().over(order_by="key")).select("key", "made")

    assert [found.rule for found in examined(subject)] == ["ties"]


def test_the_page_about_it_is_current():
    """If not: python -m lakehouse.portability.page > docs/reference/portability.md"""
    assert (HERE.parents[2] / "docs/reference/portability.md").read_text() == page()


@pytest.mark.long
def test_the_models_of_the_project_are_portable():
    found = project.load(config.load(HERE.parent))
    assert examine(compile_project(found, "duckdb"), HERE.parent) == []
