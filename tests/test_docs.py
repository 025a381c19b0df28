"""What pages name is there: files of the repository, modules to run, and targets of make."""

import re
from importlib.util import find_spec
from pathlib import Path
from pkgutil import resolve_name

import pytest

ROOT = Path(__file__).parent.parent
FOR_DEVELOPERS = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs/decisions").glob("*.md"))]
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
FILE = re.compile(r"`([\w./-]+(?:\.(?:py|md|svg|toml|txt|yml)|/))`")
MADE = {"tests/models/test_lows.py"}
"""What the reader makes."""
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@pytest.mark.parametrize("page", FOR_DEVELOPERS, ids=lambda page: page.name)
def test_files_that_are_named_are_there(page):
    """A path is of the repository, or of the framework's folder."""
    named = FILE.findall(page.read_text())
    places = (ROOT, ROOT / "lakehouse", page.parent)
    lost = [name for name in named if not any((place / name).exists() for place in places)]
    assert lost == []


@each_page
def test_files_in_a_folder_of_the_repository_are_there(page):
    """Pages for users also name files of theirs, which are in no such folder."""
    named = [name for name in FILE.findall(page.read_text()) if name not in MADE]
    ours = [name for name in named if (ROOT / name.partition("/")[0]).is_dir()]
    assert [name for name in ours if not (ROOT / name).exists()] == []


@each_page
def test_modules_that_are_to_be_run_are_there(page):
    named = re.findall(r"python -m ([\w.]*\w)", page.read_text())
    assert [name for name in named if find_spec(name) is None] == []


@each_page
def test_targets_of_make_that_are_named_are_there(page):
    known = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {*re.findall(r"(?:`|\$ )make ([a-z-]+)", page.read_text())} <= {*known}


@each_page
def test_names_of_the_framework_that_are_given_with_their_folder_are_there(page):
    """As in: `Compiler` (`lakehouse/compile/`)."""
    named = re.findall(r"`(\w+)` (?:of|in|\() ?`(lakehouse/[\w./]+)`", page.read_text())
    lost = [(name, place) for name, place in named if not _defines(ROOT / place, name)]
    assert lost == []


@each_page
def test_dotted_names_of_the_framework_are_there(page):
    named = re.findall(r"`(lakehouse\.\w+\.[\w.]*\w)", page.read_text())
    assert [name for name in named if not _can_be_resolved(name)] == []


def _defines(place, name):
    files = place.rglob("*.py") if place.is_dir() else [place]
    return any(
        re.search(rf"\b(def|class) _?{name}\b|^{name}\b", file.read_text(), re.MULTILINE)
        for file in files
    )


def _can_be_resolved(name):
    try:
        resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def test_the_variables_of_the_environment_that_are_read_are_described():
    name = re.compile(r"\b(?:LAKEHOUSE|NIGHTSCOUT|AWS)_[A-Z0-9]+(?:_[A-Z0-9]+)*")
    code = [*(ROOT / "lakehouse").rglob("*.py"), *(ROOT / "ingestion").rglob("*.py")]
    read = {each for file in code for each in name.findall(file.read_text())}
    told = {each for page in PAGES for each in name.findall(page.read_text())}
    assert read - told == set()


def test_the_targets_of_make_are_described():
    phony = re.search(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    described = (ROOT / "docs/reference/configuration.md").read_text()
    assert [name for name in phony if name != "help" and f"`make {name}" not in described] == []
