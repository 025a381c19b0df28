"""How the code hangs together: imports point downwards, and the framework knows no glucose."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from docs.written.floors import FLOORS

ROOT = Path(__file__).parent.parent
FOLDERS_OF_NO_PART = {"helpers", "ingestion", "models", "stack"}
"""Of tests: what tests share, tests of the project, and those that need servers."""
RANK = {name: rank for rank, floor in enumerate(FLOORS) for name in floor}


def modules(package):
    return sorted(path for path in (ROOT / package).rglob("*.py"))


def dotted(path):
    """The name that a module is imported by."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules_of(names):
    """Imported names without the packages that others of them lie in."""
    return {name for name in names if not any(each.startswith(f"{name}.") for each in names)}


def part(dotted):
    """The part of the framework that a dotted name lies in."""
    pieces = dotted.split(".")
    return pieces[1] if len(pieces) > 1 and pieces[0] == "lakehouse" else None


@pytest.mark.parametrize("path", modules("lakehouse"), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_downwards(path):
    own = path.relative_to(ROOT / "lakehouse").parts[0].removesuffix(".py")
    if own == "__init__":
        return
    assert own in RANK, f"{own} has no floor yet"
    for name in imports(path):
        used = part(name)
        if used in RANK and used != own:
            assert RANK[own] < RANK[used], f"{own} imports {used}, which does not lie below it"


@pytest.mark.long
def test_no_module_imports_itself_by_a_detour():
    graph = {dotted(path): modules_of({*imports(path)}) for path in modules("lakehouse")}
    known = {name: used & graph.keys() - {name} for name, used in graph.items()}
    TopologicalSorter(known).prepare()  # raises CycleError, which names the modules


def test_the_root_holds_what_every_folder_needs():
    assert len([*(ROOT / "lakehouse").glob("*.py")]) <= 12


def test_tests_lie_in_folders_named_as_those_of_the_framework():
    of_tests, of_parts = (
        {path.parent.name for path in (ROOT / top).glob("*/*.py")} for top in ("tests", "lakehouse")
    )
    assert of_tests - of_parts == FOLDERS_OF_NO_PART


@pytest.mark.parametrize("path", modules("lakehouse"), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_is_read_at_one_go(path):
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", modules("lakehouse"), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_framework_knows_no_glucose(path):
    words = r"glucose|nightscout|diabet|mg_dl|mmol|insulin|\bsgv\b|cgm"
    if path.parent.name != "dagster":  # which has sensors of its own
        words += "|sensor"
    assert not re.findall(words, path.read_text(), re.IGNORECASE)


@pytest.mark.parametrize("path", modules("lakehouse"), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_framework_does_not_import_a_project(path):
    assert not [
        name for name in imports(path) if name.split(".")[0] in {"ingestion", "models", "pages"}
    ]


@pytest.mark.parametrize(
    "path",
    modules("ingestion") + modules("models") + modules("pages"),
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_the_project_knows_no_engine_or_catalog(path):
    inner = {"build", "catalogs", "engines", "postgres", "publish", "run", "session"}
    used = {part(name) for name in imports(path)}
    roots = {name.split(".")[0] for name in imports(path)}
    assert not used & inner
    assert not roots & {"duckdb", "trino", "pyiceberg", "psycopg", "hamilton", "dlt"}
