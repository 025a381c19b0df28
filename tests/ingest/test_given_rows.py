"""An ingestion gives back rows in any form, yielded or returned: all arrive as the source has them."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import ibis.expr.datatypes as dt
import pandas as pd
import pandera.ibis
import polars as pl
import pyarrow as pa
import pytest
from given import Given
from toy import Events, at

from lakehouse import SourceError, Unread
from lakehouse.errors import ProjectError
from lakehouse.ingest import dict_pages

ROWS = [
    {"id": "a", "value": 1, "at": at(0)},
    {"id": "b", "value": 2, "at": at(0, 13)},
]
EMPTY = {"id": [], "value": [], "at": []}
SCHEMA = pa.schema({"id": pa.string(), "value": pa.int64(), "at": pa.timestamp("us", "UTC")})
TABLE = pa.Table.from_pylist(ROWS, SCHEMA)


@pytest.fixture
def home(tmp_path, database, engine):
    return Given(tmp_path, database, None, engine)


def in_pages(rows):
    for row in rows:
        yield [row]


class Document:
    """As pydantic's models are: something with `model_dump`."""

    def __init__(self, row):
        self.row = row

    def model_dump(self):
        return self.row


FORMS = {
    "table": lambda: TABLE,
    "batches": lambda: TABLE.to_batches(max_chunksize=1),
    "batch": lambda: TABLE.to_batches()[0],
    "reader": lambda: TABLE.to_reader(max_chunksize=1),
    "list of dicts": lambda: ROWS,
    "tuple of dicts": lambda: tuple(ROWS),
    "generator of dicts": lambda: iter(ROWS),
    "pages of dicts": lambda: in_pages(ROWS),
    "generator of generators": lambda: (in_pages([row]) for row in ROWS),
    "pandas": TABLE.to_pandas,
    "pandas with an index": lambda: TABLE.to_pandas().set_index("id"),
    "polars": lambda: pl.from_arrow(TABLE),
    "documents": lambda: [Document(row) for row in ROWS],
    "several forms": lambda: iter([TABLE.slice(0, 1), ROWS[1]]),
}


def yielded(give):
    """An ingestion that yields what another one returns."""

    def generator(window):
        yield give(window)

    return generator


