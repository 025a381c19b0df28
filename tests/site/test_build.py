"""A site over the toy project: what its files say, and which of them are written again."""

import json
import re
import subprocess
import sys

import altair as alt
import pytest
from site_pages import NASTY, events_page
from toy import at, event

from lakehouse.errors import ProjectError
from lakehouse.pages import Chart, Figure, Figures, Rows, Text, page
from lakehouse.pages.decorators import page_of
from lakehouse.site.build import build

PAGES = [page_of(events_page)]
SECRET = "planted-secret-5ec7e7"


def rows_of(*days):
    """Three events of each day."""
    return [event(f"{day}-{n}", 10 * day + n, at(day, 9 + n)) for day in days for n in range(3)]


@pytest.fixture(scope="module")
def site(lasting_toy, tmp_path_factory):
    """A site of two days, of which the second has a row in quarantine; how it was built."""
    lasting_toy.source.rows = [*rows_of(0, 1), event("bad", -1, at(1))]
    lasting_toy.run(0)
    lasting_toy.run(1)
    folder = tmp_path_factory.mktemp("site") / "of toy"
    with lasting_toy.session as session:
        build(session, folder, PAGES)
    return folder


def data_of(folder, path="pages/events_page.html"):
    """What the script of a page knows, and the data files that it names."""
    html = (folder / path).read_text()
    head = json.loads(re.search(r'id="page-data">(.*?)</script>', html)[1])
    names = [head["shared"], *head["files"].values()]
    texts = {name: (folder / name).read_text() for name in names}
    return head, {
        name: json.loads(text.removeprefix(f'lakehouse.data("{name}",').removesuffix(");\n"))
        for name, text in texts.items()
    }


@pytest.mark.long
def test_each_value_of_the_first_choice_has_a_file_with_its_rows_alone(site):
    head, data = data_of(site)
    assert [choice["name"] for choice in head["choices"]] == ["parity", "unit"]
    assert list(head["files"]) == ["even", f"odd {NASTY}"]
    sums = data[head["files"]["even"]]["0"]["c"]
    assert sums["0.0"]["d"] == ["24.00"]  # of 0, 2, 10 and 12: the rest is odd
    assert sums["0.1"]["d"] == ["0.02"]
    assert data[head["files"]["even"]]["3"]["n"] == 4


@pytest.mark.long
def test_a_table_without_the_column_of_the_choice_is_shared(site):
    head, data = data_of(site)
    assert data[head["shared"]]["4"]["n"] == 2


@pytest.mark.long
def test_nothing_on_a_page_is_html_that_somebody_else_wrote(site):
    html = [path.read_text() for path in site.rglob("*.html")]
    assert any("&lt;/script&gt;&lt;img" in text for text in html)
    assert not [text for text in html if "<img" in text or "<b>" in text]
    assert not [path for path in site.rglob("data/**/*.js") if "<" in path.read_text()]


@pytest.mark.long
def test_pages_load_nothing_from_elsewhere(site):
    for path in site.rglob("*.html"):
        text = path.read_text()
        links = re.findall(r'(?:src|href)="([^"]*)"', text)
        assert not [each for each in links if "//" in each or each.startswith("/")], path
        for link in links:
            target = link.partition("#")[0]
            if target and not target.startswith("data:"):
                assert (path.parent / target).is_file(), f"{path} leads to {link}"


@pytest.mark.long
def test_the_pipeline_is_told_table_by_table(site, lasting_toy):
    overview = (site / "pipeline.html").read_text()
    assert "marts.total: ok" in overview
    assert 'href="tables/silver.steps.html"' in overview
    steps = (site / "tables/silver.steps.html").read_text()
    assert "range: value ≤ 500" in steps
    assert "2 of 2" in steps
    assert "Each event with the one before it" in steps
    code = (site / "data/code/silver.steps.js").read_text()
    assert "SQL of DuckDB" in code
    assert "SQL of Trino" in code
    assert "def steps(valid)" in code
    runs = (site / "runs.html").read_text()
    assert len(re.findall('<li><a href="runs/', runs)) == 2
    quarantine = (site / "quarantine.html").read_text()
    assert "quarantine.events" in quarantine
    assert lasting_toy.head() in (site / "storage.html").read_text()


