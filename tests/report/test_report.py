"""A report is about one value of a column, for a span of days, and is written for paper."""

import os
import re
from datetime import UTC, date, datetime

import altair as alt
import ibis
import pyarrow as pa
import pytest

from lakehouse import report as reports
from lakehouse.errors import ConfigError, ProjectError, UnknownNameError, UsageError
from lakehouse.pages import (
    Chart,
    Choice,
    Columns,
    Days,
    Figure,
    Figures,
    Notices,
    Rows,
    Text,
    page,
    report,
)
from lakehouse.pages.decorators import page_of
from lakehouse.report.shown import shown

NASTY = "<script>alert('x')</script>"
SALES = pa.table(
    {
        "shop": ["oslo", "oslo", "oslo", "bergen", NASTY],
        "day": [
            date(2024, 3, 1),
            date(2024, 3, 5),
            date(2024, 3, 20),
            date(2024, 2, 1),
            date(2024, 3, 1),
        ],
        "total": [10.0, 1234.25, 0.05, 7.0, 1.0],
        "note": ["", "sold out", None, "", NASTY],
    }
)
SHOPS = pa.table({"shop": ["oslo", "bergen"], "money": ["NOK", "EUR"]})
EUROS = Choice("money", "Money", ("EUR", "NOK"), first="shops.money")


@report(title="Sales & more", key="shop", days=Days("sales.day", newest=7), choices=[EUROS])
def sales_report(sales, first, last):
    within = sales.filter(sales.day.between(first, last))
    total = within.agg(total=within.total.sum(), times=within.count())
    total = total.mutate(total_nok=total.total * 10)
    column = {"EUR": "total", "NOK": "total_nok"}
    bars = alt.Chart().mark_bar().encode(x="day:T", y="total:Q", tooltip="note:N")
    marks = alt.Chart(alt.InlineData(values=[{"goal": 99}])).mark_text(
        text=alt.expr("'goal in ' + money")
    )
    return [
        Text("Sums", level=2),
        Notices(within, "note"),
        Figures(
            total,
            [
                Figure(column, "Total", {"EUR": "€", "NOK": "kr"}, {"EUR": 1, "NOK": 0}, "a <sum>"),
                Figure("times", "Times"),
            ],
        ),
        Columns(
            [
                Rows(
                    within.order_by("day"),
                    [Figure("day", "Day"), Figure("total", "Total", digits=1)],
                    "",
                ),
                Chart(bars + marks, within, "Bars & co", "How much each day."),
            ]
        ),
    ]


def tables(name):
    return ibis.memtable({"sales": SALES, "shops": SHOPS}[name])


def about(value, first=None, last=None, function=sales_report):
    return reports.subject(page_of(function), tables, value, first, last)


def written(value, *days):
    return reports.html(about(value, *map(date.fromisoformat, days)))


@pytest.fixture(scope="module")
def oslo():
    return written("oslo", "2024-03-01", "2024-03-20")


@pytest.mark.long
def test_a_report_has_the_figures_of_its_value_and_days(oslo):
    figures = re.findall(r'data-figure="(\w+)"><dt>(\w+)</dt><dd>([^<]*)', oslo)
    assert figures == [("total_nok", "Total", "12\u202f443"), ("times", "Times", "3")]


@pytest.mark.long
def test_a_switch_is_as_a_table_says(oslo):
    assert '<span class="unit"> kr</span>' in oslo
    assert "goal in NOK" in oslo


def test_rows_are_in_their_order_with_digits(oslo):
    cells = re.findall(r"<td[^>]*>([^<]*)", oslo)
    assert cells == [
        *("1 March 2024", "10.0"),
        *("5 March 2024", "1\u202f234.3"),
        *("20 March 2024", "0.1"),
    ]


def test_only_texts_that_say_something_are_notices(oslo):
    assert re.findall(r'class="notice">([^<]*)', oslo) == ["sold out"]


def test_charts_are_drawn_in_place(oslo):
    assert oslo.count("<svg") == 1
    assert 'role="img" aria-label="How much each day."' in oslo
    assert "<figcaption>Bars &amp; co</figcaption>" in oslo


def test_without_days_it_is_about_the_newest_ones():
    assert about("oslo").span == reports.Span(date(2024, 3, 14), date(2024, 3, 20))


def test_with_a_last_day_it_is_about_those_before_it():
    assert about("oslo", last=date(2024, 3, 6)).span.first == date(2024, 2, 29)


@pytest.mark.parametrize(("value", "near"), [("osl", "'oslo'"), ("Bergen", "'bergen'")])
def test_an_unknown_value_is_told_with_the_one_that_is_meant(value, near):
    with pytest.raises(UnknownNameError, match=f"no days of shop {value!r}") as told:
        about(value)
    assert f"did you mean {near}?" in told.value.hint


def test_days_of_which_there_is_nothing_are_told():
    with pytest.raises(UsageError, match="2024-03-06 to 2024-03-12") as told:
        about("oslo", date(2024, 3, 6), date(2024, 3, 12))
    assert "2024-03-01 and 2024-03-20" in told.value.hint


def test_days_in_the_wrong_order_are_told():
    with pytest.raises(UsageError, match="has no days"):
        about("oslo", date(2024, 3, 12), date(2024, 3, 6))


def test_a_page_is_no_report():
    @page(title="Sales")
    def sales_page(sales):
        return []

    with pytest.raises(ProjectError, match="is no report"):
        about("oslo", function=sales_page)


def test_all_text_is_shown_as_it_is_written():
    html = written(NASTY)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 3


def test_a_report_needs_nothing_else(oslo):
    assert not re.findall(r"(?:src|href|url)\s*[=(]", oslo)
    assert "default-src 'none'" in oslo


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.25, 1, "0.3"),
        (1.005, 2, "1.01"),
        (2.5, 0, "3"),
        (-2.5, 0, "\N{MINUS SIGN}3"),
        (-0.04, 1, "0.0"),
        (1234567, None, "1\u202f234\u202f567"),
        (float("nan"), 1, "\N{EN DASH}"),
        (None, 1, "\N{EN DASH}"),
        (True, None, "yes"),
        (date(2024, 3, 5), None, "5 March 2024"),
        (datetime(2024, 3, 5, 8, 5, tzinfo=UTC), None, "5 March 2024, 08:05"),
    ],
)
def test_values_are_as_people_read_them(value, digits, text):
    assert shown(value, digits) == text


def test_without_a_browser_a_pdf_is_refused_with_the_cure(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"Chromium or Chrome") as told:
        reports.pdf("<p>")
    assert "write FILE.html" in told.value.hint


def test_a_browser_that_fails_is_named(monkeypatch, tmp_path):
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\nexit 1\n")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    with pytest.raises(Exception, match="could not print the report"):
        reports.pdf("<p>")
