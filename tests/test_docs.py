"""What pages name is there: files of the repository, modules to run, and targets of make."""

import re
from importlib.util import find_spec
from pathlib import Path
from pkgutil import resolve_name

ROOT = Path(__file__).parent.parent
FOR_DEVELOPERS = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs/decisions").glob("*.md"))]
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
FILE = re.compile(r"`([\w./-]+(?:\.(?:py|md|svg|toml|txt|yml)|/))`")
MADE = {"tests/models/test_lows.py"}
"""What the reader makes."""


def named(pattern, pages=PAGES):
    """Yield each page with what it names in this way."""
    for page in pages:
        yield from ((page.name, found) for found in re.findall(pattern, page.read_text()))


def test_files_that_are_named_are_there():
    """A path is of the repository, or of the framework's folder."""
    lost = [
        (page.name, name)
        for page in FOR_DEVELOPERS
        for name in FILE.findall(page.read_text())
        if not any((place / name).exists() for place in (ROOT, ROOT / "lakehouse", page.parent))
    ]
    assert lost == []


def test_files_in_a_folder_of_the_repository_are_there():
    """Pages for users also name files of theirs, which are in no such folder."""
    ours = [
        (page, name)
        for page, name in named(FILE)
        if name not in MADE and (ROOT / name.partition("/")[0]).is_dir()
    ]
    assert [(page, name) for page, name in ours if not (ROOT / name).exists()] == []


def test_modules_that_are_to_be_run_are_there():
    told = named(r"python -m ([\w.]*\w)")
    assert [(page, name) for page, name in told if find_spec(name) is None] == []


def test_targets_of_make_that_are_named_are_there():
    known = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    told = named(r"(?:`|\$ )make ([a-z-]+)")
    assert [(page, name) for page, name in told if name not in known] == []


def test_names_of_the_framework_that_are_given_with_their_folder_are_there():
    """As in: `Compiler` (`lakehouse/compile/`)."""
    told = named(r"`(\w+)` (?:of|in|\() ?`(lakehouse/[\w./]+)`")
    lost = [(page, name) for page, (name, place) in told if not _defines(ROOT / place, name)]
    assert lost == []


def test_dotted_names_of_the_framework_are_there():
    told = named(r"`(lakehouse\.\w+\.[\w.]*\w)")
    assert [(page, name) for page, name in told if not _can_be_resolved(name)] == []


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
