"""What sites are put together from: HTML, values, charts, the folder."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from itertools import accumulate
from zoneinfo import ZoneInfo

import altair as alt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.errors import ConfigError, ProjectError
from lakehouse.pages.html import join, script_json, tag
from lakehouse.site import charts
from lakehouse.site.folder import Piece, SiteFolder
from lakehouse.site.pipeline.parts import file_name, size
from lakehouse.site.pipeline.sql_layout import laid_out
from lakehouse.site.values import NOTHING, compact, shown

OSLO = ZoneInfo("Europe/Oslo")
NASTY = '</script><img src=x onerror="alert(1)">&amp;\u2028'
TEXTS = st.one_of(st.text(), st.just(NASTY))


class Seen(HTMLParser):
    """What a browser finds in HTML: elements with their attributes, and text."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def as_stored(text):
    """A text as a file of UTF-8 holds it."""
    return text.encode(errors="replace").decode()


@given(TEXTS, TEXTS)
def test_text_stays_text_in_content_and_in_attributes(content, attribute):
    seen = Seen(tag("p", content, [content], title=attribute))
    assert [name for name, _ in seen.elements] == ["p"]
    assert seen.elements[0][1]["title"] == as_stored(attribute)
    assert seen.text == as_stored(content) * 2


@pytest.mark.long
@given(st.recursive(TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_data_do_not_leave_the_script_that_they_stand_in(value):
    text = script_json(value)
    assert not set(text) & set("<>&\u2028\u2029")
    text.encode()
    if "\\ud" not in text:
        assert json.loads(text) == value


def test_html_that_is_html_is_not_escaped_again():
    assert join(tag("b", "1 < 2")) == "<b>1 &lt; 2</b>"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (None, 1, NOTHING),
        (float("nan"), 1, NOTHING),
        (float("inf"), None, NOTHING),
        (0.25, 1, "0.3"),
        (2.675, 2, "2.68"),
        (-0.04, 1, "0.0"),
        (-1.25, 1, "-1.3"),
        (70.0, None, "70"),
        (70, 1, "70.0"),
        (1e21, None, "1000000000000000000000"),
        (Decimal("1.50"), None, "1.50"),
        (True, None, "yes"),
        (date(2024, 3, 15), None, "2024-03-15"),
        (datetime(2024, 3, 15, 23, 30, tzinfo=UTC), None, "2024-03-16 00:30"),
        (datetime(2024, 3, 15, 23, 30), None, "2024-03-15 23:30"),  # noqa: DTZ001
        (["a", "b"], None, "a, b"),
    ],
)
def test_a_value_is_shown_as_people_read_it(value, digits, text):
    assert shown(value, OSLO, digits) == text


def unpacked(column):
    """The inverse of `compact`, as the script of a page has it."""
    if "v" in column:
        return [None if place is None else column["v"][place] for place in column["d"]]
    if "s" not in column:
        return column["d"]
    present = accumulate(step * column["s"] for step in column["d"] if step is not None)
    return [None if step is None else next(present) for step in column["d"]]


@pytest.mark.parametrize(
    "values",
    [
        st.lists(st.none() | st.integers(-(2**40), 2**40)),
        st.lists(st.sampled_from([-(2**63), 2**63 - 1]) | st.integers(-(2**40), 2**40)),
        st.lists(st.none() | st.text()),
        st.lists(st.none() | st.booleans()),
        st.lists(st.none() | st.sampled_from([1, 2.5, 0.125])),
    ],
    ids=["numbers", "large numbers", "texts", "yes or no", "fractions"],
)
def test_a_column_comes_back_as_it_was(values):
    @given(values)
    def holds(values):
        column = pa.chunked_array([pa.array(values)])
        assert unpacked(json.loads(json.dumps(compact(column)))) == values

    holds()


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        (date(1970, 1, 2), 86_400_000),
        (datetime(1970, 1, 1, 1), 3_600_000),  # noqa: DTZ001
        (time(0, 0, 1, 500_000), 1500),
        (timedelta(minutes=1), 60_000),
    ],
)
def test_times_are_milliseconds_and_local_ones_as_if_of_utc(value, milliseconds):
    assert unpacked(compact(pa.chunked_array([pa.array([value, value])]))) == [milliseconds] * 2


def test_texts_that_are_shown_are_written_as_those_of_rows():
    for texts in ([], ["a"], ["b", "a", "b", "b"], ["a", "b", "a"]):
        assert compact(texts) == compact(pa.chunked_array([pa.array(texts, pa.string())]))


def test_a_column_in_several_pieces_is_one():
    parts = [pa.array([1, 2], pa.int32()), pa.array([], pa.int32()), pa.array([5], pa.int32())]
    assert unpacked(compact(pa.chunked_array(parts))) == [1, 2, 5]
    dates = [pa.array([date(1970, 1, 3)]), pa.array([date(1970, 1, 2)])]
    assert unpacked(compact(pa.chunked_array(dates))) == [172_800_000, 86_400_000]


def test_parts_of_a_millisecond_are_rounded():
    column = pa.array([1_499, 2_600, 4_000]).cast(pa.timestamp("us"))
    assert unpacked(compact(pa.chunked_array([column]))) == [1, 3, 4]


def test_an_instant_is_the_same_in_any_time_zone():
    column = pa.array([60_000_000]).cast(pa.timestamp("us", "Europe/Oslo"))
    assert unpacked(compact(pa.chunked_array([column]))) == [60_000]


def test_a_trace_of_two_years_takes_little_room():
    start = datetime(2024, 1, 1, tzinfo=UTC)
    trace = [start + timedelta(minutes=5 * place) for place in range(10_000)]
    values = [float(40 + place * 37 % 360) for place in range(10_000)]
    text = script_json([compact(pa.chunked_array([pa.array(each)])) for each in (trace, values)])
    assert len(text) < 7 * len(trace)


