"""What pages for developers name is there: files, and targets of make."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs/decisions").glob("*.md"))]
FILE = re.compile(r"`([\w./-]+(?:\.(?:py|md|svg|toml|txt|yml)|/))`")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@each_page
def test_files_that_are_named_are_there(page):
    """A path is of the repository, or of the framework's folder."""
    named = FILE.findall(page.read_text())
    places = (ROOT, ROOT / "lakehouse", page.parent)
    lost = [name for name in named if not any((place / name).exists() for place in places)]
    assert lost == []


@each_page
def test_targets_of_make_that_are_named_are_there(page):
    known = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {*re.findall(r"`make ([\w-]+)", page.read_text())} <= {*known}
