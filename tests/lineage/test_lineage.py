"""Lineage of a project: from the fields of its sources to its marts, up and down."""

import pytest
import shop

import lakehouse
from lakehouse.cli import main
from lakehouse.errors import COULD_NOT_RUN
from lakehouse.lineage import Column, Lineage, Parents, TableParents, of
from lakehouse.lineage.project import from_json, to_json

MARTS = '''
"""What the shop looks at."""

import ibis

from lakehouse import model


@model()
def sales(lines):
    """What was sold."""
    return lines.group_by("sku").agg(total=lines.price.sum(), lines=lines.count())


@model()
def best(sales, countries, offers):
    """The best."""
    most = sales.filter(sales.total > 1).order_by(sales.total.desc(), "sku").limit(1)
    named = most.join(countries, most.sku == countries.code).join(offers, most.sku == offers.sku)
    return named.select("sku", "total", "name", "offer", "lines")
'''
SILVER = '''
"""Lines that count."""

from lakehouse import external, model

offers = external("bank.offers", columns={"sku": "string", "offer": "int64"}, path="offers/*.parquet")


@model()
def lines(orders):
    """Orders with a price."""
    return orders.filter(orders.note != "no").select("id", "sku", "price")
'''


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A shop with a seed and a table of others, of which nothing has run."""
    folder = tmp_path_factory.mktemp("shop")
    files = {name: shop.SHOP[name] for name in (shop.TOML, "feeds/__init__.py", shop.ORDERS)}
    files |= {"tables/__init__.py": "", shop.SILVER: SILVER, shop.MARTS: MARTS}
    files |= {"seeds/countries.csv": "code,name\ntea,Tea\n"}
    shop.write(folder, files)
    shop.forget()
    yield lakehouse.open(folder)
    shop.forget()


@pytest.fixture(scope="module")
def lineage(lake):
    return lake.lineage()


@pytest.fixture
def said(lake, capsys, monkeypatch):
    """Runs `lineage`; its exit code, and what it wrote to stdout and to stderr."""

    def command(*arguments):
        monkeypatch.chdir(lake.settings.root)
        code = main(["lineage", *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return command


def test_a_mart_is_traced_to_the_fields_of_its_sources(lineage):
    found = lineage.up([Column("marts.best", "total")])
    assert {str(column) for column, kind in found.items() if kind == "value"} == {
        "marts.sales.total",
        "silver.lines.price",
        "raw.orders.price",
        "source of raw.orders.price",
    }
    assert found[Column("raw.orders", "note")] == "influence"
    assert found[Column("seeds/countries.csv", "code")] == "influence"
    assert found[Column("offers/*.parquet", "sku")] == "influence"
    assert Column("raw.orders", "id") not in found


def test_a_field_is_traced_to_the_marts(lineage):
    found = lineage.down([Column("source of raw.orders", "price")])
    assert found[Column("marts.best", "total")] == "value"
    assert found[Column("marts.best", "name")] == "influence"  # of the best alone


def test_a_count_is_traced_through_the_rows_that_are_counted(lineage):
    made = {"silver.lines": lineage.tables["silver.lines"]}
    made["marts.number"] = TableParents(
        {"n": Parents(influence=frozenset({Column("silver.lines", "*")}))},
        frozenset({Column("silver.lines", "*")}),
    )
    found = Lineage(made).up([Column("marts.number", "n")])
    assert found[Column("raw.orders", "note")] == "influence"


def test_what_a_run_adds_to_a_raw_table_comes_from_no_field(lineage):
    assert [e.parent.name for e in lineage.parents("raw.orders", "_run_id")] == ["*"]


def test_it_is_the_same_after_it_was_kept(lineage):
    assert from_json(to_json(lineage)) == lineage


def test_it_is_kept_until_the_code_changes(lake, lineage, monkeypatch):
    monkeypatch.setattr("lakehouse.lineage.project.of", lambda _: pytest.fail("it was made anew"))
    assert lake.lineage() == lineage


def test_a_column_says_up_and_down(said):
    code, text, _ = said("sales.total")
    assert code == 0
    assert text == (
        "marts.sales.total\n\nup\n  silver.lines\n    value      price\n    influence  sku\n"
        "  raw.orders\n    value      price\n    influence  sku, note\n"
        "  source of raw.orders\n    value      price\n    influence  note, sku\n\n"
        "down\n  marts.best\n    value      total\n    influence  every column\n"
    )


@pytest.mark.parametrize(("way", "other"), [("--up", "down"), ("--down", "up")])
def test_one_way_may_be_asked_for(said, way, other):
    assert other not in said("marts.sales.total", way)[1].split()


def test_a_table_says_of_what_each_column_is_made(said):
    text = said("sales", "--up")[1]
    assert "  total\n    value      silver.lines: price\n  lines\n" in text
    assert text.endswith("  which rows it has\n    influence  silver.lines: sku\n")


def test_no_line_is_longer_than_a_terminal_is_wide(said):
    assert max(map(len, said("marts.best")[1].splitlines())) <= 80


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("marts.bset", "did you mean 'marts.best'?"),
        ("bset.total", "did you mean 'best'?"),
        ("best.totl", "did you mean 'total'?"),
        ("marts.best.totl", "marts.best has no column 'totl'"),
        ("seeds.countries.*", "seeds.countries has no column '*'"),
    ],
)
def test_an_unknown_name_is_told_with_one_that_is_alike(said, name, told):
    code, text, error = said(name)
    assert (code, text) == (COULD_NOT_RUN, "")
    assert told in error


@pytest.mark.parametrize("suffix", ["svg", "html", "json", "mmd", "dot"])
def test_a_file_has_what_was_traced_and_no_more(said, tmp_path, suffix):
    path = tmp_path / f"lineage.{suffix}"
    assert said("sales.total", "--up", "-o", str(path))[0] == 0
    text = path.read_text()
    assert "source of raw.orders" in text
    assert "price" in text
    assert "payload" not in text
    assert "marts.best" not in text


@pytest.mark.parametrize("file", ["nowhere/lineage.json", "nowhere/lineage.svg", "lineage.gif"])
def test_a_file_that_cannot_be_written_is_told(said, file):
    code, _, error = said("sales", "-o", file)
    assert code == COULD_NOT_RUN
    assert "there is no folder nowhere" in error or "no format has the suffix '.gif'" in error


def test_the_picture_of_the_dag_has_columns_and_links(lake):
    picture = lake.dag(columns=True)
    boxes = {box.id: box for box in picture.boxes}
    assert boxes["sales"].columns == ("sku", "total", "lines")
    links = {(*link.source, *link.target): link.is_value for link in picture.links}
    assert links["lines", "price", "sales", "total"] is True
    assert links["lines", "sku", "sales", ""] is False
    assert ("sales", "best") not in picture.edges
    assert ("orders__validate", "orders") in picture.edges


def test_a_selection_has_the_columns_of_its_tables_alone(lake):
    picture = lake.dag(select="sales+", columns=True)
    assert {box.id for box in picture.boxes if box.columns} == {"sales", "best"}
    assert {link.source.box for link in picture.links} == {"sales"}


def test_a_notebook_shows_the_picture_in_its_own_size(lake):
    shown = lake.dag()._repr_html_()
    assert shown.startswith('<div style="overflow:auto"><img ')
    assert "max-width:none" in shown
    assert lake.dag()._repr_svg_().startswith("<svg ")


def test_lineage_needs_no_more_than_what_is_compiled(lake):
    with lake._session() as session:
        assert of(session.compiled) == lake.lineage()
