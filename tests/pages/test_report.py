"""The report for the clinic: its figures, and that all of them are on one side."""

import html as markup
import re
from datetime import date, timedelta

import numpy as np
import pytest
from people_with_readings import LAST, rounded, values_of

from lakehouse import report as reports
from lakehouse.pages.decorators import page_of
from models.units import MG_DL_PER_MMOL_L
from pages import summaries
from pages.report import glucose_report


def about(tables, site, first=None, last=None):
    return reports.subject(page_of(glucose_report), tables, site, first, last)


def figures(html):
    """The figures on a report by their columns, and the shares by their ranges."""
    found = re.findall(r'data-figure="([^"]+)">.*?<dd>(.*?)(?:<small>|</dd>)', html)
    found += re.findall(r"<tr><td>(.*?)</td><td[^>]*>(.*?)</td>", html)
    return {
        markup.unescape(name): markup.unescape(re.sub("<[^>]*>", "", text)) for name, text in found
    }


@pytest.fixture(scope="module")
def summary_of(tables):
    """The row of a report about a span of days, from which it takes its figures."""

    def row(site, first, last):
        return _summary(tables, site, first, last)

    return row


def _summary(tables, site, first, last):
    readings, episodes, sites = (
        tables(name) for name in ("fct_glucose_readings", "mrt_glucose_episodes", "sites")
    )
    rows = summaries.of_days(
        summaries.within(readings.filter(readings.site == site), "reading_date", first, last),
        summaries.within(episodes.filter(episodes.site == site), "local_date", first, last),
        sites,
    )
    (row,) = rows.to_pyarrow().to_pylist()
    return row


@pytest.mark.long
@pytest.mark.parametrize("site", ["anna", pytest.param("minute", marks=pytest.mark.long)])
def test_the_newest_days_have_the_metrics_of_the_mart(tables, summary_of, site):
    mart = tables("mrt_glucose_periods")
    (expected,) = (
        mart.filter(mart.site == site, mart.period == "last_14_days").to_pyarrow().to_pylist()
    )
    row = summary_of(site, LAST - timedelta(days=13), LAST)
    del row["period"], expected["period"]
    assert row == pytest.approx(expected)


@pytest.mark.long
def test_metrics_of_other_days_are_those_of_their_readings(tables, summary_of):
    first, last = date(2024, 2, 3), date(2024, 3, 1)
    row = summary_of("anna", first, last)
    values = np.array([v for at, v in values_of("anna") if first <= at.date() <= last], float)
    assert row["reading_count"] == len(values) == 28 * 288
    assert row["avg_glucose"] == pytest.approx(values.mean())
    assert row["cv_percent"] == pytest.approx(100 * values.std(ddof=1) / values.mean())
    assert row["gmi"] == pytest.approx(3.31 + 0.02392 * values.mean())
    assert row["percent_in_range"] == pytest.approx(100 * ((values >= 70) & (values <= 180)).mean())
    assert row["percent_above_250"] == pytest.approx(100 * (values > 250).mean())
    assert row["p95"] == pytest.approx(np.percentile(values, 95))
    assert row["percent_active"] == pytest.approx(100)


@pytest.mark.long
def test_a_report_shows_its_metrics_rounded(tables):
    shown = figures(reports.html(about(tables, "anna")))
    values = np.array([v for at, v in values_of("anna")][-14 * 288 :], float)
    low = np.where(values < 70, 1, 0)
    mean, mmol = rounded(values.mean(), 0), rounded(values.mean() / MG_DL_PER_MMOL_L, 1)
    assert shown["mean_mg/dL"] == f"{mean} mg/dL ({mmol} mmol/L)"
    assert shown["gmi_shown"] == f"{rounded(3.31 + 0.02392 * values.mean(), 1)} %"
    assert shown["cv_percent"] == f"{rounded(100 * values.std(ddof=1) / values.mean(), 1)} %"
    assert shown["Below 70 mg/dL"] == f"{rounded(100 * low.mean(), 1)} %"
    assert shown["Below 54 mg/dL"] == f"{rounded(100 * low.mean(), 1)} %"
    assert shown["days_text"] == "14 of 14"
    assert shown["low_episodes"] == "1, of these 1 very low"
    assert shown["status_text"].startswith("1 CRITICAL")


@pytest.mark.long
def test_a_person_sees_the_own_unit_first_and_the_own_range(tables):
    html = reports.html(about(tables, "minute"))
    shown = figures(html)
    assert re.fullmatch(r"\d+\.\d mmol/L \(\d+ mg/dL\)", shown["mean_mmol/L"])
    assert "Above 13.9 mmol/L" in shown
    assert "Own range 3.5\N{EN DASH}7.8 mmol/L" in shown
    assert ">16.7 mmol/L<" in html
    assert ">300 mg/dL<" in html


@pytest.mark.long
def test_too_little_data_is_said(tables):
    html = reports.html(about(tables, "gaps"))
    assert "Too little data: readings cover 56.3 % of these days" in html
    assert figures(html)["gmi_shown"] == "\N{EN DASH}"


CASES = {
    "14 days": ("anna", 14, "100.0 %"),
    "30 days": ("anna", 30, "100.0 %"),
    "90 days": ("anna", 90, "100.0 %"),
    "120 days": ("anna", 120, "100.0 %"),
    "one day of data": ("once", 14, "0.1 %"),
    "gaps": ("gaps", 14, "56.3 %"),
    "every minute, 90 days": ("minute", 90, "16.7 %"),
    "a day of 23 hours": ("oslo", 8, "100.0 %"),
    "a day of 25 hours": ("<b>&'\"", 8, "99.5 %"),
}
"""Person, days, and what of them is covered; the readings of the last person end an hour early."""


@pytest.mark.sample(0, long=2)
@pytest.mark.parametrize("case", CASES)
def test_a_report_is_one_side_of_a4(tables, case, browser):
    site, days, covered = CASES[case]
    newest = about(tables, site).span.last
    html = reports.html(about(tables, site, newest - timedelta(days=days - 1), newest))
    assert figures(html)["days_covered"] == covered
    assert printed_pages(reports.pdf(html)) == [(595, 842)]
    page = browser.new_page()
    page.set_content(html)
    page.emulate_media(media="print")
    assert page.evaluate(OVERFLOWING) == []
    page.close()


OVERFLOWING = """() => [...document.querySelectorAll('body *')].filter(element => {
    const box = element.getBoundingClientRect(), body = document.body.getBoundingClientRect();
    return box.width > 0 && (box.right > body.right + 1 || box.left < body.left - 1);
}).map(element => element.outerHTML.slice(0, 80))"""
"""Elements that reach over the sides of the paper."""


def printed_pages(pdf):
    """The sizes of the pages of a PDF in points, as Chromium writes it."""
    boxes = re.findall(rb"/Type /Page\b.*?/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf, re.DOTALL)
    return [tuple(round(float(side)) for side in box) for box in boxes]