@pytest.mark.long
def test_a_chart_does_not_depend_on_the_time_zone_of_the_browser():
    chart = (
        alt.Chart()
        .mark_bar()
        .encode(x="yearmonth(day):O", y="sum(value):Q", color="hours(day):Q")
        .transform_calculate(year="year(datum.day) + time(datum.day)")
        .transform_filter("datum.day < datetime(2024, 1, 1)")
    )
    text = json.dumps(charts.drawn(chart, {}, "Days").vega)
    assert '"timezone": "utc"' in text
    assert "utcyear(datum" in text
    assert "utc(2024" in text
    assert " time(datum" in text
    assert "timeFormat(" not in text.replace("utcFormat(", "")
    assert '"type": "time"' not in text


def test_a_chart_knows_what_is_chosen():
    chart = alt.Chart().mark_point().encode(x="value:Q")
    signals = charts.drawn(chart, {"unit": "°C"}, "Values").vega["signals"]
    assert {"name": "unit", "value": "°C"} in signals


def test_a_chart_that_cannot_be_drawn_is_an_error_with_its_title():
    with pytest.raises(ProjectError, match="'Values' cannot be drawn"):
        charts.drawn(alt.Chart().mark_point().encode(x="value"), {}, "Values")


def test_without_the_libraries_the_cure_is_told(monkeypatch):
    monkeypatch.setattr(charts, "find_spec", lambda name: None if name == "vl_convert" else name)
    with pytest.raises(ConfigError) as raised:
        charts.require_libraries()
    assert "lakehouse[site]" in raised.value.hint


SQL = """SELECT "a", COUNT(*) OVER (ORDER BY "b", "c") AS "n, (" FROM (SELECT * FROM t WHERE x = 'FROM (SELECT' AND y IN (SELECT 1)) AS "t1" GROUP BY 1, 2"""


@pytest.mark.parametrize("sql", [SQL, "", ")(", "SELECT 'unfinished", "a, b ) c ("])
def test_sql_in_lines_is_the_same_sql(sql):
    assert laid_out(sql).split() == laid_out(" ".join(sql.split())).split()
    assert "".join(laid_out(sql).split()) == "".join(sql.split())


def test_each_clause_and_column_has_a_line():
    assert laid_out("SELECT a, f(b, c) FROM (SELECT 1 FROM t) AS u").splitlines() == [
        "SELECT a,",
        "  f(b, c)",
        "FROM (",
        "  SELECT 1",
        "  FROM t",
        ") AS u",
    ]


def built(folder, **pieces):
    """Add pieces to the site of a folder: for each a fingerprint and its files."""
    site = SiteFolder(folder)
    for name, (fingerprint, files) in pieces.items():
        site.add(Piece(name, fingerprint, lambda files=files: files))
    return site.finish()


def files(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def test_a_piece_is_made_again_if_its_fingerprint_changed(tmp_path):
    built(tmp_path, a=("1", {"a.html": "old"}), b=("1", {"b.html": "old"}))
    done = built(tmp_path, a=("2", {"a.html": "new"}), b=("1", {"b.html": "not made"}))
    assert files(tmp_path) == {"a.html": "new", "b.html": "old"}
    assert (done.written, done.kept) == (["a.html"], ["b.html"])


def test_a_file_that_is_no_longer_made_disappears_with_its_folder(tmp_path):
    built(tmp_path, a=("1", {"a.html": "", "data/a/1.js": "", "data/a/2.js": ""}))
    done = built(tmp_path, a=("2", {"a.html": "", "data/a/2.js": ""}))
    assert done.removed == ["data/a/1.js"]
    built(tmp_path, b=("1", {"b.html": ""}))
    assert files(tmp_path) == {"b.html": ""}
    assert not (tmp_path / "data").exists()


def test_what_is_lost_is_written_again(tmp_path):
    built(tmp_path, a=("1", {"a.html": "whole"}))
    (tmp_path / "a.html").unlink()
    built(tmp_path, a=("1", {"a.html": "whole"}))
    assert files(tmp_path) == {"a.html": "whole"}


def test_a_build_that_ended_in_between_is_made_good(tmp_path):
    built(tmp_path, a=("1", {"a.html": "1", "a.js": "1"}))
    (tmp_path / "a.js").write_text("2")  # as if killed after the first file
    built(tmp_path, a=("2", {"a.html": "2", "a.js": "2"}))
    assert files(tmp_path) == {"a.html": "2", "a.js": "2"}


@pytest.mark.parametrize("state", ["", "{", '{"form": 0}', "[]"])
def test_a_damaged_note_of_fingerprints_costs_a_build_and_nothing_else(tmp_path, state):
    built(tmp_path, a=("1", {"a.html": "old"}))
    (tmp_path / ".lakehouse-site.json").write_text(state)
    built(tmp_path, a=("1", {"a.html": "new"}))
    assert files(tmp_path) == {"a.html": "new"}


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="something else"):
        SiteFolder(tmp_path)
    with pytest.raises(ConfigError, match="is a file"):
        SiteFolder(tmp_path / "thesis.txt")


@pytest.mark.parametrize("name", ["../x", "a/b", "Ä", "", "a" * 300, "UPPER", ".hidden", "a b"])
def test_any_name_has_a_file_of_its_own(name):
    assert "/" not in file_name(name)
    assert not file_name(name).startswith(".")
    assert 0 < len(file_name(name)) <= 121
    assert file_name(name) != file_name(f"{name}x")


@pytest.mark.parametrize(("count", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 KB")])
def test_sizes_are_told_in_units(count, text):
    assert size(count) == text
