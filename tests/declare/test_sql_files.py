"""Models in SQL: what a file declares, and what is said of one that is wrong."""

import inspect
from datetime import timedelta

import pytest
from shop import DAY, SHOP, answer_to_compiling, command, compiled, forget, problems, write
from shop import Mistake as _Mistake

from lakehouse import Incremental, Table, View, config
from lakehouse.compile import cache, cache_files
from lakehouse.declare.project import load
from lakehouse.portability import examine
from lakehouse.testing.incremental import assert_incremental
from lakehouse.testing.runner import RunModel

FILE = "tables/gold/by_day.sql"
BY_DAY = """-- Sales of each article by day.
-- Returns are not part of them.
-- kind: incremental(time_column=day, grain=day)
-- group: sales
-- tags: daily, sql
-- publish: true

SELECT CAST(l.at AT TIME ZONE 'UTC' AS DATE) AS day, sku, sum(price) AS price
FROM silver.lines AS l
WHERE price > 0
GROUP BY ALL
"""


@pytest.fixture(autouse=True)
def _shops_are_forgotten():
    yield
    forget()


@pytest.fixture
def shop(tmp_path):
    """Compiles the shop with files of SQL beside its other models."""

    def make(text=BY_DAY, name=FILE):
        write(tmp_path, {**SHOP, name: text})
        return compiled(tmp_path)

    make.folder = tmp_path
    return make


def test_a_header_says_how_the_table_is_kept(shop):
    spec = shop().project.models["by_day"]
    assert spec.table == "gold.by_day"
    assert spec.kind == Incremental(time_column="day", grain="day")
    assert (spec.group, spec.tags, spec.is_published) == ("sales", ("daily", "sql"), True)
    assert spec.inputs == ("lines",)


def test_the_other_comments_are_what_it_says_of_itself(shop):
    doc = inspect.cleandoc(shop().project.models["by_day"].function.__doc__)
    assert doc == "Sales of each article by day.\nReturns are not part of them."


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("table", Table()),
        ("Table()", Table()),
        ("view(time_column=at)", View(time_column="at")),
        ("view(key=[sku])", View(key=("sku",))),
        ("incremental(key=(sku, id))", Incremental(key=("sku", "id"))),
        (
            "incremental( time_column = 'at' , lookback=1h,lookahead=2d, key=sku )",
            Incremental(time_column="at", lookback="1h", lookahead="2d", key="sku"),
        ),
    ],
)
def test_kinds(shop, kind, expected):
    text = f"-- kind: {kind}\nSELECT * FROM lines"
    found = shop(text).project.models["by_day"].kind
    assert (found.__class__, found) == (expected.__class__, expected)
    if isinstance(found, Incremental):
        assert isinstance(found.before, timedelta)


def test_without_a_header_it_is_a_table_that_is_not_published(shop):
    spec = shop("SELECT id FROM lines").project.models["by_day"]
    assert (spec.kind, spec.is_published) == (Table(), False)


def test_a_file_in_a_folder_of_a_schema_is_in_that_schema(shop):
    assert (
        shop(name="tables/gold/deep/er/by_day.sql").project.models["by_day"].table == "gold.by_day"
    )


@pytest.mark.long
def test_it_may_read_no_table_and_be_read_by_others_in_both_languages(shop):
    write(
        shop.folder, {"tables/gold/named.sql": "SELECT sku, word FROM best JOIN words USING (sku)"}
    )
    found = shop("SELECT 'tea' AS sku, 'Tea' AS word", name="tables/gold/words.sql")
    assert found.project.models["words"].inputs == ()
    assert found.project.models["named"].inputs == ("best", "words")


def test_files_of_the_ingestions_are_no_models(shop):
    assert "by_day" not in shop("SELEC nothing", name="feeds/queries/by_day.sql").models


@pytest.mark.long
@pytest.mark.parametrize("text", ["\ufeff-- a\r\n{}\r\n;\r\n-- end\r\n", "{} -- end", "{};;"])
def test_marks_and_ends_of_lines_make_no_difference(shop, text):
    select = "SELECT id FROM lines"
    assert (
        shop(text.format(select)).models["by_day"].fingerprint
        == shop(select).models["by_day"].fingerprint
    )


@pytest.mark.long
def test_fingerprints_tell_meanings_apart_and_not_writings(shop):
    def fingerprint(text):
        return shop(text).models["by_day"].fingerprint

    first = fingerprint(BY_DAY)
    other = BY_DAY.replace("-- Sales", "-- All sales").replace("SELECT", "select\n  ")
    assert fingerprint(other) == first
    assert fingerprint(BY_DAY.replace("price > 0", "price > 1")) != first
    assert fingerprint(BY_DAY.replace("grain=day", "grain=month")) != first


