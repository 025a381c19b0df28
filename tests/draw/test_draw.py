"""Drawing a pipeline: every format through `draw()`, and the places of things by the layout."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lakehouse.draw import Box, Picture, draw
from lakehouse.draw.curves import Curve, Point
from lakehouse.draw.layout import Layout, Placed, place
from lakehouse.draw.picture import KINDS
from lakehouse.draw.shapes import ICONS
from lakehouse.draw.theme import STYLES
from lakehouse.errors import ConfigError

SVG = "{http://www.w3.org/2000/svg}"
FORMATS = ("svg", "html", "png", "mmd", "dot")
TEXTS = ("svg", "html", "mmd", "dot")


def pipeline() -> Picture:
    """The shape of a real pipeline: one source, two tables, six marts, checks and a commit."""
    boxes = [Box("nightscout", "nightscout", "source", "resource", "3 sites")]
    edges: list[tuple[str, str]] = []
    for table in ("glucose_entries", "sites"):
        steps = [Box(f"{table}.{step}", step, "raw", step, table) for step in KINDS[1:4]]
        boxes += [*steps, Box(f"raw.{table}", f"raw.{table}", "raw", "merge", "key site, _id")]
        edges += pairwise(("nightscout", *(step.id for step in steps), f"raw.{table}"))
    boxes += [
        Box("stg", "stg_glucose_entries", "bronze", "view", "view", "Readings, typed."),
        Box("fct", "fct_glucose_readings", "silver", "incremental", "incremental · day"),
        Box("dim_date", "dim_date", "gold", "table", "table"),
        Box("readings", "mrt_glucose_readings", "gold", "incremental", "incremental · day"),
    ]
    boxes.append(Box("countries", "countries", "raw", "copy", "seed"))
    edges.append(("countries", "stg"))
    edges += [("raw.glucose_entries", "stg"), ("raw.sites", "stg"), ("stg", "fct")]
    edges += [("fct", "dim_date"), ("fct", "readings")]
    for mart in ("overview", "hourly_patterns", "overnight", "episodes", "agp", "periods"):
        kind = "incremental" if mart == "episodes" else "table"
        boxes.append(Box(mart, f"mrt_glucose_{mart}", "marts", kind, kind, "One row a site."))
        edges.append(("fct", mart))
    edges += [("agp", "periods"), ("overview", "periods"), ("dim_date", "overview")]
    for table, layer, name in (
        ("raw.glucose_entries", "raw", "sgv_in_range"),
        ("fct", "silver", "fct_is_unique"),
        ("readings", "gold", "readings_per_day"),
        ("overview", "marts", "overview_has_rows"),
    ):
        boxes.append(Box(name, name, layer, "check", "blocking"))
        edges.append((table, name))
    kept = ("merge", "view", "table", "incremental", "check")
    edges += [(box.id, "audit") for box in boxes if box.kind in kept]
    boxes.append(Box("audit", "audit", "catalog", "audit", "all checks"))
    edges.append(("audit", "main"))
    boxes.append(Box("main", "main", "catalog", "commit", "one commit"))
    boxes.append(Box("postgres", "postgres marts", "postgres", "publication", "6 tables"))
    return Picture("glucose pipeline", tuple(boxes), (*edges, ("main", "postgres")))


@st.composite
def pictures(drawn: st.DrawFn) -> Picture:
    """Any picture: edges lead from earlier boxes to later ones, layers come as they come."""
    boxes = tuple(
        Box(
            str(number),
            drawn(st.text("aW_.<&血\x07 ", max_size=24)),
            drawn(st.sampled_from(["raw", "silver", "gold", "a layer with a long name", ""])),
            drawn(st.sampled_from(KINDS)),
            drawn(st.sampled_from(["", "incremental · day"])),
        )
        for number in range(drawn(st.integers(0, 14)))
    )
    pairs = [(left.id, right.id) for left, right in combinations(boxes, 2)]
    edges = drawn(st.lists(st.sampled_from(pairs), max_size=30)) if pairs else []
    return Picture("any", boxes, tuple(edges))


def drawn_as(suffix: str, picture: Picture, folder: Path) -> bytes:
    path = folder / f"picture.{suffix}"
    draw(picture, path)
    return path.read_bytes()


def sample(curve: Curve) -> list[Point]:
    """Points along the curve, close enough to look smooth."""
    points = [curve[0]]
    for at in range(0, len(curve) - 1, 3):
        piece = curve[at : at + 4]
        points += [along(piece, step / 24) for step in range(1, 25)]
    return points


def along(piece: Curve, share: float) -> Point:
    """The point of one piece at a `share` of its way."""
    while len(piece) > 1:
        piece = tuple(
            (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)
            for start, end in pairwise(piece)
        )
    return piece[0]


def overlapping(layout: Layout) -> list[tuple[str, str]]:
    """Pairs of boxes that share room."""

    def apart(a: Placed, b: Placed) -> bool:
        beside = a.x + a.width <= b.x or b.x + b.width <= a.x
        return beside or a.y + a.height <= b.y or b.y + b.height <= a.y

    return [(a.box.id, b.box.id) for a, b in combinations(layout.boxes, 2) if not apart(a, b)]


def crossed(layout: Layout) -> list[tuple[str, str, str]]:
    """Edges that run across a box, with that box."""
    return [
        (route.source.box, route.target.box, placed.box.id)
        for route in layout.routes
        for placed in layout.boxes
        for x, y in sample(route.curve)
        if placed.x < x < placed.x + placed.width and placed.y < y < placed.y + placed.height
    ]


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        draw(pipeline(), tmp_path / "nowhere" / "picture.svg")


@pytest.mark.parametrize("name", ["picture.jpg", "picture"])
def test_an_unknown_suffix_is_refused_with_those_that_are_known(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        draw(pipeline(), tmp_path / name)
    assert ".svg, .html, .mmd, .dot, .png" in caught.value.hint
    assert not (tmp_path / name).exists()


def test_a_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    assert drawn_as("SVG", pipeline(), tmp_path) == drawn_as("svg", pipeline(), tmp_path)


@pytest.mark.sample(1)
@pytest.mark.parametrize("suffix", FORMATS)
def test_the_same_picture_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    assert drawn_as(suffix, pipeline(), tmp_path) == drawn_as(suffix, pipeline(), tmp_path)


@pytest.mark.parametrize("suffix", TEXTS)
def test_every_label_note_and_layer_is_in_the_text(tmp_path: Path, suffix: str) -> None:
    text = drawn_as(suffix, pipeline(), tmp_path).decode()
    for box in pipeline().boxes:
        assert {word for word in (box.label, box.note, box.layer) if word not in text} == set()


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_picture_without_boxes_can_be_drawn(tmp_path: Path, suffix: str) -> None:
    assert drawn_as(suffix, Picture("", (), ()), tmp_path)


@pytest.mark.parametrize("suffix", FORMATS)
def test_names_in_other_scripts_can_be_drawn(tmp_path: Path, suffix: str) -> None:
    box = Box("é", "größe_血糖 \ud800\x00", "층", "table", "π", "naïve")
    assert drawn_as(suffix, Picture("Überblick", (box,), ()), tmp_path)


def test_svg_is_xml_with_one_group_for_every_box_and_edge(tmp_path: Path) -> None:
    root = ET.fromstring(drawn_as("svg", pipeline(), tmp_path))
    classes = [group.get("class") for group in root.iter(f"{SVG}g")]
    groups = [each.split()[0] for each in classes if each]
    assert groups.count("box") == len(pipeline().boxes)
    assert groups.count("edge") == len(pipeline().edges)


def test_svg_names_the_picture_and_gives_every_box_a_tooltip(tmp_path: Path) -> None:
    root = ET.fromstring(drawn_as("svg", pipeline(), tmp_path))
    titles = [title.text for title in root.iter(f"{SVG}title")]
    assert titles[0] == "glucose pipeline"
    assert "stg_glucose_entries\nview · bronze\nReadings, typed." in titles
    assert root.findtext(f"{SVG}desc")


def test_svg_has_colours_for_dark_screens_and_a_ground_of_its_own(tmp_path: Path) -> None:
    text = drawn_as("svg", pipeline(), tmp_path).decode()
    assert "prefers-color-scheme:dark" in text
    assert 'class="ground"' in text


def test_every_kind_has_a_look_and_an_icon() -> None:
    assert set(KINDS) == set(STYLES) == set(ICONS)


def test_the_legend_holds_the_kinds_that_occur_and_no_other(tmp_path: Path) -> None:
    boxes = (Box("a", "a", "raw", "merge"), Box("b", "b", "gold", "table"))
    root = ET.fromstring(drawn_as("svg", Picture("two", boxes, (("a", "b"),)), tmp_path))
    keys = [
        group.findtext(f"{SVG}text")
        for group in root.iter(f"{SVG}g")
        if group.get("class", "").startswith("key")
    ]
    assert keys == ["merge", "table"]


HOSTILE = Box("<a>&\"'", "<b>&\"'`#\\]", '<i>layer"', "table", "</title>", "</script><script>x()")


def test_svg_reads_back_markup_in_names_as_text(tmp_path: Path) -> None:
    root = ET.fromstring(drawn_as("svg", Picture("<t>&", (HOSTILE,), ()), tmp_path))
    texts = {text.text for text in root.iter(f"{SVG}text")}
    assert {"<t>&", HOSTILE.label, HOSTILE.note, HOSTILE.layer} <= texts
    (group,) = (each for each in root.iter(f"{SVG}g") if each.get("data-id"))
    assert (group.get("data-id"), group.get("data-doc")) == (HOSTILE.id, HOSTILE.doc)


def test_html_holds_no_markup_from_names(tmp_path: Path) -> None:
    text = drawn_as("html", Picture("</title><script>", (HOSTILE,), ()), tmp_path).decode()
    assert text.count("<script>") == 1
    assert "<b>" not in text
    assert "<i>" not in text


def test_html_asks_for_nothing_from_the_network(tmp_path: Path) -> None:
    text = drawn_as("html", pipeline(), tmp_path).decode()
    assert set(re.findall(r"https?://[^\"'\s]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<link|<img|src=|@import|url\(|fetch\(", text)


def test_mermaid_writes_markup_in_names_as_character_codes(tmp_path: Path) -> None:
    text = drawn_as("mmd", Picture("t", (HOSTILE,), ()), tmp_path).decode()
    assert 'n0["#60;b#62;#38;#34;\'#96;#35;#92;]<br/>#60;/title#62;"]:::table' in text


def test_mermaid_groups_by_layer_and_links_by_edge(tmp_path: Path) -> None:
    lines = drawn_as("mmd", pipeline(), tmp_path).decode().splitlines()
    assert "flowchart LR" in lines
    assert sum("subgraph" in line for line in lines) == len(pipeline().layers)
    assert sum("-->" in line for line in lines) == len(pipeline().edges)


def test_dot_escapes_quotes_and_backslashes(tmp_path: Path) -> None:
    box = Box('say "a\\b"', "label", "raw", "table")
    text = drawn_as("dot", Picture("t", (box,), ()), tmp_path).decode()
    assert '"say \\"a\\\\b\\"" [label="label"' in text


def test_dot_runs_left_to_right_with_a_cluster_for_every_layer(tmp_path: Path) -> None:
    text = drawn_as("dot", pipeline(), tmp_path).decode()
    assert "rankdir=LR" in text
    assert text.count("subgraph cluster_") == len(pipeline().layers)
    assert text.count(" -> ") == len(pipeline().edges)


@pytest.mark.long
def test_png_is_twice_the_size_of_the_layout(tmp_path: Path) -> None:
    draw(pipeline(), tmp_path / "picture.png")
    layout = place(pipeline())
    with Image.open(tmp_path / "picture.png") as image:
        assert image.size == (2 * layout.width, 2 * layout.height)


@pytest.mark.long
def test_png_shows_every_box_in_the_colour_of_its_kind(tmp_path: Path) -> None:
    draw(pipeline(), tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as image:
        found = {
            placed.box.kind: image.getpixel((int(2 * placed.x) + 22, int(2 * placed.y) + 22))
            for placed in place(pipeline()).boxes
        }
    assert set(found) == set(KINDS)
    assert len(set(found.values())) == len(KINDS)


@pytest.mark.long
def test_png_writes_names_of_european_scripts_whatever_fonts_the_machine_has(
    tmp_path: Path,
) -> None:
    def written(label: str) -> bytes:
        picture = Picture("", (Box("a", label, "", "table"),), ())
        draw(picture, tmp_path / "picture.png")
        left, base = place(picture).boxes[0].baselines[0]
        area = tuple(round(2 * edge) for edge in (left, base - 10, left + 7, base + 3))
        with Image.open(tmp_path / "picture.png") as image:
            return image.convert("RGB").crop(area).tobytes()

    assert len({written(letter) for letter in (" ", "g", "ß", "д", "μ", "\ue000")}) == 6


def test_columns_follow_the_longest_path() -> None:
    boxes = tuple(Box(name, name, "gold", "table") for name in "abcd")
    edges = (("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("a", "d"))
    columns = {placed.box.id: placed.column for placed in place(Picture("", boxes, edges)).boxes}
    assert columns == {"a": 0, "b": 1, "c": 2, "d": 3}


def test_every_layer_of_the_pipeline_has_a_band_of_its_own() -> None:
    bands = place(pipeline()).bands
    assert [band.name for band in bands] == [*pipeline().layers, "checks"]
    layers = bands[:-1]
    assert all(left.x + left.width < right.x for left, right in pairwise(layers))


def test_layers_that_read_from_each_other_get_no_band() -> None:
    boxes = (
        *(Box(name, name, "one", "table") for name in "ac"),
        *(Box(name, name, "two", "table") for name in "bd"),
    )
    layout = place(Picture("", boxes, (("a", "b"), ("b", "c"), ("c", "d"))))
    assert layout.bands == ()


def test_a_chain_is_a_level_line() -> None:
    boxes = tuple(Box(name, name, name, "table", "note" * (name == "b")) for name in "abc")
    layout = place(Picture("", boxes, (("a", "b"), ("b", "c"))))
    assert len({placed.middle for placed in layout.boxes}) == 1


def test_edges_cross_only_where_they_must() -> None:
    boxes = tuple(Box(name, name, "gold", "table") for name in ("a", "b", "y", "x"))
    layout = place(Picture("", boxes, (("a", "x"), ("b", "y"))))
    down = {placed.box.id: placed.middle for placed in layout.boxes}
    assert (down["a"] < down["b"]) == (down["x"] < down["y"])


def test_many_edges_into_a_commit_run_below_all_boxes() -> None:
    layout = place(pipeline())
    lowest = max(placed.y + placed.height for placed in layout.boxes)
    bundled = [route for route in layout.routes if route.bundled]
    assert {route.target.box for route in bundled} == {"audit"}
    assert len({max(y for _x, y in route.curve) for route in bundled}) == 1
    assert max(y for _x, y in bundled[0].curve) > lowest


def test_few_edges_into_a_commit_are_drawn_like_others() -> None:
    boxes = (Box("a", "a", "gold", "table"), Box("main", "main", "catalog", "commit"))
    assert not place(Picture("", boxes, (("a", "main"),))).routes[0].bundled


@pytest.mark.long
def test_no_line_of_the_pipeline_crosses_a_box() -> None:
    assert crossed(place(pipeline())) == []


def test_a_box_is_as_wide_as_its_label_needs() -> None:
    short, long = (
        place(Picture("", (Box("a", label, "gold", "table"),), ())).boxes[0].width
        for label in ("a", "a_long_name_of_a_table_that_no_one_would_choose")
    )
    assert long > short + 200


@given(pictures())
def test_no_two_boxes_overlap(picture: Picture) -> None:
    assert overlapping(place(picture)) == []


@given(pictures())
def test_every_edge_goes_from_left_to_right(picture: Picture) -> None:
    layout = place(picture)
    at = {placed.box.id: placed for placed in layout.boxes}
    for source, target in picture.edges:
        assert at[source].x + at[source].width < at[target].x
    for route in layout.routes:
        assert all(a[0] <= b[0] for a, b in pairwise(sample(route.curve)))


@pytest.mark.long
@given(pictures())
def test_no_line_crosses_a_box(picture: Picture) -> None:
    assert crossed(place(picture)) == []


@given(pictures())
def test_everything_is_within_the_picture(picture: Picture) -> None:
    layout = place(picture)
    points = [point for route in layout.routes for point in route.curve]
    points += [(box.x, box.y) for box in layout.boxes]
    points += [(box.x + box.width, box.y + box.height) for box in layout.boxes]
    points += [(band.x + band.width, band.y + band.height) for band in layout.bands]
    points += [(key.end, key.y) for key in layout.keys]
    assert all(0 <= x <= layout.width and 0 <= y <= layout.height for x, y in points)


@pytest.mark.long
@given(pictures())
def test_any_picture_is_drawn_as_valid_xml(
    tmp_path_factory: pytest.TempPathFactory, picture: Picture
) -> None:
    ET.fromstring(drawn_as("svg", picture, tmp_path_factory.mktemp("any")))


@pytest.mark.parametrize(
    ("boxes", "edges", "message"),
    [
        ((Box("a", "a", "l", "table"),) * 2, (), "two boxes"),
        ((Box("a", "a", "l", "table"),), (("a", "b"),), "no box 'b'"),
        ((Box("a", "a", "l", "table"),), (("a", "a"),), "in a circle: a → a"),
    ],
)
def test_what_is_no_picture_is_refused(
    boxes: tuple[Box, ...], edges: tuple[tuple[str, str], ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Picture("", boxes, edges)
