"""Pages that are planned: asked once, and made of rows alone from then on."""

import json
import os
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import shop
from site_pages import events_page
from toy import at, event

from lakehouse.pages import Figure, Figures, Rows, page, read_once
from lakehouse.pages.decorators import page_of
from lakehouse.site import project_pages
from lakehouse.site.frame import Frame
from lakehouse.site.page_plan import planned, unplanned
from lakehouse.site.plan_json import from_json, to_json
from lakehouse.site.tables import Tables

ROOT = Path(__file__).parents[2]
BERLIN = ZoneInfo("Europe/Berlin")


@page(title="Shared rows")
def shared_page(steps, daily):
    """Rows that are read once, and rows of these that are read once."""
    rows = read_once(steps.mutate(double=steps.value * 2).order_by("at", "id"))
    sums = read_once(rows.group_by("id").agg(double=rows.double.sum()).order_by("id"))
    both = rows.join(sums, "id").join(daily, rows["at"].date() == daily.day)
    return [
        Rows(both.order_by("id"), [Figure("id", "Id"), Figure("total", "Of the day")], "Both"),
        Rows(sums, [Figure("double", "Twice")], "Sums"),
        Figures(rows.count().as_table(), [Figure(rows.count().get_name(), "Events")]),
    ]


PAGES = [page_of(events_page), page_of(shared_page)]


@pytest.fixture(scope="module")
def tables(lasting_toy):
    lasting_toy.source.rows = [
        event(f"{day}-{n}", n, at(day, 9 + n)) for day in (0, 1) for n in (0, 1, 2)
    ]
    lasting_toy.run(0)
    lasting_toy.run(1)
    with lasting_toy.session as session:
        yield Tables(session)


@pytest.mark.parametrize("spec", PAGES, ids=lambda spec: spec.name)
def test_a_planned_page_is_the_one_that_is_asked_with_its_rows(tables, spec):
    frame = Frame([], [])
    plan = from_json(json.loads(json.dumps(to_json(planned(spec, tables.schemas())))))
    asked = project_pages.render(unplanned(spec), tables, frame, BERLIN, lambda _: spec)
    assert project_pages.render(plan, tables, frame, BERLIN, lambda _: None) == asked


def test_rows_that_are_read_once_are_planned_once_and_in_order(tables):
    plan = planned(page_of(shared_page), tables.schemas())
    reads = {
        name: [each for each in once.reads if each in plan.once] for name, once in plan.once.items()
    }
    assert reads == {"read once 0": [], "read once 1": ["read once 0"]}


SEEN = '''
"""Pages that note when they are asked."""

import os
from datetime import date
from pathlib import Path

import ibis
from feeds import words
from lakehouse.pages import Figure, Rows, Text, page, read_once


def note(name):
    with open(Path(__file__).with_name("asked.log"), "a") as log:
        log.write(name + "\\n")


@page(title="Sold")
def sold(sales):
    note("sold")
    rows = read_once(sales.order_by("sku"))
    return [Rows(rows, [Figure("sku", "Article"), Figure("price", "Price")], words.SOLD)]


@page(title="Today")
def today(sales):
    note("today")
    return [Text(f"Today is {date.today()}."), Rows(sales, [Figure("sku", "Article")], "Sold")]


@page(title="Environment")
def environment(sales):
    note("environment")
    return [Text(os.environ.get("GREETING", "")), Rows(sales, [Figure("sku", "Article")], "Sold")]


@ibis.udf.scalar.python
def shouted(text: str) -> str:
    return text.upper() + "!"


@page(title="Others' rows")
def others(sales):
    note("others")
    known = ibis.memtable({"sku": ["tea", "cup"], "name": ["a pound of tea", "a cup"]})
    own = ibis.duckdb.connect().create_table("own", known.mutate(place=1))
    named = sales.join(known, "sku").select("sku", name=shouted(known.name)).order_by("sku")
    return [
        Rows(named, [Figure("name", "Name")], "Named"),
        Rows(own.order_by("name"), [Figure("name", "Name")], "Own"),
    ]


@page(title="Counted")
def counted(sales):
    note("counted")
    return [Text(f"{sales.count().execute()} articles were sold.")]
'''
WORDS = 'SOLD = "What was sold"\n'


