"""What the page and the report show of the recording is what Postgres holds."""

import html as markup
import json
import re
from datetime import datetime
from pathlib import Path

import pytest
from people_with_readings import rounded

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.long
PERIODS = {"14 days": "last_14_days", "7 days": "last_7_days", "newest day": "last_day"}
MG_DL_PER_MMOL_L = 18.01559


@pytest.fixture
def published(lakehouse, tmp_path):
    """The marts of a month of the recording, as Postgres has them, by name."""
    (tmp_path / "pages").symlink_to(ROOT / "pages")
    code, _ = lakehouse("backfill", "--from", "2024-03-14", "--to", "2024-04-12")
    assert code == 0

    def rows(mart, condition="true"):
        sql = f"select * from marts.{mart} where {condition}"
        code, found = lakehouse("query", sql, "--on", "postgres")
        assert code == 0
        return found

    return rows


def read(page):
    """What a page shows: figures by their labels, and tables by their titles."""
    return page.evaluate(
        """() => ({
            figures: Object.fromEntries([...document.querySelectorAll('.figures > div')].map(
                div => [div.querySelector('dt').textContent, div.querySelector('.value').textContent])),
            tables: Object.fromEntries([...document.querySelectorAll('figure.table')].map(
                figure => [figure.querySelector('figcaption').textContent,
                    [...figure.querySelectorAll('tbody tr')].map(
                        row => [...row.cells].map(cell => cell.textContent))])),
        })"""
    )


def with_unit(value, digits, unit):
    return f"{rounded(value, digits)}\u00a0{unit}"


def summary(row, unit):
    """What the page shows of a period that Postgres has in mg/dL."""

    def glucose(value):
        is_mmol = unit == "mmol/L"
        return with_unit(value / (MG_DL_PER_MMOL_L if is_mmol else 1), int(is_mmol), unit)

    return {
        "Mean glucose": glucose(row["avg_glucose"]),
        "Standard deviation": glucose(row["stddev_glucose"]),
        "CV": with_unit(row["cv_percent"], 1, "%"),
        "Time sensor active": with_unit(row["percent_active"], 1, "%"),
        "Low episodes": str(row["hypo_episodes_level1"]),
        "of these very low": str(row["hypo_episodes_level2"]),
    }


def shares(row):
    names = ("above_250", "above_180", "in_range", "in_tight_range", "below_70", "below_54")
    return [with_unit(row[f"percent_{name}"], 1, "%") for name in names]


def newest_first(rows, column):
    return sorted(rows, key=lambda row: row[column], reverse=True)


def mmol(mg_dl):
    return with_unit(mg_dl / MG_DL_PER_MMOL_L, 1, "mmol/L")


def night(row):
    """What the page shows of a night that Postgres has."""
    return [
        row["reading_date"],
        "yes" if row["is_stable"] else "no",
        mmol(row["avg_glucose"]),
        mmol(row["min_glucose"]),
        with_unit(row["percent_in_range"], 1, "%"),
        with_unit(row["cv_percent"], 1, "%"),
        with_unit(row["minutes_below_70"], 0, "min"),
        str(row["hypo_episodes"]),
        with_unit(row["coverage_percent"], 1, "%"),
    ]


def episode(row):
    """What the page shows of an episode of the recording, whose clock is that of UTC."""
    began = datetime.fromisoformat(row["started_at"])
    very = "very " if row["level"] == 2 else ""
    return [
        f"{began:%Y-%m-%d %H:%M}",
        very + {"hypo": "low", "hyper": "high"}[row["kind"]],
        with_unit(row["duration_minutes"], 0, "min"),
        mmol(row["extreme_mg_dl"]),
        "yes" if row["is_extended"] else "no",
    ]


def test_the_page_and_the_report_show_what_postgres_has(published, lakehouse, tmp_path, browser):
    assert lakehouse("site", "-o", str(tmp_path / "site"))[0] == 0
    plans = (path.read_text() for path in (tmp_path / "__pycache__").glob("lakehouse-pages-*.json"))
    assert any('"$": "Figures"' in plan for plan in plans)
    page, problems = browser.new_page(), []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    address = (tmp_path / "site" / "pages" / "glucose_page.html").as_uri()
    for unit in ("mg/dL", "mmol/L"):
        for label, period in PERIODS.items():
            page.goto("about:blank")
            page.goto(f"{address}#units={unit}&period={label}")
            page.wait_for_selector("html[data-drawn]")
            shown, (row,) = read(page), published("mrt_glucose_periods", f"period = '{period}'")
            assert shown["figures"].items() >= summary(row, unit).items()
            ranges = shown["tables"]["Readings in each range, beside the targets"]
            assert [cells[1] for cells in ranges] == shares(row)
            gmi = with_unit(row["gmi"], 1, "%") if period == "last_14_days" else "\N{EN DASH}"
            assert shown["figures"]["GMI"] == gmi
    assert problems == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()

    days = {row["reading_date"]: row for row in published("mrt_glucose_overview")}
    listed = shown["tables"]["The newest 30 days"]
    assert [cells[0] for cells in listed] == sorted(days, reverse=True)
    for date, status, in_range, *_, reasons in listed:
        assert status == days[date]["day_status"]
        assert in_range == with_unit(days[date]["percent_in_range"], 1, "%")
        assert reasons == (days[date]["status_reasons"] or "")
    nights = shown["tables"]["Nights, from midnight to six, of 30 days"]
    assert nights == [*map(night, newest_first(published("mrt_glucose_overnight"), "reading_date"))]
    episodes = shown["tables"]["Episodes of 30 days; very low ones are low ones, too"]
    assert sorted(episodes) == sorted(map(episode, published("mrt_glucose_episodes")))

    _report_shows(published, lakehouse, tmp_path / "report.html")
    _asks_for_someone_else(lakehouse, tmp_path)


def _report_shows(published, lakehouse, path):
    code, told = lakehouse("report", "demo", "-o", str(path))
    assert (code, told["first"], told["last"]) == (0, "2024-03-30", "2024-04-12")
    html = path.read_text()
    (row,) = published("mrt_glucose_periods", "period = 'last_14_days'")
    found = dict(re.findall(r'data-figure="([^"]+)">.*?<dd>([^<]*)', html))
    assert found["gmi_shown"] == rounded(row["gmi"], 1)
    assert found["cv_percent"] == rounded(row["cv_percent"], 1)
    assert found["percent_active"] == rounded(row["percent_active"], 1)
    mmol = rounded(row["avg_glucose"] / MG_DL_PER_MMOL_L, 1)
    mean = f"{rounded(row['avg_glucose'], 0)} mg/dL ({mmol} mmol/L)"
    assert markup.unescape(found["mean_mg/dL"]) == mean
    ranges = re.findall(r"<tr><td>[^<]*</td><td[^>]*>([^<]*)<", html)
    assert [f"{share}\u00a0%" for share in ranges] == shares(row)


def _asks_for_someone_else(lakehouse, folder):
    for arguments, message in (
        (["dem"], "did you mean 'demo'?"),
        (["demo", "--to", "2023-01-01"], "its days lie between 2024-03-14 and 2024-04-12"),
        (["demo", "-o", str(folder / "report.doc")], "suffix .html or .pdf"),
    ):
        code, told = lakehouse("report", *arguments)
        assert code == 2
        assert message in json.dumps(told, ensure_ascii=False)
