"""Selectors: what `--select` and `--exclude` name, and what they say when it is nothing."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import at, event, into

from lakehouse import Incremental, View, ingestion, model
from lakehouse.cli import main
from lakehouse.compile.compiler import Compiled, CompiledModel
from lakehouse.declare.project import collect
from lakehouse.errors import UnknownNameError
from lakehouse.interface import Selection
from lakehouse.plan.selectors import Changes, compare, select
from lakehouse.plan.state import TableState

ROOT = Path("/project")


class Rows:
    to_schema = None


def build(*tables):
    """A project of tables: the file, the qualified name, the parents, the decorator."""
    modules = {}
    for file, name, parents, declare in tables:
        schema, bare = name.split(".")
        module = modules.setdefault(schema, ModuleType(f"picked.{schema}"))
        code = compile(f"def {bare}({', '.join(parents)}): ...", ROOT / file, "exec")
        exec(code, space := {})
        declare(into(module)(space[bare]))
    return collect(modules.values())


def landing(name, **options):
    return ingestion(table_name=name, unique_key="id", validation_schema=Rows, **options)


PROJECT = build(
    ("ingestion/web.py", "raw.events", ["window"], landing("events", group="web")),
    ("ingestion/dates.py", "raw.calendar", ["window"], landing("calendar")),
    ("models/bronze.py", "bronze.stg_events", ["events"], model(kind=View(), group="web")),
    (
        "models/core/silver.py",
        "silver.fct_events",
        ["stg_events"],
        model(kind=Incremental(time_column="at"), tags=["daily", "slow"]),
    ),
    ("models/core/gold.py", "gold.dim_days", ["calendar"], model()),
    ("models/marts.py", "marts.mrt_daily", ["fct_events"], model(tags=["daily"])),
    ("models/marts.py", "marts.mrt_total", ["fct_events"], model()),
    ("models/marts.py", "marts.mrt_report", ["mrt_daily", "dim_days"], model()),
)
MARTS = {"mrt_daily", "mrt_total", "mrt_report"}


def chosen(expression, exclude=None, **options):
    return set(select(PROJECT, expression, exclude, root=ROOT, **options))


def error(expression, exclude=None, **options):
    with pytest.raises(UnknownNameError) as caught:
        chosen(expression, exclude, **options)
    return caught.value


def test_without_an_expression_all_tables_are_meant():
    assert select(PROJECT, None) == frozenset(PROJECT.tables)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("mrt_daily", {"mrt_daily"}),
        ("marts.mrt_daily", {"mrt_daily"}),
        ("mrt_daily  raw.events", {"mrt_daily", "events"}),
        ("mrt_*", MARTS),
        ("marts.*", MARTS),
        ("*.*_events", {"stg_events", "fct_events"}),
        ("m*events", None),
        ("tag:daily", {"fct_events", "mrt_daily"}),
        ("tag:s*", {"fct_events"}),
        ("group:web", {"events", "stg_events"}),
        ("layer:marts", MARTS),
        ("layer:raw", {"events", "calendar"}),
        ("kind:ingestion", {"events", "calendar"}),
        ("kind:view", {"stg_events"}),
        ("kind:incremental", {"fct_events"}),
        ("kind:table", {"dim_days", *MARTS}),
    ],
)
def test_a_method_names_tables(expression, expected):
    if expected is None:
        error(expression)
    else:
        assert chosen(expression) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("models/marts.py", MARTS),
        ("./models/marts.py", MARTS),
        ("ingestion", {"events", "calendar"}),
        ("models/core/", {"fct_events", "dim_days"}),
        ("models/*.py", {"stg_events", *MARTS}),
        ("models/*/gold.py", {"dim_days"}),
        ("**/gold.py", {"dim_days"}),
        ("models/**/marts.py", MARTS),
        (".", set(PROJECT.tables)),
    ],
)
def test_a_path_names_what_its_files_declare(path, expected):
    assert chosen(f"path:{path}") == expected


def test_a_path_is_no_prefix_of_letters():
    assert "'path:models/mar'" in error("path:models/mar").message


def test_a_word_with_a_slash_is_a_path():
    assert chosen("models/marts.py") == MARTS


def test_a_file_outside_of_the_root_goes_by_its_whole_path():
    names = select(PROJECT, "path:/project/models/marts.py", root=Path("/elsewhere"))
    assert names == MARTS


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("+fct_events", {"events", "stg_events", "fct_events"}),
        ("1+fct_events", {"stg_events", "fct_events"}),
        ("0+fct_events", {"fct_events"}),
        ("fct_events+", {"fct_events", *MARTS}),
        ("fct_events+1", {"fct_events", "mrt_daily", "mrt_total"}),
        ("+mrt_daily+", {"events", "stg_events", "fct_events", "mrt_daily", "mrt_report"}),
        ("1+mrt_daily+1", {"fct_events", "mrt_daily", "mrt_report"}),
        ("@calendar", set(PROJECT.tables) - {"mrt_total"}),
        ("1+tag:daily", {"stg_events", "fct_events", "mrt_daily"}),
        ("kind:view+1", {"stg_events", "fct_events"}),
        ("@layer:gold", set(PROJECT.tables) - {"mrt_total"}),
    ],
)
def test_an_operator_follows_the_graph(expression, expected):
    assert chosen(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("tag:daily,layer:marts", {"mrt_daily"}),
        ("+mrt_total,+dim_days mrt_total", {"mrt_total"}),
        ("+mrt_total,+mrt_daily,layer:silver", {"fct_events"}),
        ("tag:slow tag:daily,layer:marts", {"fct_events", "mrt_daily"}),
    ],
)
def test_a_comma_intersects_before_a_space_joins(expression, expected):
    assert chosen(expression) == expected


def test_exclude_is_subtracted():
    assert chosen("layer:marts", "tag:daily mrt_total") == {"mrt_report"}


def test_exclude_alone_is_subtracted_from_all():
    assert chosen(None, "fct_events+") == {"events", "calendar", "stg_events", "dim_days"}


def test_excluding_everything_is_an_error():
    found = error("tag:daily", "*")
    assert found.message == "excluding '*' leaves no table of selector 'tag:daily'"
    assert "fct_events, mrt_daily" in found.hint


def test_an_intersection_of_nothing_is_an_error():
    assert "'tag:slow,layer:marts'" in error("tag:slow,layer:marts").message


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("mrt_dayly", "did you mean 'mrt_daily'?"),
        ("+mart.mrt_daily", "did you mean 'marts.mrt_daily'?"),
        ("marts", "did you mean 'layer:marts'?"),
        ("slow", "did you mean 'tag:slow'?"),
        ("tag:dialy", "did you mean 'tag:daily'?"),
        ("layer:martz", "did you mean 'layer:marts'?"),
        ("kind:ephemeral", "kind:incremental, kind:ingestion, kind:table, kind:view"),
        ("path:models/mart.py", "did you mean 'path:models/marts.py'?"),
        ("zzz", "tables: bronze.stg_events, gold.dim_days, "),
        ("state:modifed", "use state:modified or state:new"),
        ("owner:me", "methods: name:, tag:, group:, layer:, kind:, path:, state:"),
    ],
)
def test_a_part_that_names_nothing_is_an_error_with_a_hint(expression, hint):
    found = error(f"mrt_total {expression}")
    assert repr(expression.strip("+")) in found.message
    assert hint in found.hint


def test_a_method_that_no_table_has_says_so():
    empty = build(("ingestion/web.py", "raw.events", ["window"], landing("events")))
    with pytest.raises(UnknownNameError, match="no table has a tag"):
        select(empty, "tag:daily")


def test_what_is_excluded_must_exist_too():
    assert "'tag:dialy'" in error(None, "tag:dialy").message


@pytest.mark.parametrize(
    "expression", ["+", "@", "tag:", "@+mrt_daily", "@mrt_daily+", "@@mrt_daily"]
)
def test_a_part_that_cannot_be_read_is_an_error(expression):
    assert error(expression).message == f"selector {expression!r} cannot be read"


@pytest.mark.parametrize("expression", ["mrt_daily,", ",mrt_daily", "tag:daily, layer:marts"])
def test_a_comma_stands_between_two_parts(expression):
    assert "one side of a comma" in error(expression).message


@pytest.mark.parametrize("expression", ["", "  "])
def test_an_empty_expression_is_an_error(expression):
    assert "empty" in error(expression).message


def changes(**found):
    return lambda: Changes(**{key: frozenset(names) for key, names in found.items()})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("state:modified", {"dim_days", "mrt_total"}),
        ("state:new", {"mrt_total"}),
        ("state:modified+", {"dim_days", "mrt_total", "mrt_report"}),
        ("1+state:modified,layer:raw", {"calendar"}),
    ],
)
def test_state_names_what_changed(expression, expected):
    asked = changes(new={"mrt_total"}, modified={"mrt_total", "dim_days"})
    assert chosen(expression, changes=asked) == expected


def test_state_may_be_excluded():
    asked = changes(modified={"mrt_daily"})
    assert chosen("layer:marts", "state:modified+", changes=asked) == {"mrt_total"}


def test_a_state_that_nothing_is_in_adds_nothing():
    assert chosen("state:new mrt_total", "state:modified", changes=changes()) == {"mrt_total"}


def test_a_state_that_nothing_is_in_is_an_error_by_itself():
    found = error("state:new", changes=changes(modified={"mrt_total"}))
    assert found.message == "selector 'state:new' names no table"
    assert found.hint == "modified since the ref: mrt_total"


def test_the_state_is_asked_for_once():
    asked = []

    def once():
        asked.append(1)
        return Changes(modified=frozenset({"mrt_total"}))

    chosen("state:modified @state:modified", "state:new", changes=once)
    assert asked == [1]


def test_the_state_is_asked_for_only_where_it_occurs():
    chosen("tag:daily path:models +mrt_*", "kind:view", changes=pytest.fail)


def test_a_state_needs_a_ref():
    assert "no ref" in error("state:modified").message


def compared(*, absent=(), other=()):
    """How the project differs from a ref that lacks some tables and has others otherwise."""
    models = {name: CompiledModel(spec, None, "now") for name, spec in PROJECT.models.items()}
    states = {
        spec.table: TableState("before" if name in other else "now", ())
        for name, spec in PROJECT.tables.items()
        if name not in {*absent, "stg_events"}
    }
    return compare(Compiled(PROJECT, models=models), states)


def test_a_ref_with_the_same_fingerprints_does_not_differ():
    assert compared() == Changes()


def test_a_model_with_another_fingerprint_is_modified():
    assert compared(other={"mrt_total"}) == Changes(modified=frozenset({"mrt_total"}))


def test_a_table_that_the_ref_lacks_is_new_and_modified():
    names = frozenset({"mrt_total", "calendar"})
    assert compared(absent=names) == Changes(names, names)


def test_a_view_is_modified_with_a_model_that_reads_it():
    assert compared(other={"fct_events"}).modified == {"fct_events", "stg_events"}


def test_a_view_is_new_with_all_models_that_read_it():
    assert compared(absent={"fct_events"}).new == {"fct_events", "stg_events"}


def test_a_ref_without_tables_makes_everything_new():
    everything = frozenset(PROJECT.tables)
    assert compared(absent=everything) == Changes(everything, everything)


@pytest.mark.long
def test_state_compares_with_what_a_ref_stores(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    toy.change(factor=3)
    assert Selection("state:modified", None, "main").names(toy.session) == {"valid", "steps"}


@pytest.mark.long
def test_state_compares_with_an_earlier_commit(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    first = toy.head()
    toy.change(factor=3)
    toy.run(0)
    assert Selection("state:modified", None, first).names(toy.session) == {"valid", "steps"}
    with pytest.raises(UnknownNameError, match="modified since the ref: nothing"):
        Selection("state:modified", None, "main").names(toy.session)


FILES = {
    "lakehouse.toml": '[project]\ningestion = "picked_sources"\nmodels = "picked_models"\n',
    "picked_sources/__init__.py": "",
    "picked_models/__init__.py": "",
    "picked_sources/web.py": """
