"""Parts of pages that are written from the code, and tables beside them, say what the code says."""

import inspect
import re

import click
import pytest

import lakehouse
from docs.written import DOCS, commands, declarations, pages, rewritten, types
from docs.written.floors import FLOORS
from docs.written.layers import FRAMEWORK, about
from lakehouse import config
from lakehouse.checks import Rule
from lakehouse.draw.dag_picture import picture
from lakehouse.draw.svg import svg
from lakehouse.plan.what_to_build import Reason
from lakehouse.session import Session

NAMES = [*commands.names()]
COMMANDS = (DOCS / "reference/commands.md").read_text()
DECLARATIONS = (DOCS / "reference/declarations.md").read_text()
CHECKS = (DOCS / "how-to/write-checks.md").read_text()
TABLES = {
    "`@ingestion`": lakehouse.ingestion,
    "`@model`": lakehouse.model,
    "`@quality`": lakehouse.quality,
    "`View`": lakehouse.View,
    "`Incremental`": lakehouse.Incremental,
    "Ready checks": Rule,
}
"""Headings of the reference of declarations, and what the table of keywords below is about."""


def keywords(heading):
    """The keywords and defaults that the reference lists below a heading."""
    below = re.split(rf"^#+ {re.escape(heading)}\n", DECLARATIONS, flags=re.MULTILINE)[1]
    section = re.split(r"^#+ ", below, flags=re.MULTILINE)[0]
    listed = section.partition("| keyword | default | meaning |\n|---|---|---|\n")[2]
    rows = re.match(r"(?:\|.*\n)*", listed)[0].splitlines()
    return {
        name.strip("` "): default.strip() for _, name, default, *_ in (r.split("|") for r in rows)
    }


@pytest.mark.long
@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_what_is_written_from_the_code_is_current(page):
    """If not: make pages"""
    assert page.read_text() == rewritten(page.read_text())


@pytest.mark.parametrize("name", NAMES)
def test_each_command_has_a_part_of_the_reference(name):
    assert f"<!-- written: command {name} -->" in COMMANDS
    assert " " in name or f"\n## {name}\n" in COMMANDS


@pytest.mark.parametrize("name", NAMES)
def test_each_command_and_option_says_what_it_does(name):
    command = commands.context(name).command
    silent = [
        each.opts for each in command.params if isinstance(each, click.Option) and not each.help
    ]
    assert command.help
    assert silent == []


def test_the_reference_explains_each_reason_to_build():
    assert [reason for reason in Reason if f"`{reason}`" not in COMMANDS] == []


@pytest.mark.parametrize("heading", TABLES)
def test_the_reference_lists_each_keyword_with_its_default(heading):
    known = inspect.signature(TABLES[heading]).parameters.values()
    assert keywords(heading) == {each.name: declarations.default(each.default) for each in known}


def test_the_reference_describes_each_name_that_lakehouse_holds():
    parts = DECLARATIONS.split("```")[2:]  # behind what it says to import
    told = [name for name in lakehouse.__all__ if re.search(rf"`@?{name}\b", "".join(parts))]
    assert told == lakehouse.__all__


@pytest.mark.parametrize("name", [name for name in lakehouse.__all__ if name.endswith("Check")])
def test_the_guide_to_checks_names_the_parameters_of_each(name):
    row = re.search(rf"^\| `{name}\((.*?)\)` \|", CHECKS, re.MULTILINE)
    listed = re.findall(r"(\w+)(?:=(?:\(\)|\w+))?(?:, |$)", row[1])
    known = inspect.signature(getattr(lakehouse, name)).parameters
    assert listed == [each for each in known if each not in declarations.SHARED]


def test_the_floors_are_those_of_the_folders_that_there_are():
    # A folder that was moved leaves its bytecode behind, in each clone.
    there = {
        path.name.removesuffix(".py")
        for path in FRAMEWORK.iterdir()
        if path.suffix == ".py" or (path.is_dir() and any(path.rglob("*.py")))
    }
    named = [name for floor in FLOORS for name in floor]
    assert sorted(named) == sorted(there - {"__init__", "__pycache__"})


@pytest.mark.parametrize("name", [name for floor in FLOORS for name in floor])
def test_the_first_line_of_a_folder_is_a_sentence(name):
    assert about(name).endswith(".")


def test_the_picture_of_the_pipeline_is_current():
    """If not: make pages"""
    project = Session(config.load(DOCS.parent, {})).project
    assert (DOCS / "dag.svg").read_text() == svg(picture(project, None))


@pytest.mark.long
def test_no_value_of_any_type_is_changed_or_lost():
    said = [
        types.outcome(types.carried(), number, wanted) for number, *_, wanted in types.numbered()
    ]
    assert {each.partition(":")[0] for each in said} == {"kept", "quarantine"}
