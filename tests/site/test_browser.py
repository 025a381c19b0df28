"""Sites in a real browser: no error, no request, nothing that does not fit, and accessible."""

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from axe_core_python.sync_playwright import Axe
from browser import chromium, needs_chromium
from processes import environment
from site_pages import NASTY, events_page
from toy import at, event

from lakehouse.pages.decorators import page_of
from lakehouse.site.build import build

SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}
ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.long,
    needs_chromium,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def site(lasting_toy, tmp_path_factory):
    """A site with failed checks, rows in quarantine, and names that try to break out."""
    rows = [event(f"{day}-{n}", 10 * day + n, at(day, 9 + n)) for day in (0, 1) for n in range(3)]
    lasting_toy.source.rows = [*rows, event(NASTY, -1, at(1)), event("late", 600, at(2))]
    lasting_toy.run(0)
    lasting_toy.run(1)
    with pytest.raises(Exception, match="blocking check failed"):
        lasting_toy.run(2)
    folder = tmp_path_factory.mktemp("site") / "a folder of its own"
    with lasting_toy.session as session:
        build(session, folder, [page_of(events_page)])
    return folder


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@contextmanager
def opened(browser, **options):
    """A tab, and what goes wrong in it."""
    context = browser.new_context(**options)
    tab, wrong = context.new_page(), []
    tab.on("console", lambda message: wrong.append(message.text))
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("requestfailed", lambda request: wrong.append(request.url))
    tab.on("request", lambda request: request.url.startswith("http") and wrong.append(request.url))
    yield tab, wrong
    context.close()


def go(tab, path):
    """Open a file, and wait until it shows what it has to."""
    tab.goto(path.as_uri())
    if "page-data" in path.read_text():
        tab.wait_for_selector("html[data-drawn]")
    if "data-code" in path.read_text():
        tab.wait_for_selector(".code pre")


@pytest.mark.sample(0, long=2)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_opens_without_an_error_fits_and_is_accessible(site, browser, size, theme):
    axe = Axe()
    with opened(browser, viewport=SIZES[size], color_scheme=theme) as (tab, wrong):
        for path in sorted(site.rglob("*.html")):
            if path.name == "index.html":
                continue
            go(tab, path)
            name = path.relative_to(site)
            assert wrong == [], name
            assert not tab.evaluate("document.documentElement.scrollWidth > innerWidth"), name
            found = axe.run(tab)["violations"]
            serious = [each for each in found if each["impact"] in ("serious", "critical")]
            assert [(v["id"], v["nodes"][0]["html"]) for v in serious] == [], name
            assert "lakehouse" not in tab.title()
            assert tab.title() != "1"  # what NASTY would do


def test_figures_charts_and_tables_follow_what_is_chosen(site, browser):
    page = site / "pages/events_page.html"
    with opened(browser, timezone_id="America/New_York") as (tab, wrong):
        go(tab, page)
        value = tab.locator(".figures .value").first
        assert value.inner_text().replace("\u00a0", " ") == "24.00 m"
        assert tab.locator("select[name=parity]").input_value() == "even"
        top = tab.locator(".chart .plot svg").first.text_content()
        assert "0.010" not in top
        tab.select_option("select[name=unit]", "km")
        tab.wait_for_selector("html[data-drawn='2']")
        assert value.inner_text().replace("\u00a0", " ") == "0.02 km"
        assert "0.010" in tab.locator(".chart .plot svg").first.text_content()
        tab.select_option("select[name=parity]", f"odd {NASTY}")
        tab.wait_for_selector("html[data-drawn='3']")
        assert tab.locator(".figures .value").nth(1).inner_text() == "2"
        rows = tab.locator("figure.table").first.locator("tbody tr")
        assert rows.count() == 2
        assert rows.first.locator("td").last.inner_text() == NASTY
        tab.reload()
        tab.wait_for_selector("html[data-drawn]")
        assert tab.locator("select[name=unit]").input_value() == "km"
        assert wrong == []


def test_a_chart_is_shown_as_a_table_and_in_the_time_of_its_rows(site, browser):
    with opened(browser, timezone_id="America/New_York") as (tab, wrong):
        go(tab, site / "pages/events_page.html")
        chart = tab.locator("figure.chart").nth(1)
        hours = chart.locator("svg").text_content()
        assert "09:0011:00" in hours
        assert "04:00" not in hours
        chart.locator("summary").click()
        cells = chart.locator("tbody tr td").all_inner_texts()
        assert cells[0] == "2024-03-01 09:00"
        assert wrong == []


def test_search_theme_and_keyboard_work(site, browser):
    with opened(browser) as (tab, wrong):
        go(tab, site / "pipeline.html")
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
        tab.fill("#search", "TOTA")
        tab.wait_for_selector("#found a")
        assert tab.locator("#found a").all_inner_texts() == ["marts.total", "marts.daily total"]
        tab.keyboard.press("Enter")
        tab.wait_for_url("**/marts.total.html")
        dark = "getComputedStyle(document.body).backgroundColor"
        before = tab.evaluate(dark)
        tab.click("#theme")
        assert tab.evaluate(dark) != before
        after = tab.evaluate(dark)
        go(tab, site / "runs.html")
        assert tab.evaluate(dark) == after
        assert wrong == []


def command(folder, *words, start=subprocess.run, **options):
    """Start a command in a project whose home and Postgres are its own."""
    variables = environment(LAKEHOUSE_HOME=str(folder / "home"), LAKEHOUSE_POSTGRES_URL="")
    whole = [sys.executable, "-m", "lakehouse", *words]
    return start(whole, cwd=folder, env=variables, stdout=subprocess.PIPE, text=True, **options)


@pytest.fixture
def project(tmp_path):
    """A small project on disk, as `init` writes it."""
    (tmp_path / "empty").mkdir()
    assert command(tmp_path / "empty", "init", str(tmp_path / "project")).returncode == 0
    return tmp_path / "project"


@contextmanager
def served(folder):
    """`site --serve` in a project: the process, and its address."""
    words = ("site", "--serve", "--port", "0", "--format", "json")
    process, printed = command(folder, *words, start=subprocess.Popen), ""
    try:
        while not printed.rstrip().endswith("}"):
            line = process.stdout.readline()
            assert line, "the command ended"
            printed += line
        yield process, json.loads(printed)["address"]
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def test_a_served_site_follows_runs_until_it_is_interrupted(project, browser, tmp_path):
    with served(project) as (process, address):
        context = browser.new_context()
        tab = context.new_page()
        tab.goto(f"{address}pipeline.html")
        assert "not built" in tab.locator("main").inner_text()
        assert command(project, "run", "--date", "2024-03-15").returncode == 0
        tab.locator("#state", has_text="as of commit").wait_for(timeout=120_000)
        for path, host in (("", "evil.example"), (".lakehouse-site.json", "127.0.0.1")):
            with pytest.raises(HTTPError, match=r"403|404"):
                urlopen(Request(address + path, headers={"Host": host}))
        context.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    written = command(project, "site", "-o", str(tmp_path / "site"), "--format", "json")
    document = json.loads(written.stdout)
    assert "tables/seeds.countries.html" in document["written"]
    assert (document["kept"], document["removed"]) == ([], [])
    assert Path(document["start"]).is_file()