def later():
    """Forget what a process keeps of files: the next command is another one."""
    cache._files.cache_clear()
    cache_files.digest_of.cache_clear()


@pytest.mark.long
def test_a_changed_file_is_another_entry_of_the_cache(shop):
    def path():
        later()
        return cache._path(config.load(shop.folder, {}), "duckdb")

    shop()
    before = path()
    shop(BY_DAY.replace("> 0", "> 1"))
    assert path() != before


WRONG = [
    ("a syntax error", "SELECT id\nFROM lines WHERE WHERE", 2, "WHERE"),
    ("a quotation mark that does not end", "SELECT 'id FROM lines", None, "token|Missing"),
    ("two statements", "SELECT id FROM lines;\nSELECT 1 AS x", 2, "2 statements"),
    ("no statement", "-- nothing\n", None, "nothing"),
    ("another statement", "DROP TABLE lines", None, "DROP"),
    ("a statement that writes", "INSERT INTO lines SELECT 1", 1, "INSERT"),
    ("a table that is misspelt", "SELECT id\nFROM lins", 2, "'lins'.*"),
    ("a table of another schema", "SELECT id\nFROM gold.lines", 2, "'gold.lines'"),
    ("a file as a table", "SELECT *\nFROM 'secret.csv'", 2, "secret.csv"),
    ("a function as a table", "SELECT *\nFROM read_csv('/etc/passwd')", 2, "(?i)read_csv"),
    ("a table of a catalog", "SELECT *\nFROM main.silver.lines", 2, "no table of the project"),
    ("a column that is misspelt", "SELECT id,\n  prise\nFROM lines", 2, '"prise"'),
    (
        "a column of two tables",
        "SELECT sku\nFROM lines AS l JOIN sales AS s ON l.sku = s.sku",
        1,
        "[Aa]mbiguous",
    ),
    (
        "a function that is not there",
        "SELECT id,\n  median_of(price) AS m FROM lines",
        2,
        "median_of",
    ),
    ("a value without a name", "SELECT id,\n  price + 1 FROM lines", 2, "no name"),
    (
        "a function without an equal",
        "SELECT id,\n  list(id) AS l FROM lines GROUP BY id",
        2,
        "cannot be part",
    ),
    ("operators in two orders", "SELECT price - price % 3 AS p FROM lines", 1, "two ways"),
    (
        "a model that is recursive",
        "WITH RECURSIVE a AS (SELECT 1 AS x) SELECT x FROM a",
        1,
        "recursive",
    ),
    ("a kind that is not known", "-- kind: tabel\nSELECT id FROM lines", 1, "'tabel' is no kind"),
    (
        "an argument that is not known",
        "-- kind: view(column=at)\nSELECT id FROM lines",
        1,
        "'column'",
    ),
    ("an argument of a table", "-- kind: table(grain=day)\nSELECT id FROM lines", 1, "'grain'"),
    (
        "a grain that is not known",
        "-- kind: incremental(time_column=at, grain=week)\nSELECT at FROM lines",
        None,
        "grain",
    ),
    (
        "a lookback without a unit",
        "-- kind: incremental(time_column=at, lookback=1)\nSELECT at FROM lines",
        None,
        "lookback",
    ),
    ("a setting that is misspelt", "-- tag: daily\nSELECT id FROM lines", 1, "'tag'"),
    ("a setting twice", "-- tags: a\n-- tags: b\nSELECT id FROM lines", 2, "twice"),
    ("a setting after the SELECT", "SELECT id\n-- kind: view\nFROM lines", 2, "no setting is read"),
    ("a setting in a block", "/* kind: view */\nSELECT id FROM lines", 1, "no setting is read"),
    ("a table with a word of SQL", 'SELECT id\nFROM "from"', 2, "no table of the project"),
    ("a template", "SELECT id\nFROM {{ ref('lines') }}", 2, "Expected table name near"),
    (
        "a sum of thousands",
        f"SELECT {'+'.join(['price'] * 2000)} AS p FROM lines",
        None,
        "too many parts",
    ),
    ("a parameter", "SELECT id FROM lines WHERE price > ?", 1, "not provided"),
    ("a setting without a value", "-- group:\nSELECT id FROM lines", 1, "no value"),
    ("publish as a word", "-- publish: yes\nSELECT id FROM lines", 1, "true or false"),
    (
        "an incremental without a parent",
        "-- kind: incremental(key=x)\nSELECT 1 AS x",
        None,
        "reads none",
    ),
    (
        "a time column that is not there",
        "-- kind: incremental(time_column=day)\nSELECT id FROM lines",
        None,
        "'day'",
    ),
    ("itself as a table", "SELECT id FROM by_day", None, "circle"),
]


