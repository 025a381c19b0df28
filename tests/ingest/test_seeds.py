"""Seeds: each CSV file is a table, exactly as the file is, and a wrong line is told by its number."""

from datetime import UTC, date, datetime

import pytest
from copied import Copied

from lakehouse.declare import seeds
from lakehouse.errors import LakehouseError, ProjectError
from lakehouse.history import main_moves
from lakehouse.records.run_records import RunStatus
from lakehouse.testing.runner import RunModel

COUNTRIES = "code,name,people\nNO,Norway,5500000\nSE,Sweden,10500000\n"
ROWS = [
    {"code": "NO", "name": "Norway", "people": 5500000},
    {"code": "SE", "name": "Sweden", "people": 10500000},
]


@pytest.fixture
def home(tmp_path, database, engine):
    return Copied(tmp_path, database, None, engine)


@pytest.mark.long
def test_a_seed_is_a_table_that_models_read(home):
    home.seed("countries.csv", COUNTRIES)
    home.change("countries")
    home.run(0)
    assert home.rows("seeds.countries") == home.rows("marts.countries_mart") == ROWS
    assert home.published("countries_mart") == ROWS


def test_a_changed_seed_rebuilds_its_children_and_an_unchanged_one_writes_nothing(home):
    home.seed("countries.csv", COUNTRIES)
    home.seed("colours.csv", "name\nred\n")
    home.change("countries", "colours")
    home.run(0)
    before = home.head()
    assert home.go().status is RunStatus.NOTHING_TO_DO
    home.seed("countries.csv", COUNTRIES.replace("\n", "\r\n"))  # other bytes, the same rows
    assert home.go().status is RunStatus.NOTHING_TO_DO
    assert home.head() == before
    home.seed("countries.csv", COUNTRIES + "DK,Denmark,6000000\n")
    report = home.go()
    built = {node.node for node in report.nodes if node.reason == "new data"}
    assert built == {"marts.countries_mart"}
    assert [row["code"] for row in home.published("countries_mart")] == ["DK", "NO", "SE"]


@pytest.mark.long
def test_repeated_rows_count(home):
    home.seed("colours.csv", "name\nred\nred\n")
    home.change("colours")
    home.run(0)
    home.seed("colours.csv", "name\nred\n")
    home.go()
    assert home.rows("marts.colours_mart") == [{"name": "red"}]


@pytest.mark.long
def test_other_columns_replace_the_table(home):
    home.seed("countries.csv", COUNTRIES)
    home.change("countries")
    home.run(0)
    home.seed("countries.csv", "code,joined\nNO,2020-01-02\n")
    home.go()
    row = {"code": "NO", "joined": date(2020, 1, 2)}
    assert home.rows("seeds.countries") == home.published("countries_mart") == [row]


INFERRED = {
    "whole numbers": (["1", "-20", ""], "int64"),
    "a whole number beyond 64 bits": (["1", "99999999999999999999"], "string"),
    "fractions": (["1", "2.50", "-1.5e-7"], "float64"),
    "a whole number that no double holds": (["1.5", "9007199254740993"], "string"),
    "leading zeros": (["007", "12"], "string"),
    "a code that looks like a power of ten": (["1", "12E3"], "string"),
    "truth": (["true", "false"], "boolean"),
    "days": (["2024-02-29", "2023-01-01"], "date"),
    "a day that does not exist": (["2023-02-29"], "string"),
    "days of another form": (["29.02.2024"], "string"),
    "local times": (["2024-02-29 10:00:00", "2024-02-29T10:00:01.5"], "timestamp(6)"),
    "instants": (["2024-02-29T10:00:00Z", "2024-02-29 10:00:00+02:00"], "timestamp('UTC', 6)"),
    "instants and local times": (["2024-02-29T10:00:00Z", "2024-02-29T10:00:00"], "string"),
    "white space": ([" 1", "2"], "string"),
    "a text in the last row alone": ([*["1"] * 30000, "x"], "string"),
    "nothing": (["", ""], "string"),
}


@pytest.mark.long
def test_types_are_inferred_from_all_rows_and_keep_every_value(home):
    for number, (values, _) in enumerate(INFERRED.values()):
        rows = "".join(f"{line},{value}\n" for line, value in enumerate(values))
        home.seed(f"s{number}.csv", f"line,value\n{rows}")
    home.change(*(f"s{number}" for number in range(len(INFERRED))))
    found = [home.types(f"s{number}")["value"] for number in range(len(INFERRED))]
    assert dict(zip(INFERRED, found, strict=True)) == {
        title: kind for title, (_, kind) in INFERRED.items()
    }
    home.run(0)  # each value is of the type that was inferred
    assert [row["value"] for row in home.rows("seeds.s2")] == [1.0, 2.5, -1.5e-7]


@pytest.mark.long
def test_a_file_beside_a_seed_declares_types(home):
    home.seed("prices.csv", "code,price,at\n007,1.10,2024-01-01T00:00:00+02:00\n")
    home.seed("prices.toml", 'price = "decimal(12, 2)"\ncode = "int16"\n')
    home.change("prices")
    assert home.types("prices") == {
        "code": "int32",
        "price": "decimal(12, 2)",
        "at": "timestamp('UTC', 6)",
    }
    home.run(0)
    (row,) = home.rows("seeds.prices")
    assert (row["code"], str(row["price"])) == (7, "1.10")
    assert row["at"] == datetime(2023, 12, 31, 22, tzinfo=UTC)