@pytest.mark.parametrize("way", [lambda give: give, yielded], ids=["returned", "yielded"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.sample(2, long=24)
def test_rows_arrive_in_any_form(home, form, way):
    home.change(give=way(lambda _: FORMS[form]()))
    home.run(0)
    assert list(home.raw().values()) == ROWS


@pytest.mark.long
def test_one_dict_is_one_row(home):
    home.change(give=lambda _: ROWS[0])
    home.run(0)
    assert list(home.raw().values()) == ROWS[:1]


@pytest.mark.long
def test_a_reading_without_windows_takes_any_form(home):
    home.change(give=lambda: ROWS, time_column=None)
    home.run(0)
    assert list(home.raw().values()) == ROWS


@pytest.mark.parametrize(
    "nothing",
    [
        [],
        iter(()),
        pa.table(EMPTY),
        pd.DataFrame(EMPTY),
        pl.DataFrame(EMPTY),
        SCHEMA.empty_table().to_reader(),
    ],
    ids=lambda each: type(each).__name__,
)
@pytest.mark.sample(1)
def test_nothing_is_fine(home, nothing):
    home.change(give=lambda _: nothing)
    home.run(0)
    assert home.rows("raw.events") == []


@pytest.mark.long
def test_many_dicts_become_pages_of_bounded_size(home, monkeypatch):
    monkeypatch.setattr(dict_pages, "ROWS", 2)
    monkeypatch.setattr("lakehouse.ingest.given_rows.ROWS", 2)
    seen = []
    stage = home.staging

    def staging(pages, **where):
        kept = {name: list(each) for name, each in pages.items()}
        seen.extend(page.num_rows for each in kept.values() for page in each)
        return stage(kept, **where)

    home.staging = staging
    home.change(give=lambda _: [{**ROWS[0], "id": str(number)} for number in range(5)])
    home.run(0)
    assert seen == [2, 2, 1]
    assert len(home.raw()) == 5


@pytest.mark.long
def test_the_last_dict_of_a_key_wins_also_after_a_table(home):
    home.change(give=lambda _: iter([ROWS[0], TABLE, {**ROWS[0], "value": 7}]))
    home.run(0)
    assert home.raw()["a"]["value"] == 7


@pytest.mark.long
def test_an_index_of_pandas_without_a_name_is_no_column(home):
    frame = TABLE.to_pandas().sort_values("value", ascending=False)
    home.change(give=lambda _: frame[frame.value > 1], schema=Events)
    home.run(0)
    with home.session as session:
        fields = session.catalog.tables("main")["raw.events"].state.fields
    assert set(fields) == {"id", "value", "at"}


@pytest.mark.long
def test_values_of_several_types_in_a_column_of_pandas_are_taken_one_by_one(home):
    frame = pd.DataFrame({"id": ["a", "b", "c"], "value": [1, "x", None], "at": [at(0)] * 3})
    home.change(give=lambda _: frame)
    home.run(0)
    assert home.raw()["a"]["value"] == 1
    assert home.rejected()["b"]["reasons"] == "value: x is not a whole number of 64 bits"
    assert home.rejected()["c"]["reasons"] == "value is missing"


@pytest.mark.long
def test_a_key_that_cannot_be_read_is_told_among_dicts(home):
    unread = Unread({"id": "b"}, "no answer")
    home.change(give=lambda _: iter([ROWS[0], unread]))
    report = home.run(0)
    assert [*home.raw()] == ["a"]
    assert [each.message for each in report.unread] == ["no answer"]


@pytest.mark.long
def test_an_empty_answer_beside_an_unread_key_is_an_answer(home):
    home.change(give=lambda _: iter([[], Unread({"id": "b"}, "no answer")]))
    home.run(0)
    assert home.rows("raw.events") == []


@pytest.mark.long
def test_unread_keys_alone_are_an_error(home):
    home.change(give=lambda _: [Unread({"id": "b"}, "no answer")])
    with pytest.raises(SourceError, match=r"nothing of raw\.events could be read"):
        home.run(0)


class Nested(Events):
    value: float
    lines: dt.Array(dt.Struct({"sku": dt.string, "price": dt.float64, "sold": dt.Timestamp("UTC")}))
    tags: dt.Array(dt.string) = pandera.ibis.Field(nullable=True)
    address: dt.Struct({"zip": dt.string, "lat": dt.Decimal(9, 6)}) = pandera.ibis.Field(
        nullable=True
    )
    extra: dt.JSON = pandera.ibis.Field(nullable=True)
    note: str = pandera.ibis.Field(nullable=True)
    counts: dt.Map(dt.string, dt.int64) = pandera.ibis.Field(nullable=True)


ORDER = {
    "id": "a",
    "value": 3,
    "at": "2024-03-01T12:00:00Z",
    "lines": [{"sku": "tea", "price": 2, "sold": "2024-03-01T12:00:00+02:00"}, {"sku": 7}],
    "tags": ["x", None],
    "address": {"zip": "10115", "lat": 52.5},
    "extra": {"b": [1, None, {"größe": 1.5}]},
    "note": {"deep": [1]},
    "counts": {"x": 1},
    "nobody": "declared this",
}


@pytest.mark.long
def test_nested_fields_keep_their_structure(home):
    home.change(give=lambda _: [ORDER], schema=Nested)
    home.run(0)
    (row,) = home.raw().values()
    sold = datetime(2024, 3, 1, 10, tzinfo=UTC)
    assert row["lines"] == [
        {"sku": "tea", "price": 2.0, "sold": sold},
        {"sku": "7", "price": None, "sold": None},
    ]
    assert row["tags"] == ["x", None]
    assert row["address"] == {"zip": "10115", "lat": Decimal("52.5")}
    assert json.loads(row["extra"]) == ORDER["extra"]
    assert json.loads(row["note"]) == {"deep": [1]}
    assert dict(row["counts"]) == {"x": 1}


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        ("address", {"zip": "1", "lat": 1, "unknown": 2}),
        ("address", {"zip": "1", "lat": "north"}),
        ("address", [1]),
        ("tags", {"a": 1}),
        ("lines", [{"sku": "a", "price": "two"}]),
        ("lines", [{"sku": "a", "sold": "yesterday"}]),
        ("counts", {"x": 1.5}),
    ],
)
@pytest.mark.sample(1)
def test_a_nested_field_of_another_structure_is_rejected_and_its_neighbours_are_kept(
    home, name, odd
):
    home.change(give=lambda _: [ORDER, {**ORDER, "id": "b", name: odd}], schema=Nested)
    home.run(0)
    assert [*home.raw()] == ["a"]
    rejected = home.rejected()
    assert rejected["b"]["reasons"].startswith(f"{name}: ")
    assert json.loads(rejected["b"]["payload"]) == {**ORDER, "id": "b", name: odd}
    home.change(give=lambda _: [ORDER], schema=Nested)
    home.run(0)
    assert home.raw()["a"]["lines"][0]["price"] == 2.0