@pytest.mark.sample(10)
@pytest.mark.parametrize(
    ("text", "line", "told"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG]
)
def test_a_mistake_is_told_in_one_line_with_its_place_and_a_cure(text, line, told, tmp_path):
    mistake = _Mistake("", FILE, "", text, told=told)
    answer = answer_to_compiling(mistake, tmp_path)
    assert not [*problems(mistake, answer)], answer
    assert answer.error.startswith(f"{FILE}:{line}: " if line else FILE), answer


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tables/by_day.sql", "lies in no schema"),
        ("tables/gold/By Day.sql", "snake case"),
        ("tables/My Gold/by_day.sql", "name of a schema"),
        ("tables/raw/by_day.sql", "the schema 'raw' holds"),
    ],
)
def test_a_file_in_the_wrong_place_is_told(name, told, tmp_path):
    mistake = _Mistake("", name, "", "SELECT id FROM lines", told=told)
    answer = answer_to_compiling(mistake, tmp_path)
    assert not [*problems(mistake, answer)], answer


@pytest.mark.long
def test_what_engines_understand_differently_is_found_in_its_line(shop):
    found = shop(
        """SELECT sku, CAST(sku AS BIGINT) AS number,
  median(price) OVER (PARTITION BY sku) AS middle,
  row_number() OVER (ORDER BY sku) AS place,
  CAST(sku AS BIGINT) AS known -- portable: ok all are digits
FROM lines
ORDER BY price
"""
    )
    findings = [f for f in examine(found, shop.folder) if f.model == "by_day"]
    assert [(f.file, f.line, f.rule) for f in findings] == [
        (FILE, 1, "text-cast"),
        (FILE, 2, "percentiles"),
        (FILE, 3, "ties"),
    ]


@pytest.mark.long
def test_plain_sql_is_portable(shop):
    findings = examine(shop(), shop.folder)
    assert not [finding for finding in findings if finding.model == "by_day"]


@pytest.mark.long
def test_it_is_tested_by_the_name_of_its_table(shop):
    shop()
    forget()
    run_model = RunModel(lambda: load(config.load(shop.folder, {})))
    lines = [
        {"sku": "tea", "price": 3, "at": "2024-03-01T12:00:00Z"},
        {"sku": "tea", "price": -1, "at": "2024-03-01T13:00:00Z"},
    ]
    (row,) = run_model("gold.by_day", lines=lines)
    assert (row["sku"], row["price"]) == ("tea", 3)
    assert_incremental(run_model, "by_day")


@pytest.mark.long
def test_a_model_that_reads_no_table_is_tested_by_its_name(shop):
    shop("SELECT 'tea' AS sku, 1 AS rank")
    forget()
    run_model = RunModel(lambda: load(config.load(shop.folder, {})))
    assert run_model("by_day") == [{"sku": "tea", "rank": 1}]


@pytest.mark.long
def test_a_project_with_sql_runs_and_notices_changes(tmp_path, databases, monkeypatch):
    write(tmp_path, {**SHOP, FILE: BY_DAY})
    with databases.lend() as address:
        monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("LAKEHOUSE_POSTGRES_URL", address)
        run = ("run", "--date", DAY)
        code, report = command(tmp_path, *run)
        assert (code, report["published"]["gold.by_day"]) == (0, 1)
        on_postgres = command(tmp_path, "query", "select * from gold.by_day", "--on", "postgres")
        assert on_postgres == command(tmp_path, "query", "select * from gold.by_day")
        assert on_postgres[1] == [{"day": DAY, "sku": "tea", "price": 3}]
        head = command(tmp_path, "log")
        assert command(tmp_path, *run)[1]["commit"] is None

        path = tmp_path / FILE
        path.write_text(BY_DAY.replace("price > 0", "prise > 0"))
        later()
        code, told = command(tmp_path, *run)
        assert (code, told["error"].partition(": ")[0]) == (2, f"{FILE}:10")
        assert command(tmp_path, "log") == head

        path.write_text(BY_DAY.replace("WHERE price > 0", ""))
        later()
        _, plan = command(tmp_path, "plan", "--date", DAY)
        (node,) = (node for node in plan if node["node"] == "gold.by_day")
        assert node["why"] == "code changed"
        assert any("price" in line for line in node["changes"])
        command(tmp_path, *run)
        found = command(tmp_path, "query", "select sku from gold.by_day order by 1")[1]
        assert found == [{"sku": "cup"}, {"sku": "tea"}]