WRONG = {
    "too many fields": ("a,b\n1,2\n\n3,4,5\n", "", r"s\.csv:4: .*3 fields.* 2 fields"),
    "too few fields": ("a,b\n1\n", "", r"s\.csv:2: .*1 field, .* 2 fields"),
    "a row after one of several lines": ('a,b\n"1\n\n",2\n3\n', "", r"s\.csv:5: .*1 field,"),
    "a header twice": ("a,A\n1,2\n", "", r"s\.csv:1: the column 'A' occurs twice"),
    "a header without a name": ("a,\n1,2\n", "", r"s\.csv:1: '' cannot be"),
    "white space in a header": ("a, b\n1,2\n", "", r"s\.csv:1: ' b' cannot be"),
    "a name of ours": ("a,_part\n1,2\n", "", r"s\.csv: seeds\.s: '_part' is a name"),
    "no header": ("", "", r"s\.csv:1: the file has no header"),
    "semicolons": ("a;b\n1;2\n", "", r"s\.csv:1: the fields are separated by `;`"),
    "tabs": ("a\tb\n1\t2\n", "", r"s\.csv:1: the fields are separated by tabs"),
    "not UTF-8": (b"a,b\n1,\xe6\n", "", r"s\.csv:2: the line is not UTF-8"),
    "a NUL": ("a,b\n1,\0\n", "", r"s\.csv:2: the line holds a NUL"),
    "an open quote": ('a,b\n1,"2\n3,4\n', "", r"s\.csv:2: the row cannot be read"),
    "a quote in a field": ('a,b\n"1"2,3\n', "", r"s\.csv:2: the row cannot be read"),
    "a value of another type": (
        "a,b\n1,2\n3,x\n5,y\n",
        'b = "int64"',
        r"s\.csv:3: a value is no int64, .*'b', as in 2 rows",
    ),
    "a value that is too large": ("a\n40000\n", 'a = "int16"', r"s\.csv:2: a value is no int16"),
    "a type of no column": ("a\n1\n", 'c = "int64"', r"s\.toml: the seed has no column 'c'"),
    "no type": ("a\n1\n", 'a = "integr"', r"s\.toml: the type of 'a' is 'integr', which is no"),
    "no text for a type": ("a\n1\n", "a = 1", r"s\.toml: the type of 'a' is text, got 1"),
    "a type that no table holds": ("a\n1\n", 'a = "decimal(80, 2)"', r"s\.toml: the type of 'a'"),
    "no TOML": ("a\n1\n", "a int64", r"s\.toml: it is no TOML"),
}


@pytest.fixture(scope="module")
def lasting(tmp_path_factory, databases, engine):
    """A home whose seed is right, and has run."""
    with databases.lend() as address:
        home = Copied(tmp_path_factory.mktemp("seeds"), address, None, engine)
        home.seed("s.csv", "a,b\n1,2\n")
        home.change("s")
        home.run(0)
        yield home


@pytest.mark.parametrize("title", WRONG)
def test_a_wrong_seed_is_told_with_its_line_and_main_stays(lasting, title):
    text, types, told = WRONG[title]
    before = lasting.head()
    lasting.seed("s.csv", text)
    lasting.seed("s.toml", types)
    with pytest.raises(ProjectError, match=told) as caught:
        lasting.go()
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert lasting.head() == before


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Two Words.csv", "Two Words.csv: the name of a seed is a name in snake case"),
        ("big.CSV", "big.CSV: the file ends with '.CSV'"),
        ("lone.toml", "lone.toml: it gives types to lone.csv, which does not exist"),
    ],
)
def test_a_file_that_can_be_no_seed_is_named(tmp_path, name, told):
    (tmp_path / name).write_text("a\n1\n")
    with pytest.raises(ProjectError, match=told):
        list(seeds.find(tmp_path))


def test_a_named_folder_of_seeds_has_to_exist(tmp_path):
    assert not list(seeds.find(tmp_path / "seeds"))
    with pytest.raises(ProjectError, match="the folder of seeds, 'tables', does not exist"):
        list(seeds.find(tmp_path / "tables"))


def test_a_removed_seed_that_a_model_reads_is_named(home):
    home.change()
    with pytest.raises(LakehouseError, match="countries_mart reads 'countries', which no function"):
        home.change("countries")


@pytest.mark.long
def test_a_seed_comes_from_the_branch_and_goes_back_with_main(home):
    home.seed("colours.csv", "name\nred\n")
    home.change("colours")
    home.run(0)
    first = home.head()
    home.seed("colours.csv", "name\nblue\n")
    home.go()
    assert home.rows("seeds.colours", first) == [{"name": "red"}]
    with home.session as session:
        main_moves.rollback(session, first)
    assert home.published("colours_mart") == [{"name": "red"}]
    home.go()
    assert home.published("colours_mart") == [{"name": "blue"}]


def test_run_model_gives_a_seed_other_rows(home):
    home.seed("countries.csv", COUNTRIES)
    home.change("countries")
    run_model = RunModel(lambda: home.project)
    mart = home.project.models["countries_mart"].function
    assert run_model(mart, countries=[{"code": "DK", "people": 6}]) == [
        {"code": "DK", "name": None, "people": 6}
    ]


@pytest.mark.long
def test_a_plan_shows_what_was_inferred_and_what_is_read(home):
    home.seed("colours.csv", "name,likes\nred,1\n")
    home.change("colours")
    (first, _) = home.plan()
    assert first.node == "seeds.colours"
    assert first.changes == ("+ column name string", "+ column likes int64")
    home.run(0)
    assert [node.why for node in home.plan()] == ["up to date"]
    home.seed("colours.csv", "name,likes\nred,1.5\n")
    home.change("colours")
    seed, mart = home.plan()
    assert seed.changes == ("~ column likes int64 → float64",)
    assert (seed.why, mart.why) == ("asked for", "code changed")