class Whole(Events):
    payload: str


@pytest.mark.long
def test_the_payload_is_the_whole_document(home):
    row = {**ROWS[0], "Extra Field": [1, {"x": None}], "at": "2024-03-01T12:00:00Z"}
    home.change(give=lambda _: [row], schema=Whole)
    home.run(0)
    assert json.loads(home.raw()["a"]["payload"]) == row


@pytest.mark.long
def test_a_payload_of_the_sources_own_stays(home):
    home.change(give=lambda _: [{**ROWS[0], "payload": "as it came"}], schema=Whole)
    home.run(0)
    assert home.raw()["a"]["payload"] == "as it came"


@pytest.mark.long
def test_the_payload_of_a_table_is_its_row(home):
    home.change(give=lambda _: TABLE.append_column("more", [["x", "y"]]), schema=Whole)
    home.run(0)
    payload = json.loads(home.raw()["b"]["payload"])
    assert (payload["id"], payload["value"], payload["more"]) == ("b", 2, "y")


class Snake(Events):
    unit_price: dt.Decimal(12, 2)
    http_status: int = pandera.ibis.Field(nullable=True)


CAMEL = {"id": "a", "value": 1, "at": at(0), "unitPrice": 1.25, "HTTPStatus": 200}


@pytest.mark.parametrize(
    "form", [lambda: [CAMEL], lambda: pa.Table.from_pylist([CAMEL])], ids=["dicts", "table"]
)
@pytest.mark.sample(1)
def test_names_in_snake_case_where_it_is_declared(home, form):
    home.change(give=lambda _: form(), schema=Snake, naming="snake_case")
    home.run(0)
    row = home.raw()["a"]
    assert (row["unit_price"], row["http_status"]) == (Decimal("1.25"), 200)


class Camel(Events):
    unitPrice: float  # noqa: N815 - as the source writes it


@pytest.mark.long
def test_names_stay_as_the_source_writes_them(home):
    home.change(give=lambda _: [CAMEL], schema=Camel)
    home.run(0)
    assert home.raw()["a"]["unitPrice"] == 1.25


@pytest.mark.long
def test_a_payload_keeps_the_names_of_the_source(home):
    class WholeSnake(Snake):
        payload: str

    row = {**CAMEL, "at": "2024-03-01T12:00:00Z"}
    home.change(give=lambda _: [row], schema=WholeSnake, naming="snake_case")
    home.run(0)
    assert json.loads(home.raw()["a"]["payload"]) == row


@pytest.mark.long
def test_a_rejected_row_is_taken_when_the_schema_takes_it(home):
    class Lenient(Snake):
        unit_price: str

    home.change(give=lambda _: [{**CAMEL, "unitPrice": "dear"}], schema=Snake, naming="snake_case")
    home.run(0)
    assert home.rejected().keys() == {"a"}
    home.change(give=lambda _: [], schema=Lenient, naming="snake_case")
    home.retry()
    assert home.raw()["a"]["unit_price"] == "dear"


