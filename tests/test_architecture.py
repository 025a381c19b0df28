"""How the code hangs together: imports point downwards, and the framework knows no glucose."""

import ast
import re
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from docs.written.floors import FLOORS

ROOT = Path(__file__).parent.parent
FOLDERS_OF_NO_PART = {"helpers", "ingestion", "models", "stack"}
"""Of tests: what tests share, tests of the project, and those that need servers."""
RANK = {name: rank for rank, floor in enumerate(FLOORS) for name in floor}


def modules(*packages):
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def shown(path):
    return str(path.relative_to(ROOT))


def dotted(path):
    """The name that a module is imported by."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


@cache
def imports(path):
    return [*_imports(path)]


def _imports(path):
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


def test_every_part_of_the_framework_has_a_floor():
    parts = {name.removesuffix(".py") for name in map(top, modules("lakehouse"))}
    assert parts - RANK.keys() == {"__init__"}


def top(path):
    """The folder or module of the framework that a file lies in."""
    return path.relative_to(ROOT / "lakehouse").parts[0]


def test_imports_point_downwards():
    upwards = []
    for path in modules("lakehouse"):
        own = top(path).removesuffix(".py")
        used = {part(name) for name in imports(path)} & RANK.keys() - {own}
        above = [name for name in used if own in RANK and RANK[name] <= RANK[own]]
        upwards += [f"{shown(path)} imports {name}, which lies no lower" for name in above]
    assert upwards == []


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


def test_a_module_is_read_at_one_go():
    lengths = {shown(path): len(path.read_text().splitlines()) for path in modules("lakehouse")}
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_the_framework_knows_no_glucose():
    told = {}
    for path in modules("lakehouse"):
        words = r"glucose|nightscout|diabet|mg_dl|mmol|insulin|\bsgv\b|cgm"
        if path.parent.name != "dagster":  # which has sensors of its own
            words += "|sensor"
        told[shown(path)] = re.findall(words, path.read_text(), re.IGNORECASE)
    assert {name: found for name, found in told.items() if found} == {}


@pytest.mark.long
def test_the_framework_does_not_import_a_project():
    project = {"ingestion", "models", "pages"}
    used = {shown(path): roots(path) & project for path in modules("lakehouse")}
    assert {name: found for name, found in used.items() if found} == {}


def roots(path):
    """The packages that a module imports from."""
    return {name.split(".")[0] for name in imports(path)}


@pytest.mark.long
def test_the_project_knows_no_engine_or_catalog():
    inner = {"build", "catalogs", "engines", "postgres", "publish", "run", "session"}
    libraries = {"duckdb", "trino", "pyiceberg", "psycopg", "hamilton", "dlt"}
    used = {
        shown(path): ({*map(part, imports(path))} & inner) | (roots(path) & libraries)
        for path in modules("ingestion", "models", "pages")
    }
    assert {name: found for name, found in used.items() if found} == {}
