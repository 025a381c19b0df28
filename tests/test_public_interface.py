"""What a project may import: the names that the reference lists, each with its types."""

import ast
import re
from pathlib import Path

import pytest

import lakehouse
from lakehouse import checks

PACKAGE = Path(lakehouse.__file__).parent
REFERENCE = Path(__file__).parent.parent / "docs/reference/declarations.md"


def imported(code):
    """The names that Python code imports, by module."""
    found = {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            found.setdefault(node.module, []).extend(alias.name for alias in node.names)
    return found


def listed(module):
    """The names of a module that the reference says to import."""
    blocks = re.findall(r"^```python\n(.*?)^```", REFERENCE.read_text(), re.DOTALL | re.MULTILINE)
    return sorted(name for code in blocks for name in imported(code).get(module, ()))


def defined(file):
    """The names without an underscore that a module's own text defines."""
    names = []
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [target.id for target in targets if isinstance(target, ast.Name)]
    return sorted(name for name in names if not name.startswith("_"))


def test_the_reference_lists_what_lakehouse_holds():
    assert listed("lakehouse") == sorted(lakehouse.__all__)


def test_the_reference_lists_what_expressions_hold():
    assert listed("lakehouse.expressions") == defined(PACKAGE / "expressions.py")


@pytest.mark.parametrize("name", lakehouse.__all__)
def test_each_name_can_be_imported_and_is_known_to_type_checkers(name):
    text = (PACKAGE / "__init__.py").read_text()
    module = next(module for module, names in imported(text).items() if name in names)
    assert getattr(lakehouse, name) is getattr(__import__(module, fromlist=[name]), name)


def test_type_checkers_know_no_other_names():
    known = imported((PACKAGE / "__init__.py").read_text())
    own = [name for module, names in known.items() if "lakehouse" in module for name in names]
    assert sorted(own) == sorted(lakehouse.__all__)


def test_type_checkers_are_told_that_there_are_types():
    assert (PACKAGE / "py.typed").is_file()


def test_the_guide_to_tests_describes_each_fixture():
    guide = (REFERENCE.parents[1] / "how-to/test-a-model.md").read_text()
    fixtures = [
        node.name
        for node in ast.parse((PACKAGE / "testing/__init__.py").read_text()).body
        if isinstance(node, ast.FunctionDef)
        and any("pytest.fixture" in ast.unparse(each) for each in node.decorator_list)
    ]
    assert [name for name in fixtures if not name.startswith("_")] == [
        "run_model",
        "assert_incremental",
    ]
    assert all(f"`{name}`" in guide for name in fixtures)


def test_a_check_of_a_project_can_be_derived_from_what_is_public():
    assert "`RowRule`" in REFERENCE.read_text()
    assert "RowRule" in checks.__all__