from lakehouse import ingestion

class Rows:
    to_schema = None

@ingestion(table_name="events", unique_key="id", validation_schema=Rows)
def events(window): ...
""",
    "picked_models/marts.py": """
from lakehouse import model

@model(tags=["daily"])
def daily(events): ...

@model()
def total(events): ...
""",
}


@pytest.fixture
def dag(tmp_path, monkeypatch, capsys):
    """Runs `dag` in a small project; its exit code, and what it printed as JSON."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in [each for each in sys.modules if each.startswith("picked_")]:
        monkeypatch.delitem(sys.modules, name)

    def command(*arguments):
        code = main(["dag", *arguments, "--format", "json"])
        return code, json.loads(capsys.readouterr().out)

    return command


def shown(document):
    return {box["label"] for box in document["nodes"] if "." in box["label"]}


def test_the_options_choose_what_a_command_is_about(dag):
    code, document = dag("--select", "path:picked_models", "--exclude", "tag:daily")
    assert (code, shown(document)) == (0, {"marts.total"})


def test_options_given_twice_are_joined(dag):
    _, document = dag("--select", "daily", "--select", "raw.events")
    assert shown(document) == {"marts.daily", "raw.events"}


def test_choosing_by_name_opens_no_catalog(dag, tmp_path):
    dag("--select", "tag:daily")
    assert not (tmp_path / ".lakehouse").exists()


