"""What `@page` takes, and how the pages of a project are found."""

import sys
from types import ModuleType

import pytest
from toy import into

from lakehouse.config import load
from lakehouse.errors import DeclarationError, ProjectError
from lakehouse.pages import Choice, Days, Text, loading, page, report

TWICE = [Choice("site", "Person"), Choice("site", "Again")]


@pytest.mark.parametrize(
    "declare",
    [
        lambda: Choice("no name", "Person"),
        lambda: Choice("unit", "Unit", "°C"),
        lambda: Choice("unit", "Unit", ("°C", "°C")),
        lambda: page(title="Days", choices=TWICE),
        lambda: page(title="Days", choices=["site"]),
        lambda: report(title="Days", key="site", days=Days("daily.day", 7), choices=TWICE),
    ],
    ids=["no name", "a text for values", "a value twice", "a choice twice", "no choice", "report"],
)
def test_a_choice_that_cannot_be_meant_is_refused_where_it_stands(declare):
    with pytest.raises(DeclarationError) as raised:
        declare()
    assert raised.value.hint


def test_a_page_stays_a_function():
    @page(title="Days")
    def days(daily):
        return [Text(daily)]

    assert days("a text") == [Text("a text")]


def test_a_project_without_the_package_has_no_pages(lasting_toy):
    assert loading.load(lasting_toy.session.settings, lasting_toy.project) == []


def written(folder, package, **modules):
    """Settings of a project whose package of pages has these modules."""
    (folder / package).mkdir()
    (folder / package / "__init__.py").touch()
    for name, code in modules.items():
        (folder / package / f"{name}.py").write_text(f"from lakehouse.pages import *\n{code}")
    (folder / "lakehouse.toml").write_text(f'[project]\npages = "{package}"\n')
    return load(folder, {})


def test_pages_come_by_module_and_as_they_stand_in_it(tmp_path, lasting_toy):
    settings = written(
        tmp_path,
        "ordered_pages",
        b="@page(title='Z')\ndef z(daily): ...\n@page(title='A')\ndef a(daily): ...\n",
        a="from ordered_pages.b import z\n@report(title='M', key='id', days=Days('daily.day', 7))\ndef m(steps, first, last): ...",
    )
    specs = loading.load(settings, lasting_toy.project)
    assert [(spec.name, spec.tables) for spec in specs] == [
        ("m", ("steps",)),
        ("z", ("daily",)),
        ("a", ("daily",)),
    ]


@pytest.mark.parametrize(
    ("package", "code", "message"),
    [
        ("pages_of_nothing", "@page(title='A')\ndef a(dayly): ...", "'dayly'"),
        ("pages_that_break", "1 / 0", "division by zero"),
        ("pages_twice", "@page(title='A')\ndef a(daily): ...\n", "exists twice"),
    ],
)
def test_a_page_that_cannot_be_is_an_error_with_its_place(
    tmp_path, lasting_toy, package, code, message
):
    settings = written(tmp_path, package, one=code, two=code if "twice" in package else "")
    with pytest.raises(ProjectError) as raised:
        loading.load(settings, lasting_toy.project)
    assert message in raised.value.message
    assert "one.py:" in raised.value.message or "two.py:" in raised.value.message


def test_a_package_that_is_named_and_missing_is_an_error(tmp_path, lasting_toy):
    (tmp_path / "lakehouse.toml").write_text('[project]\npages = "no_such_pages"\n')
    with pytest.raises(ProjectError, match="no package 'no_such_pages'"):
        loading.load(load(tmp_path, {}), lasting_toy.project)


def test_a_page_that_a_module_imports_is_not_its_own(lasting_toy):
    own, other = ModuleType("own_pages"), ModuleType("other_pages")

    @page(title="Days")
    @into(own)
    def days(daily): ...

    other.days = days
    assert len(loading.collect([own, other], lasting_toy.project)) == 1
    assert sys.modules["own_pages"] is own
