"""A project to begin with, and declarations added to one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse import config
from lakehouse.cli import main
from lakehouse.scaffold import TEMPLATES
from lakehouse.scaffold.imports import with_imports

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """The folder of a project that nobody has changed yet."""
    folder = tmp_path_factory.mktemp("begun") / "größe und mehr"
    assert main(["init", str(folder)]) == 0
    return folder


@pytest.fixture
def in_project(begun, monkeypatch):
    monkeypatch.chdir(begun)
    return begun


def told(capsys, *arguments):
    """The exit code of a command, and the error that it prints as JSON."""
    code = main([*arguments, "--format", "json"])
    return code, json.loads(capsys.readouterr().out)


def made(folder, *command):
    """Run a command in a project as its reader would, with the framework and nothing else set."""
    settings = {name: text for name, text in os.environ.items() if not name.startswith("LAKEHOUSE")}
    answer = subprocess.run(
        command,
        cwd=folder,
        env={**settings, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer


@pytest.mark.sample(0, long=1)
@pytest.mark.parametrize("template", TEMPLATES)
def test_it_runs_as_it_is(template, tmp_path):
    main(["init", str(tmp_path / "shop"), "--template", template])
    made(tmp_path / "shop", "make", "run", f"PYTHON={sys.executable}")


@pytest.mark.long
def test_its_tests_pass(begun):
    made(begun, "make", "test", f"PYTHON={sys.executable}")


@pytest.mark.long
def test_what_is_added_can_be_run_as_it_is(tmp_path):
    """Also to modules that a person has written, and to one that did not exist."""
    main(["init", str(tmp_path / "shop")])
    for command in [
        ["new", "ingestion", "returned_goods"],
        ["new", "model", "quality.returns", "--reads", "returned_goods", "--reads", "customers"],
        ["new", "check", "nothing_is_free", "--table", "silver.fct_orders"],
        ["check", "--portable"],
    ]:
        made(tmp_path / "shop", sys.executable, "-m", "lakehouse", *command)


def test_its_settings_are_read(in_project):
    assert config.load().section("shop") == {"url": ""}


def test_nothing_of_it_is_of_this_machine(begun):
    texts = [path.read_text() for path in begun.rglob("*") if path.is_file()]
    assert not any(str(begun.parent) in text or "$" in text.split("\n")[0] for text in texts)


def test_hidden_files_are_hidden(begun):
    assert (begun / ".gitignore").is_file()
    assert (begun / ".github/workflows/check.yml").is_file()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    code, answer = told(capsys, "init", str(tmp_path))
    assert (code, answer["error"]) == (2, f"{tmp_path} is not empty")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_no_project_begins_in_another_one(in_project, capsys):
    code, answer = told(capsys, "init", "below")
    assert (code, answer["error"].partition(" lie ")[2]) == (2, f"in the project of {in_project}")


REFUSED = [
    (["model", "returns", "--reads", "orders"], "'returns' has no schema"),
    (["model", "marts.customers", "--reads", "orders"], "has marts.customers already"),
    (["model", "marts.orders", "--reads", "orders"], "has raw.orders already"),
    (["model", "marts.Returns", "--reads", "orders"], "cannot be the name"),
    (["model", "marts.class", "--reads", "orders"], "cannot be the name"),
    (["model", "../x.returns", "--reads", "orders"], "cannot be the name"),
    (["model", "raw.returns", "--reads", "orders"], "the schema 'raw' is taken"),
    (["model", "marts.returns", "--reads", "order"], "no function builds 'order'"),
    (["ingestion", "orders"], "has raw.orders already"),
    (["ingestion", "order_schema"], "order_schema.py exists already"),
    (["check", "orders_are_single", "--table", "orders"], "already"),
    (["check", "orders_are_good", "--table", "silver.order"], "no function builds"),
]
ASK = """
import json, sys
from lakehouse.cli import main
for arguments in json.loads(sys.argv[1]):
    print(main(["new", *arguments]), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def answers(begun):
    """What is said of each wrong addition, and whether a module changed: asked in one process."""
    before = {path: path.read_bytes() for path in begun.rglob("*.py")}
    asked = json.dumps([arguments for arguments, _ in REFUSED])
    said = made(begun, sys.executable, "-c", ASK, asked).stderr.split("\n2\n")
    assert before == {path: path.read_bytes() for path in begun.rglob("*.py")}
    return said[:-1]


@pytest.mark.long
@pytest.mark.parametrize("number", range(len(REFUSED)), ids=lambda n: " ".join(REFUSED[n][0]))
def test_what_cannot_be_added_is_told_and_changes_nothing(answers, number):
    assert len(answers) == len(REFUSED)
    assert REFUSED[number][1] in answers[number]
    assert "→" in answers[number]


@pytest.mark.parametrize(
    ("module", "result"),
    [
        ('"""Text."""', '"""Text."""\n\n%s'),
        (
            '"""Text."""\n\nfrom __future__ import annotations',
            '"""Text."""\n\nfrom __future__ import annotations\n\n%s',
        ),
        (
            "import ibis\n\nfrom lakehouse import model",
            "import ibis\n\nfrom lakehouse import model",
        ),
        (
            "import ibis\n\nfrom lakehouse import (\n    View,\n    quality,\n)\n\nX = 1",
            "import ibis\n\nfrom lakehouse import View, model, quality\n\nX = 1",
        ),
        (
            "from lakehouse import View as V",
            "import ibis\nfrom lakehouse import View as V, model",
        ),
    ],
)
def test_imports_are_added_where_a_person_would_put_them(module, result):
    added = "import ibis\n\nfrom lakehouse import model"
    assert with_imports(module, ["import ibis"], ["model"]) == result.replace("%s", added)