@pytest.fixture(scope="module")
def shown(tmp_path_factory, databases):
    """A shop with pages; builds its site, and gives the text of each page and who was asked."""
    folder = tmp_path_factory.mktemp("shop")
    shop.write(
        folder,
        {**shop.SHOP, "feeds/words.py": WORDS, "pages/__init__.py": "", "pages/seen.py": SEEN},
    )
    with databases.lend() as database:

        def command(*words, start=("-m", "lakehouse"), **environment):
            done = subprocess.run(
                [sys.executable, *start, *words],
                cwd=folder,
                check=False,
                env={
                    **os.environ,
                    "PYTHONPATH": str(ROOT),
                    "LAKEHOUSE_POSTGRES_URL": database,
                    **environment,
                },
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
            return done

        def build(**environment):
            (folder / "pages/asked.log").write_text("")
            command("site", "-o", "site", **environment)
            names = ("sold", "today", "environment", "counted", "others")
            texts = {name: (folder / f"site/pages/{name}.html").read_text() for name in names}
            return texts, {*(folder / "pages/asked.log").read_text().split()}

        command("run", "--date", shop.DAY)
        build.command = command
        build.folder, build.first = folder, build(GREETING="Good morning")
        command("run", "--date", shop.DAY, "--full-refresh")
        build.again = build(GREETING="Good evening")
        yield build


@pytest.mark.long
def test_a_page_is_asked_again_only_where_its_code_needs_it(shown):
    assert shown.again[1] == {"today", "environment", "counted", "others"}


@pytest.mark.long
def test_what_a_page_says_of_now_is_of_now(shown):
    assert "Good morning" in shown.first[0]["environment"]
    assert "2 articles were sold" in shown.first[0]["counted"]
    assert "Good evening" in shown.again[0]["environment"]


@pytest.mark.long
def test_rows_that_are_not_the_projects_are_shown(shown):
    data = "".join(path.read_text() for path in (shown.folder / "site/data/others").glob("*.js"))
    assert "A POUND OF TEA!" in data
    assert "a pound of tea" in data


@pytest.mark.long
def test_a_word_of_another_module_that_changes_is_seen(shown):
    (shown.folder / "feeds/words.py").write_text('SOLD = "All that went"\n')
    texts, asked = shown()
    assert "All that went" in texts["sold"]
    assert "sold" in asked


LOADED = """
import sys
from lakehouse.cli import main

code = main()
heavy = {"hamilton", "altair", "vl_convert", "sqlglot.dialects.duckdb"}
print(sorted(heavy & sys.modules.keys()), file=sys.stderr)
sys.exit(code)
"""
QUIET = """
import altair as alt
from lakehouse.pages import Chart, Choice, Figure, Figures, Rows, page


@page(title="Sold", choices=[Choice("dear", "Is dear")])
def quiet(sales, lines):
    rows = sales.mutate(dear=(sales.price > 2).ifelse("yes", "no")).order_by("sku")
    known = lines.mutate(dear=(lines.price > 2).ifelse("yes", "no"))
    newest = known.group_by("dear").agg(newest=known["at"].max())
    chart = alt.Chart().mark_bar().encode(x="at:T", y="price:Q")
    return [
        Rows(rows, [Figure("sku", "Article"), Figure("price", "Price", digits=2)], "Sold"),
        Figures(newest, [Figure("newest", "Newest", age=True)]),
        Chart(chart, known.order_by("at", "sku"), "Prices", "A bar for each line."),
    ]
"""


@pytest.mark.long
def test_a_site_whose_plans_are_kept_loads_nothing_that_plans_and_draws(shown):
    settings = shown.folder / "lakehouse.toml"
    settings.write_text(settings.read_text().replace("[project]", '[project]\npages = "quiet"'))
    (shown.folder / "quiet").mkdir()
    (shown.folder / "quiet/__init__.py").write_text(QUIET)
    shown.command("site", "-o", "quiet_1")
    done = shown.command("site", "-o", "quiet_2", start=("-c", LOADED))
    assert done.stderr.splitlines()[-1] == "[]"
    first, second = (
        {file.name: file.read_bytes() for file in (shown.folder / name / "data/quiet").iterdir()}
        for name in ("quiet_1", "quiet_2")
    )
    assert first == second
    assert len(first) == 2
