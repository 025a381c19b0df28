"""Pictures of tables with columns, and lines from column to column."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from browser import chromium, needs_chromium
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import QUICK

from lakehouse.draw import Box, Picture, draw
from lakehouse.draw.layout import Placed, place
from lakehouse.draw.picture import Link, Port

SVG = "{http://www.w3.org/2000/svg}"
TABLES = (
    Box("raw", "raw.orders", "raw", "merge", "by id", "", ("id", "price")),
    Box("sales", "marts.sales", "marts", "table", "table", "", ("total", "number")),
)
LINKS = (
    Link(Port("raw", "price"), Port("sales", "total"), is_value=True),
    Link(Port("raw", "id"), Port("sales"), is_value=False),
)
SALES = Picture("sales", TABLES, (), LINKS)
HOSTILE = "<b>&\"'`#</script><script>x()"


@st.composite
def pictures(drawn: st.DrawFn) -> Picture:
    """Boxes with columns in layers, and links from earlier boxes to later ones."""
    boxes = tuple(
        Box(
            str(number),
            drawn(st.text("aW_<&", max_size=12)),
            drawn(st.sampled_from(["raw", "silver"])),
            drawn(st.sampled_from(["resource", "merge", "copy", "view", "table", "incremental"])),
            drawn(st.sampled_from(["", "note"])),
            columns=tuple(f"column_{at}" for at in range(drawn(st.integers(0, 6)))),
        )
        for number in range(drawn(st.integers(2, 7)))
    )
    ports = [Port(box.id, column) for box in boxes for column in ("", *box.columns)]
    pairs = [(a, b) for a in ports for b in ports if int(a.box) < int(b.box)]
    linked = drawn(st.lists(st.sampled_from(pairs), max_size=12, unique=True))
    links = tuple(Link(a, b, is_value=drawn(st.booleans())) for a, b in linked)
    return Picture("any", boxes, (), links)


def drawn_as(suffix: str, picture: Picture, folder: Path) -> str:
    path = folder / f"picture.{suffix}"
    draw(picture, path)
    return path.read_text()


def within(placed: Placed, x: float, y: float) -> bool:
    return placed.x < x < placed.x + placed.width and placed.y < y < placed.y + placed.height


@given(pictures())
@QUICK
def test_lines_begin_and_end_beside_their_columns_and_cross_no_box(picture: Picture) -> None:
    layout = place(picture)
    at = {placed.box.id: placed for placed in layout.boxes}
    assert len(layout.routes) == len(picture.links)
    for route in layout.routes:
        start, end = at[route.source.box], at[route.target.box]
        assert route.curve[0] == (start.x + start.width, start.port(route.source.column))
        assert route.tip == (end.x, end.port(route.target.column))
        for placed in layout.boxes:
            assert not any(within(placed, x, y) for x, y in route.curve[::3])


@given(pictures())
@QUICK
def test_columns_are_within_their_box_each_below_the_one_before(picture: Picture) -> None:
    for placed in place(picture).boxes:
        rows = [placed.head, *placed.rows.values(), placed.y + placed.height]
        assert rows == sorted(set(rows))
        assert placed.y < placed.head


def test_value_is_solid_and_influence_dashed(tmp_path: Path) -> None:
    root = ET.fromstring(drawn_as("svg", SALES, tmp_path))
    edges = {
        (group.get("data-from"), group.get("data-to")): group.get("class")
        for group in root.iter(f"{SVG}g")
        if group.get("data-from")
    }
    assert edges == {
        ("raw\tprice", "sales\ttotal"): "edge",
        ("raw\tid", "sales"): "edge influence",
    }
    assert ".influence .line{stroke-dasharray:" in "".join(root.itertext())


def test_the_legend_tells_the_lines_apart(tmp_path: Path) -> None:
    assert {"value", "influence"} <= {*ET.fromstring(drawn_as("svg", SALES, tmp_path)).itertext()}


def test_mermaid_links_the_nodes_of_columns(tmp_path: Path) -> None:
    text = drawn_as("mmd", SALES, tmp_path)
    assert 'subgraph n0["raw.orders · by id"]' in text
    assert "  n0c1 --> n1c0\n  n0c0 -.-> n1\n" in text


def test_graphviz_links_the_rows_of_tables(tmp_path: Path) -> None:
    text = drawn_as("dot", SALES, tmp_path)
    assert '"raw":2:e -> "sales":1:w\n' in text
    assert '"raw":1:e -> "sales":0:w [style=dashed]' in text


@pytest.mark.parametrize("suffix", ["svg", "html", "mmd", "dot"])
def test_markup_in_the_names_of_columns_is_text(tmp_path: Path, suffix: str) -> None:
    box = Box("t", HOSTILE, "raw", "table", columns=(HOSTILE,))
    text = drawn_as(suffix, Picture("t", (box,), ()), tmp_path)
    assert "<b>" not in text
    assert text.count("<script>") == (suffix == "html")
    if suffix == "svg":
        texts = [each.text for each in ET.fromstring(text).iter(f"{SVG}text")]
        assert texts.count(HOSTILE) == 2


def test_a_link_to_a_column_that_is_missing_is_refused() -> None:
    link = Link(Port("raw", "nothing"), Port("sales"), is_value=True)
    with pytest.raises(ValueError, match="'nothing' of 'raw'"):
        Picture("sales", TABLES, (), (link,))


def test_no_text_of_a_picture_is_smaller_than_11_pixels(tmp_path: Path) -> None:
    text = drawn_as("html", SALES, tmp_path)
    assert min(float(size) for size in re.findall(r"font-size:([\d.]+)px", text)) >= 11
    (wide, high), (own_wide, own_high) = (
        re.search(pattern, text).groups()
        for pattern in (
            r'viewBox="0 0 ([\d.]+) ([\d.]+)"',
            r'width="([\d.]+)"\s+height="([\d.]+)"\s+role',
        )
    )
    assert (wide, high) == (own_wide, own_high)


@pytest.mark.long
@needs_chromium
def test_in_a_browser_of_any_width_the_picture_keeps_its_size_and_follows_a_column(
    tmp_path: Path,
) -> None:
    draw(SALES, tmp_path / "picture.html")
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 390, "height": 800})
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto((tmp_path / "picture.html").as_uri())
        smallest = page.evaluate(
            "Math.min(...[...document.querySelectorAll('svg text')].map(text =>"
            " parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a))"
        )
        page.locator(".column", has_text="total").click()
        lit = page.locator(".column.lit").all_text_contents()
        told = page.locator("aside").inner_text()
    assert (smallest >= 11, problems) == (True, [])
    assert sorted(lit) == ["id", "price", "total"]
    assert "value from raw.orders.price\n" in told
    assert "influenced by raw.orders.id\n" in told
