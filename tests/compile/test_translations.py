"""What Ibis made of expressions is kept: an edit costs what it changes, and nothing is mistaken."""

import ibis
import pytest
from ibis import _
from sql_queries import QUERIES, TABLES
from toy import modules

from lakehouse import config
from lakehouse.compile import translations
from lakehouse.compile.compiler import compile_project
from lakehouse.compile.expression_digest import digest
from lakehouse.compile.translations import Translations
from lakehouse.declare import project
from lakehouse.declare.project import collect
from lakehouse.errors import DamagedFileWarning
from lakehouse.expressions import INSTANT, LOCAL, microseconds
from lakehouse.patches.ibis_dialects import hash_of, to_sql
from lakehouse.sql_models.duckdb_binding import bound
from lakehouse.sql_models.parsed import parse
from lakehouse.sql_models.select import expression

ROWS = ibis.table({"a": "int64", "b": "string", "c": "float64", "at": "timestamp(6)"}, name="rows")
OTHER = ibis.table(ROWS.schema(), name="other")
TYPED = ROWS.schema()
VALUES = (0, 1, True, 1.0, "1", b"1", 0.0, -0.0, None)
LITERALS = (*map(ibis.literal, VALUES), ibis.literal(1, "int64"), ibis.literal(None, "string"))
ONE_CHANGE = {
    "tables": [ROWS, OTHER, ibis.table(dict(TYPED) | {"a": "int32"}, name="rows")],
    "nullable": [ibis.table({"a": kind}, name="rows") for kind in ("int64", "!int64")],
    "orders of columns": [ROWS.select("a", "b"), ROWS.select("b", "a"), ROWS.select(a="b", b="a")],
    "values": [ROWS.select(x=value) for value in LITERALS],
    "times": [ROWS.select(x=ibis.literal("2024-03-15", kind)) for kind in (INSTANT, LOCAL, "date")],
    "casts": [ROWS.select(x=ROWS.a.cast(kind)) for kind in ("int32", "!int32", "decimal(9, 2)")],
    "tried casts": [ROWS.select(x=ROWS.b.cast("int64")), ROWS.select(x=ROWS.b.try_cast("int64"))],
    "filters": [ROWS.filter(ROWS.a < 1), ROWS.filter(ROWS.a <= 1), ROWS.filter(~(ROWS.a < 1))],
    "sorting": [
        ROWS.order_by(key)
        for key in ("a", ibis.desc("a"), ibis.asc("a", nulls_first=True), ("a", "b"), ("b", "a"))
    ],
    "limits": [ROWS.limit(5), ROWS.limit(6), ROWS.limit(5, offset=1)],
    "joins": [
        ROWS.join(OTHER, ["a"], how=how) for how in ("inner", "left", "outer", "semi", "anti")
    ]
    + [ROWS.join(OTHER, ["b"]), ROWS.join(OTHER, ROWS.a < OTHER.a), ROWS.join(ROWS.view(), ["a"])],
    "windows": [
        ROWS.mutate(x=ROWS.a.sum().over(**window))
        for window in (
            {},
            {"group_by": "b"},
            {"group_by": "b", "order_by": "at"},
            {"group_by": "b", "order_by": "at", "rows": (-1, 0)},
            {"group_by": "b", "order_by": "at", "rows": (0, 1)},
            {"group_by": "b", "order_by": "at", "range": (-1, 0)},
        )
    ],
    "aggregates": [
        ROWS.group_by("b").agg(x=value)
        for value in (ROWS.a.max(), ROWS.a.min(), ROWS.a.max(where=ROWS.c > 0), ROWS.c.max())
    ]
    + [ROWS.group_by("at").agg(x=ROWS.a.max()), ROWS.agg(x=ROWS.a.max())],
    "dropped columns": [ROWS.drop("a"), ROWS.drop("b"), ROWS.drop("a", "b")],
    "unions": [
        ibis.union(ROWS, OTHER),
        ibis.union(OTHER, ROWS),
        ibis.union(ROWS, OTHER, distinct=True),
    ],
    "functions of arrays": [
        ROWS.select(x=ibis.array([ROWS.a, 5]).filter(_ > least)) for least in (ROWS.a, 0, 1)
    ]
    + [ROWS.select(x=ibis.array([ROWS.a, 5]).map(_ + more)) for more in (0, 1)],
    "functions": [ROWS.select(x=hash_of(ROWS.b)), ROWS.select(x=microseconds(ROWS.at))],
}


def one_to_one(made):
    """Whether each digest stands for one SQL."""
    pairs = {(digest(each), to_sql(each, "duckdb")) for each in made}
    assert len(pairs) > 100
    return len(pairs) == len({name for name, _ in pairs}) and all(name for name, _ in pairs)


@pytest.mark.parametrize("kind", ONE_CHANGE)
def test_any_change_gives_another_digest(kind):
    several = ONE_CHANGE[kind]
    assert len({digest(each) for each in several}) == len(several)


def of_query(sql):
    text = parse("query.sql", sql)
    tables = {table: ibis.table(TABLES[table.name], name=table.name) for table in text.tables()}
    bound(text, {table: found.schema() for table, found in tables.items()})
    return expression(text, tables, lambda *_: None)


@pytest.mark.long
def test_queries_of_other_sql_have_other_digests():
    assert one_to_one(map(of_query, QUERIES))


def test_views_of_a_table_have_one_digest_however_many_were_made():
    first, second = (ROWS.join(view := ROWS.view(), ROWS.a < view.a).select("b") for _ in range(2))
    assert digest(first) == digest(second)


def test_rows_in_code_are_left_to_ibis():
    rows = ibis.memtable({"a": [1, 2]})
    translated = Translations()
    assert digest(rows) is None
    assert translated.translate(rows, "duckdb").sql == to_sql(rows, "duckdb")
    assert translated.used == {}


@pytest.mark.long
@pytest.mark.parametrize("dialect", ["duckdb", "trino"])
def test_known_translations_give_what_ibis_gives(dialect):
    found = project.load(config.load())
    first = Translations()
    fresh = compile_project(found, dialect, first)
    again = Translations(first.used)
    assert compile_project(found, dialect, again) == fresh
    assert again.used == first.used


def compiled(root, **options):
    """Compile the toy project as a command does that finds what is kept, and keeps more."""
    known = translations.load(root)
    made = compile_project(collect(modules(None, **options)), "duckdb", known)
    translations.keep(root, known)
    return made, known


def test_after_an_edit_only_what_changed_is_translated(tmp_path):
    compiled(tmp_path)
    after, used = compiled(tmp_path, factor=2)
    assert after == compile_project(after.project, "duckdb")
    assert 0 < len(used.used.keys() - used.known.keys()) < len(used.known) / 2
    back, used = compiled(tmp_path)
    assert used.used.keys() < used.known.keys()
    assert back == compile_project(back.project, "duckdb")


@pytest.mark.long
def test_a_damaged_file_is_passed_over(tmp_path):
    compiled(tmp_path)
    (file,) = (tmp_path / "__pycache__").iterdir()
    raw = file.read_bytes()
    file.write_bytes(raw.replace(b"SELECT", b"SELEKT"))
    with pytest.warns(DamagedFileWarning):
        after, _ = compiled(tmp_path)
    assert after == compile_project(after.project, "duckdb")
    assert file.read_bytes() == raw