def test_names_are_found_by_table_and_by_column(site):
    names = (site / "assets/search.js").read_text()
    assert '["marts.daily","tables/marts.daily.html",["day","rows","total"]]' in names


def test_a_site_of_the_same_state_is_left_as_it_is(site, lasting_toy):
    with lasting_toy.session as session:
        done = build(session, site, PAGES).done
    assert (done.written, done.removed) == ([], [])


def test_of_one_more_day_only_what_changed_is_written(toy, source, tmp_path):
    @page(title="Days")
    def days(daily):
        return [Rows(daily, [Figure("day", "Day")], "Days")]

    @page(title="Nothing new")
    def nothing_new():
        return [Text("the same for ever")]

    specs = [page_of(days), page_of(nothing_new)]
    source.rows = rows_of(0, 1)
    toy.run(0)
    with toy.session as session:
        build(session, tmp_path / "site", specs)
    toy.run(1)
    with toy.session as session:
        done = build(session, tmp_path / "site", specs).done
    assert "pages/days.html" in done.written
    assert [path for path in done.removed if path.startswith("data/days/")]
    kept = {"pages/nothing_new.html", "assets/vega.js", "data/code/marts.daily.js"}
    assert kept <= {*done.kept}


@pytest.mark.long
def test_before_the_first_run_pages_say_what_is_missing(toy, tmp_path):
    with toy.session as session:
        build(session, tmp_path / "site", PAGES)
    assert "steps, daily is not built" in (tmp_path / "site/pages/events_page.html").read_text()
    assert "not built" in (tmp_path / "site/pipeline.html").read_text()


@pytest.mark.long
def test_a_failed_check_and_its_error_are_seen_at_once(toy, source, tmp_path):
    source.rows = rows_of(0)
    toy.run(0)
    source.rows = [*rows_of(0), event("<b>", 501, at(1))]
    with pytest.raises(Exception, match="value ≤ 500"):
        toy.run(1)
    with toy.session as session:
        build(session, tmp_path / "site", ())
    overview = (tmp_path / "site/pipeline.html").read_text()
    assert "silver.steps</a>: range: value ≤ 500" in overview
    assert 'class="to failed"' in overview
    *_, failed = sorted((tmp_path / "site/runs").iterdir())
    assert "failed: silver.steps: range: value ≤ 500: 1 of 1 rows" in failed.read_text()


def bar(**encodings):
    return alt.Chart().mark_bar().encode(**encodings)


WRONG = {
    "a column that is not there": lambda t: [Rows(t, [Figure("dya", "Day")], "Days")],
    "several rows": lambda t: [Figures(t, [Figure("day", "Day")])],
    "no choice of that unit": lambda t: [Rows(t, [Figure({"m": "day", "k": "day"}, "Day")], "D")],
    "a chart without types": lambda t: [Chart(bar(x="day"), t, "Days", "x")],
    "no blocks": lambda t: Text("alone"),
    "no block": lambda t: ["a text"],
    "an error": lambda t: 1 / 0,
}


@pytest.mark.parametrize("blocks", WRONG.values(), ids=WRONG)
def test_a_page_that_cannot_be_made_is_an_error_with_its_place(site, lasting_toy, tmp_path, blocks):
    @page(title="Wrong")
    def wrong(daily):
        return blocks(daily)

    with lasting_toy.session as session, pytest.raises(ProjectError) as raised:
        build(session, tmp_path / "site", [page_of(wrong)])
    assert "test_build.py" in raised.value.message or "chart 'Days'" in raised.value.message


def test_the_command_needs_a_folder_or_a_browser(lakehouse):
    code, document = lakehouse("site")
    assert code == 2
    assert "--serve" in document["error"]


@pytest.mark.long
def test_a_run_imports_nothing_of_the_site():
    code = (
        "import sys, lakehouse.cli.run, lakehouse.interface, lakehouse.run.attempts\n"
        "names = ('altair', 'vl_convert', 'lakehouse.pages', 'lakehouse.site', 'pages')\n"
        "print([name for name in names if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