@pytest.mark.long
def test_what_pandas_calls_missing_is_missing_also_when_it_is_judged_again(home):
    class Noted(Events):
        note: str = pandera.ibis.Field(nullable=True)

    class Texts(Noted):
        value: str

    row = {"id": "a", "value": "dear", "at": at(0), "note": float("nan")}
    home.change(give=lambda _: [row], schema=Noted)
    home.run(0)
    home.change(give=lambda _: [], schema=Texts)
    home.retry()
    assert home.raw()["a"]["note"] is None


@pytest.mark.long
def test_new_fields_of_dicts_are_told(home):
    home.change(give=lambda _: [ROWS[0]])
    home.run(0)
    home.change(give=lambda _: [{**ROWS[1], "mood": "fine"}])
    report = home.run(0)
    assert "new fields of the source: mood (not kept: declare them, or a `payload`)" in str(
        report.nodes
    )


class Wrong:
    """Rows of a type that nobody knows."""

    def __repr__(self):
        return "s3cret"


def both_names(_):
    return [{**CAMEL, "unit_price": 1}]


WRONG = [
    ("gave back None", lambda _: None, {}),
    ("yielded Wrong, which holds no rows", lambda _: Wrong(), {}),
    ("yielded Wrong, which holds no rows", lambda _: [Wrong()], {}),
    ("yielded str, which holds no rows", lambda _: "rows", {}),
    ("yielded bytes, which holds no rows", lambda _: [b"rows"], {}),
    ("yielded int, which holds no rows", lambda _: iter([1]), {}),
    ("yielded Series, which holds no rows", lambda _: pl.Series([1]), {}),
    ("yielded LazyFrame, which holds no rows", lambda _: pl.LazyFrame({"id": [1]}), {}),
    ("yielded 'value' as complex, which no file", lambda _: [{**ROWS[0], "value": 1j}], {}),
    ("yielded 'more' as Wrong, which no file", lambda _: [{**ROWS[0], "more": Wrong()}], {}),
    ("yielded 'more' as set, which no file", lambda _: [{**ROWS[0], "more": [{1}]}], {}),
    ("with the field 1, whose name is no text", lambda _: [{**ROWS[0], 1: 1}], {}),
    ("'unitPrice' and 'unit_price', both 'unit_price'", both_names, {"naming": "snake_case"}),
    ("two columns 'v'", lambda _: pa.table([[1], [2]], names=["v", "v"]), {}),
]


@pytest.mark.parametrize(("told", "give", "options"), WRONG, ids=[*map(str, range(len(WRONG)))])
@pytest.mark.sample(1)
def test_what_holds_no_rows_is_told_with_its_place_and_main_stays(home, told, give, options):
    home.change(give=lambda _: ROWS)
    home.run(0)
    head = home.head()
    home.change(give=give, **options)
    with pytest.raises(ProjectError, match=told) as error:
        home.run(0)
    assert "tests/helpers/given.py:" in error.value.message
    assert " in events: raw.events " in error.value.message
    assert "\n" not in error.value.message
    assert "s3cret" not in str(error.value)
    assert error.value.hint
    assert error.value.exit_code == 2
    assert home.head() == head


@pytest.mark.long
def test_a_day_is_no_instant_of_another_zone(home):
    home.change(give=lambda _: [{**ROWS[0], "at": date(2024, 3, 1)}])
    home.run(0)
    assert home.raw()["a"]["at"] == at(0, 0)


class Tagged(Events):
    tags: dt.Array(dt.string) = pandera.ibis.Field(nullable=True)


@pytest.mark.long
def test_a_table_with_lists_grows_month_by_month(home):
    days = (0, 40)
    rows = [{"id": f"{day}", "value": 1, "at": at(day), "tags": ["a"]} for day in days]
    home.change(give=lambda w: [r for r in rows if w.start <= r["at"] < w.end], schema=Tagged)
    for day in days:
        home.run(day)
    assert [row["tags"] for row in home.raw().values()] == [["a"], ["a"]]