def test_a_ref_that_does_not_exist_is_an_error(dag):
    code, document = dag("--select", "state:new", "--state", "nowhere")
    assert code == 2
    assert "nowhere" in document["error"]


@st.composite
def graphs(draw):
    """Any project: the parents of each table, which come before it."""
    count = draw(st.integers(1, 8))
    return {
        f"t{i}": sorted(draw(st.sets(st.sampled_from([f"t{j}" for j in range(i)]), max_size=3)))
        if i
        else []
        for i in range(count)
    }


def built(graph):
    return build(
        *(
            ("any.py", f"silver.{name}", parents, model())
            if parents
            else ("any.py", f"raw.{name}", ["window"], landing(name))
            for name, parents in graph.items()
        )
    )


def near(edges, name, steps):
    """A table and all that is up to so many steps away, by trying every walk."""
    further = [near(edges, each, steps - 1) for each in edges[name]] if steps else []
    return {name}.union(*further)


def children(graph):
    return {name: [each for each in graph if name in graph[each]] for name in graph}


@st.composite
def parts(draw, graph):
    """A name with operators, and the tables it means."""
    name = draw(st.sampled_from(sorted(graph)))
    far = len(graph)
    if draw(st.booleans()):
        below = near(children(graph), name, far)
        return f"@{name}", set().union(*(near(graph, each, far) for each in below))
    up, down = (draw(st.sampled_from([None, "", "0", "1", "2", "3"])) for _ in range(2))
    text = ("" if up is None else f"{up}+") + name + ("" if down is None else f"+{down}")
    above, below = (0 if each is None else int(each or far) for each in (up, down))
    return text, near(graph, name, above) | near(children(graph), name, below)


@st.composite
def expressions(draw, graph):
    """Parts joined by commas and spaces, and the tables they mean."""
    terms = draw(st.lists(st.lists(parts(graph), min_size=1, max_size=3), min_size=1, max_size=3))
    text = " ".join(",".join(part for part, _ in term) for term in terms)
    return text, set().union(*(set.intersection(*(found for _, found in term)) for term in terms))


@settings(deadline=None)
@given(st.data())
def test_a_part_means_what_walks_reach(data):
    graph = data.draw(graphs())
    text, meant = data.draw(parts(graph))
    assert select(built(graph), text) == meant


@settings(deadline=None)
@given(st.data())
def test_an_expression_means_unions_of_intersections_without_what_is_excluded(data):
    graph = data.draw(graphs())
    (text, meant), (excluded, gone) = (data.draw(expressions(graph)) for _ in range(2))
    project = built(graph)
    try:
        found = select(project, text, excluded)
    except UnknownNameError:
        found = set()
    assert found == meant - gone
